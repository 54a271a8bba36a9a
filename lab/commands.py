"""The commands, each a few lines over the parts."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab import cgroups, inside, operate, power, status
from lab.failure import Failure
from lab.hardware import Hardware, read
from lab.machine import folder
from lab.paths import repo
from lab.surroundings import stack_file
from lab.toolchain import drop


def run(words: list[str]) -> int:
    """Run the command named by the first word."""
    if words[0] not in COMMANDS:
        raise Failure(f"no command {words[0]!r}; there are {', '.join([*COMMANDS, *operate.COMMANDS])}")
    return COMMANDS[words[0]](words[1:])


def _up(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="lab up")
    parser.add_argument("--site", type=Path, default=repo() / "Pulumi.dev.yaml")
    begin = time.monotonic()
    power.up(parser.parse_args(words).site.resolve())
    print(f"lab up after {time.monotonic() - begin:.1f} s")
    return _status([])


def _down(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="lab down")
    parser.add_argument("--cache", action="store_true")
    options = parser.parse_args(words)
    begin = time.monotonic()
    power.down()
    if options.cache and (others := cgroups.other_labs()):
        raise Failure(f"the cache stays: labs on other state folders use it ({', '.join(others)}); end them first")
    if options.cache:
        drop()
    print(f"lab down after {time.monotonic() - begin:.1f} s")
    return 0


def _status(words: list[str]) -> int:
    found = status.rows(_hardware())
    print(status.as_json(found) if "--json" in words else status.table(found))
    return 0 if all(row.up for row in found) else 1


def _restart(words: list[str]) -> int:
    hardware = _hardware()
    for name in words or [""]:
        _known([name], "restart NAME...")
    begin = time.monotonic()
    power.restart(words, hardware)
    print(f"{', '.join(words)} booted after {time.monotonic() - begin:.1f} s")
    return 0


def _shell(words: list[str]) -> int:
    name = _known(words, "shell NAME [CMD...]")
    return inside.run(name, words[1:] or ["bash", "-l"])


def _logs(words: list[str]) -> int:
    """Print a machine's log, or list its logs; they are read from its disk, so a dead machine has them too."""
    name = _known(words, "logs NAME [FILE]")
    logs = folder(name) / "upper/var/log/lab"
    names = sorted(path.name for path in logs.glob("*.log"))
    if len(words) == 1:
        print("\n".join(names))
        return 0
    if words[1] not in names:
        raise Failure(f"{name} has no log {words[1]!r}; it has {', '.join(names)}")
    shutil.copyfileobj((logs / words[1]).open("rb"), sys.stdout.buffer)
    return 0


def _install(words: list[str]) -> int:
    from lab import installer

    parser = argparse.ArgumentParser(prog="lab install")
    parser.add_argument("-f", dest="file", type=Path, required=True)
    print(installer.install(parser.parse_args(words).file, _hardware()), end="")
    return 0


def _uninstall(_: list[str]) -> int:
    from lab import installer

    installer.uninstall(_hardware())
    return 0


def _hardware() -> Hardware:
    inside.require_supervisor()
    return read(stack_file())


def _known(words: list[str], usage: str) -> str:
    machines = _hardware().machines
    if not words or words[0] not in machines:
        raise Failure(f"`python3 -m lab {usage}` needs one of {', '.join(machines)}")
    return words[0]


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "restart": _restart,
    "shell": _shell,
    "logs": _logs,
    "install": _install,
    "uninstall": _uninstall,
}
