"""FRR: our block at the end of frr.conf, and the same lines in the running daemons; nothing else is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path

from underlay.remote.frr_lines import Entry, additions, entries, neighbor, neighbors, removals
from underlay.remote.frr_ours import named, without
from underlay.remote.machine import BYTES, Trouble, copy_of, drop_copy, keep_copy, owner_of, read, run, write
from underlay.remote.record import Record

BEGIN, END = "! BEGIN cilium-underlay\n", "! END cilium-underlay\n"
DAEMONS = ("zebra", "bgpd")
ALONE = ("*d.conf", "zebra.conf")
"""The daemons' own files: none of them is read once there is a frr.conf."""
APART = "no service integrated-vtysh-config"
PASSES = 3
"""A changed AS number of a group takes its members with it; they come back in the next pass."""


class Frr:
    """One FRR router."""

    def __init__(self, root: Path) -> None:
        """Find the router's files below a root folder."""
        self.file, self.shell = root / "etc/frr/frr.conf", root / "etc/frr/vtysh.conf"
        self.record = Record(root)

    def look(self) -> None:
        """Refuse a router whose daemons do not answer."""
        _, found = run("vtysh", "-c", "show daemons")
        if missing := [name for name in DAEMONS if name not in found.split()]:
            fix = "Start FRR with these daemons."
            raise Trouble(
                "router-daemon-not-running", "vtysh: show daemons", found or "none", " and ".join(missing), fix
            )

    def own(self) -> str:
        """Return our text as it is now: the block of the file, or what was applied where its marks are lost."""
        return block_of(read(self.file))[1] or "".join(self.record.texts()[-1:])

    def taken(self, new: str) -> list[str]:
        """Return the lines of neighbours that FRR runs, that a new text declares, and that we have not brought."""
        running = _running()
        ours = neighbors([*entries(self.own() + "".join(self.record.texts())), *named(running)])
        wanted = neighbors(entries(new)) - ours
        return [entry[1] for entry in running if neighbor(entry) in wanted]

    def change(self, new: str) -> list[str]:
        """Bring file and daemons to the new text; return the commands that were needed."""
        before, known, former = read(self.file), self.record.texts(), self.own()
        base, old = self._foreign(before, known), "".join(dict.fromkeys([*known, former]))
        after = _with_block(base, new)
        first = self._commands(old, new, base)
        if not first and after == before and known == ([new] if new else []):
            return []
        if new:
            self._refuse_files_by_daemon()
        _check(after)
        if not old:
            keep_copy(self.file)
            self.record.note_mode(self.file)
        try:
            self.record.keep([*known, former, new])
            self._write(after)
            left = self._settle(first, old, new, base)
        except OSError:
            self._take_back(before, new, former, known)
            raise
        if left:
            self._take_back(before, new, former, known)
            expected = "every line in the running configuration; the former state is back"
            raise Trouble("router-change-taken-back", "vtysh -f", "; ".join(left[:5]), expected)
        if not new:
            drop_copy(self.file)
            self.record.give_mode_back(self.file)
        self.record.keep([new])
        return first or [f"{self.file} rewritten"]

    def _refuse_files_by_daemon(self) -> None:
        """Refuse a router whose daemons keep a file each: they would skip those once there is a file of ours."""
        alone = [] if self.file.exists() else [path.name for one in ALONE for path in self.file.parent.glob(one)]
        told = [] if block_of(read(self.file))[1] else read(self.shell).splitlines()
        apart = [f"{APART} in {self.shell.name}" for line in told if line.strip() == APART]
        if found := [*sorted(alone), *apart]:
            expected = "one frr.conf for all daemons"
            fix = "Set `service integrated-vtysh-config` in vtysh.conf, `write memory` in vtysh, then run this again."
            raise Trouble("router-files-by-daemon", str(self.file), ", ".join(found), expected, fix)

    def _take_back(self, before: str, new: str, former: str, known: list[str]) -> None:
        if read(self.file) != before:
            self._write(before)
        base = self._foreign(before, known)
        self._settle(self._commands(new, former, base), new, former, base)
        self.record.keep(known)

    def _foreign(self, text: str, known: list[str]) -> str:
        """Return the text without what is ours: the block, or, where `write memory` took its marks, our lines."""
        base, block = block_of(text)
        if block:
            return base
        kept = read(copy_of(self.file))
        theirs = entries(without(kept, named(entries(kept))))
        return without(base, entries("".join(known)) or named(entries(base)), theirs)

    def _settle(self, commands: list[str], old: str, new: str, base: str) -> list[str]:
        for _ in range(PASSES):
            if not commands:
                break
            _send(commands)
            commands = self._commands(old, new, base)
        return commands

    def _commands(self, old: str, new: str, base: str) -> list[str]:
        running, wanted, foreign = _running(), entries(new), entries(base)
        traces = entries(old) if old else named(running)
        return removals(running, traces, wanted, foreign) + additions(running, wanted)

    def _write(self, text: str) -> None:
        """Replace the file; one that was not there before us goes with its last line."""
        if not text and not self.record.mode.exists():
            self.file.unlink(missing_ok=True)
            return
        write(self.file, text, mode=0o640, owner=owner_of(self.file))


def block_of(text: str) -> tuple[str, str]:
    """Return the text around our block, and the block; a block without its end, or a second one, is refused."""
    marks = [line for line in text.splitlines(keepends=True) if line in (BEGIN, END)]
    if marks not in ([], [BEGIN, END]):
        found = ", ".join(mark.strip() for mark in marks)
        fix = "Correct the marks by hand: only they tell our lines from others. Nothing was changed."
        raise Trouble("router-block-broken", "frr.conf", found, f"{BEGIN.strip()}, {END.strip()}, once each", fix)
    base, _, rest = text.partition(BEGIN)
    block, _, tail = rest.partition(END)
    return base + tail, block


def _with_block(base: str, new: str) -> str:
    if not new:
        return base
    return base + ("" if base.endswith("\n") or not base else "\n") + BEGIN + new + END


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
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8", errors=BYTES) as file:
        file.write(text)
        file.flush()
        return run(*words, file.name)
