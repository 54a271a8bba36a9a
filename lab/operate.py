"""Commands at the operator's place: any program, the engine, kubectl; started often, so they load little."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from lab import inside, surroundings
from lab.failure import Failure
from lab.paths import binaries, repo, state

WITH_FILE = {"up", "update", "preview", "pre", "refresh", "destroy", "config", "import"}
"""Verbs of the engine that take the stack file's name."""

WITH_PACK = {"up", "update", "preview", "pre"}
"""Verbs that check the resources by the policy pack."""

EXPECT_NONE, PROPOSED = "--expect-no-changes", 7
"""How the engine's preview is asked whether something would change, and its exit code when so."""

PACKLESS = "--no-pack"
"""Our own word among the engine's: without the policy pack."""


def run(words: list[str]) -> NoReturn:
    """Become the command named by the first word."""
    COMMANDS[words[0]](words[1:])


def execute(command: list[str]) -> NoReturn:
    """Become a command in the operator's network; without a lab, one that only finds the toolchain's programs."""
    _become(command, _entered())


def _entered() -> dict[str, str]:
    """Enter the operator's network where a lab runs, and return the environment of what is started from now on."""
    running = inside.supervisor() is not None
    if running:
        inside.enter_operator()
    environment = surroundings.environment() if running else surroundings.programs()
    os.environ["PATH"] = environment["PATH"]
    return environment


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - a list of words
    except OSError as error:
        raise Failure(f"{command[0]} cannot be run: {error.strerror}") from None


def _exec(words: list[str]) -> NoReturn:
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise Failure("exec needs a command: `python3 -m lab exec -- CMD...`")
    execute(command)


def _pulumi(given: list[str]) -> NoReturn:
    """Become the engine, on the lab's stack."""
    command = _engine(given)
    _become(command, _entered() | _temporary())


def _apply(words: list[str]) -> NoReturn:
    """Preview the lab's stack, and become its update where something would change; what is refused ends it."""
    preview, update = _engine(["preview", EXPECT_NONE, *words]), _engine(["up", "--yes", "--skip-preview", *words])
    environment = _entered() | _temporary()
    done = subprocess.run(preview, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == PROPOSED:
        _become(update, environment)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


def _temporary() -> dict[str, str]:
    """Return where the engine's plugins put the kubeconfig that they leave behind: in the lab's state."""
    folder = state() / "temporary"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"TMPDIR": str(folder)}


def _engine(given: list[str]) -> list[str]:
    """Return the engine's command line on the lab's stack."""
    inside.require_supervisor()
    pack, words = PACKLESS not in given, [word for word in given if word != PACKLESS]
    verb = words[0] if words else "help"
    more = ["--config-file", str(surroundings.stack_file())] if verb in WITH_FILE else []
    more += ["--policy-pack", "policy"] if verb in WITH_PACK and pack else []
    os.chdir(repo())
    return [str(binaries() / "pulumi"), verb, *more, *words[1:]]


def _kubectl(words: list[str]) -> NoReturn:
    """Become kubectl, as the cluster's administrator."""
    if not (state() / "kubeconfig").exists():
        raise Failure(
            "there is no cluster yet; `python3 -m lab pulumi up` or `python3 -m lab install -f FILE` makes it"
        )
    execute(["kubectl", *words])


COMMANDS: dict[str, Callable[[list[str]], NoReturn]] = {
    "kubectl": _kubectl,
    "pulumi": _pulumi,
    "apply": _apply,
    "exec": _exec,
}
