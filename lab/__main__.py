"""`python3 -m lab`: begins with any Python 3.11, sees to the toolchain, goes on with the toolchain's own Python."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from lab.paths import repo, venv_python

USAGE = """\
usage: python3 -m lab COMMAND

  up [--site FILE]        machines, routers, cables and keys of a site (default: Pulumi.dev.yaml)
  down [--cache]          end the lab and leave nothing behind; --cache: drop the toolchain too
  status [--json]         what runs; exit code 0 only if everything does
  restart NAME...         power machines off and boot them
  shell NAME [CMD...]     a shell, or a command, in a machine
  logs [NAME [FILE]]      the log files of a machine, or one of them
  install -f FILE         make a cluster as the cluster file says; prints the kubeconfig
  uninstall               remove the cluster; its machines boot from fresh disks
  kubectl ARGS...         kubectl as the cluster's administrator
  pulumi [--no-pack] ...  the engine on the lab's stack
  apply                   preview the lab's stack, and update it where something would change
  exec -- CMD...          any command at the operator's place; without a lab, with the toolchain's programs only
"""


def main(words: list[str]) -> int:
    """Run one command; every failure is a message and a code that is not zero."""
    if not words or words[0] in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0 if words else 2
    if os.geteuid() != 0:
        return _fail("the lab makes namespaces and needs root; run it as root")
    python = str(venv_python())
    if sys.executable == python:
        return _run(words)
    if words[0] == "up" and (failure := _make_toolchain()):
        return _fail(failure)
    if not venv_python().exists():
        return _fail("the toolchain is not made yet; `python3 -m lab up` or `python3 -m lab.toolchain` makes it")
    return _again(python, words)


def _make_toolchain() -> str:
    """Ask whether this machine can carry the lab, say what will happen, make what is missing; return what failed."""
    from lab.toolchain import StepError, ensure
    from lab.toolchain.preflight import check, forecast

    problems = [f"{finding.name}: {finding.problem}; {finding.advice}" for finding in check() if not finding.ok]
    if problems:
        return "\n  ".join(["this machine cannot carry the lab:", *problems])
    print(forecast(), flush=True)
    try:
        ensure()
    except StepError as error:
        return str(error)
    return ""


def _again(python: str, words: list[str]) -> NoReturn:
    os.environ["PYTHONPATH"] = str(repo())
    os.execv(python, [python, "-P", "-m", "lab", *words])  # noqa: S606 - a list of words


def _run(words: list[str]) -> int:
    from lab import operate
    from lab.failure import Failure

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and so would everything started from here
    try:
        if words[0] in operate.COMMANDS:
            operate.run(words)
        from lab import commands

        return commands.run(words)
    except Failure as failure:
        return _fail(str(failure))
    except KeyboardInterrupt:
        return 130


def _fail(message: str) -> int:
    print(f"lab: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
