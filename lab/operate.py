"""Commands at the operator's place: any program, the engine, kubectl."""

from __future__ import annotations

import os
from typing import NoReturn

from lab import inside, stack
from lab.failure import Failure
from lab.paths import binaries, repo, state

WITH_FILE = {"up", "update", "preview", "pre", "refresh", "destroy", "config", "import"}
"""Verbs of the engine that take the stack file's name."""

WITH_PACK = {"up", "update", "preview", "pre"}
"""Verbs that check the resources by the policy pack."""


def execute(command: list[str]) -> NoReturn:
    """Become a command in the operator's network; without a lab, one that only finds the toolchain's programs."""
    running = inside.supervisor() is not None
    if running:
        inside.enter_operator()
    environment = stack.environment() if running else stack.programs()
    os.environ["PATH"] = environment["PATH"]
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - a list of words
    except OSError as error:
        raise Failure(f"{command[0]} cannot be run: {error.strerror}") from None


def pulumi(words: list[str], *, pack: bool) -> NoReturn:
    """Become the engine, on the lab's stack."""
    inside.require_supervisor()
    verb = words[0] if words else "help"
    more = ["--config-file", str(stack.stack_file())] if verb in WITH_FILE else []
    more += ["--policy-pack", "policy"] if verb in WITH_PACK and pack else []
    os.chdir(repo())
    execute([str(binaries() / "pulumi"), verb, *more, *words[1:]])


def kubectl(words: list[str]) -> NoReturn:
    """Become kubectl, as the cluster's administrator."""
    if not (state() / "kubeconfig").exists():
        raise Failure(
            "there is no cluster yet; `python3 -m lab pulumi up` or `python3 -m lab install -f FILE` makes it"
        )
    execute(["kubectl", *words])
