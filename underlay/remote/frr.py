"""FRR: our block at the end of frr.conf, and the same lines in the running daemons; nothing else is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path

from underlay.remote.frr_lines import Entry, additions, entries, removals
from underlay.remote.machine import Trouble, drop_copy, keep_copy, owner_of, read, run, write

BEGIN, END = "! BEGIN cilium-underlay\n", "! END cilium-underlay\n"
DAEMONS = ("zebra", "bgpd")
PASSES = 3
"""A changed AS number of a group takes its members with it; they come back in the next pass."""


class Frr:
    """One FRR router."""

    def __init__(self, root: Path) -> None:
        """Find the router's files below a root folder."""
        self.file = root / "etc/frr/frr.conf"

    def look(self) -> None:
        """Refuse a router whose daemons do not answer."""
        _, found = run("vtysh", "-c", "show daemons")
        if missing := [name for name in DAEMONS if name not in found.split()]:
            fix = "Start FRR with these daemons."
            raise Trouble(
                "router-daemon-not-running", "vtysh: show daemons", found or "none", " and ".join(missing), fix
            )

    def own(self) -> str:
        """Return our block of the file as it is now."""
        return _split(read(self.file))[1]

    def change(self, new: str) -> list[str]:
        """Bring file and daemons to the new text; return the commands that were needed."""
        before = read(self.file)
        base, old = _split(before)
        after = base + (BEGIN + new + END if new else "")
        first = self._commands(old, new, base)
        if not first and after == before:
            return []
        _check(after)
        keep_copy(self.file)
        self._write(after)
        if left := self._settle(first, old, new, base):
            self._write(before)
            self._settle(self._commands(new, old, base), new, old, base)
            expected = "every line in the running configuration; the former state is back"
            raise Trouble("router-change-taken-back", "vtysh -f", "; ".join(left[:5]), expected)
        if not new:
            drop_copy(self.file)
        return first or [f"{self.file} rewritten"]

    def _settle(self, commands: list[str], old: str, new: str, base: str) -> list[str]:
        for _ in range(PASSES):
            if not commands:
                break
            _send(commands)
            commands = self._commands(old, new, base)
        return commands

    def _commands(self, old: str, new: str, base: str) -> list[str]:
        running, wanted = _running(), entries(new)
        own_bgp = "router bgp" not in base
        return removals(running, entries(old), wanted, own_bgp=own_bgp) + additions(running, wanted)

    def _write(self, text: str) -> None:
        write(self.file, text, mode=0o640, owner=owner_of(self.file))


def _split(text: str) -> tuple[str, str]:
    base, _, rest = text.partition(BEGIN)
    block, _, tail = rest.partition(END)
    return base + tail, block


def _running() -> dict[Entry, None]:
    code, text = run("vtysh", "-c", "show running-config")
    if code:
        raise Trouble("router-daemon-not-running", "vtysh: show running-config", text, "the running configuration")
    return entries(text)


def _check(text: str) -> None:
    code, answer = _with_file(text, "vtysh", "-C", "-f")
    if code:
        raise Trouble("router-syntax-refused", "vtysh -C", answer, "a configuration that this FRR accepts")


def _send(commands: list[str]) -> None:
    _with_file("\n".join(commands) + "\n", "vtysh", "-f")


def _with_file(text: str, *words: str) -> tuple[int, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return run(*words, file.name)
