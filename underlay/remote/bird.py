"""BIRD: a file of our own, one `include` line in bird.conf, and changes that BIRD undoes unless they are confirmed."""

from __future__ import annotations

import grp
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from underlay.remote.machine import BYTES, Trouble, drop_copy, keep_copy, owner_of, read, run, write
from underlay.remote.record import Record, fingerprint

UNDO_SECONDS = "30"
"""BIRD goes back by itself after so long without a confirmation."""
SECTION = re.compile(r"^#section (\w+)\n(.*?)^#section end\n", re.MULTILINE | re.DOTALL)
"""Parts of our text that are needed only where the router's own files lack such a protocol: BIRD takes one of each."""
OURS = re.compile(r"^protocol \w+ (underlay_\w+)", re.MULTILINE)

NEIGHBOUR = re.compile(r"^\s+neighbor (\S+) as ", re.MULTILINE)
SESSION = re.compile(r"^\s+Neighbor address: (\S+)", re.MULTILINE)


class Bird:
    """One BIRD router."""

    def __init__(self, root: Path) -> None:
        """Find the router's files below a root folder."""
        self.file = root / "etc/bird/bird.conf"
        self.ours = root / "etc/bird/underlay.conf"
        self.include = f'include "{self.ours}"; # cilium-underlay\n'
        self.record = Record(root)

    def look(self) -> None:
        """Refuse a router whose daemon does not answer."""
        code, found = run("birdc", "show", "status")
        if code or "up and running" not in found:
            raise Trouble(
                "router-daemon-not-running", "birdc: show status", found, "Daemon is up and running", "Start bird."
            )

    def own(self) -> str:
        """Return our file as it is now."""
        return read(self.ours)

    def taken(self, new: str) -> list[str]:
        """Return the sessions that BIRD keeps beside ours with neighbours of a new text."""
        _, told = run("birdc", "show", "protocols", "all")
        wanted = set(NEIGHBOUR.findall(new))
        found = ((block.split()[0], SESSION.search(block)) for block in re.split(r"\n(?=\S)", told))
        return [
            f"protocol {name} with {session[1]}"
            for name, session in found
            if session and session[1] in wanted and not name.startswith("underlay_")
        ]

    def change(self, new: str) -> list[str]:
        """Bring files and daemon to the new text; return what was done."""
        before, old = read(self.file), self.own()
        base = before.replace(self.include, "")
        base += "\n" if base and not base.endswith("\n") and new else ""
        new = completed(new, lambda section: not self._refused(base + section))
        after = base + self.include if new else base
        confirmed = self.record.texts() == ([fingerprint(new)] if new else [])
        if (after, new) == (before, old) and confirmed and not _missing(new):
            return []
        if answer := self._refused(base + new):
            raise Trouble("router-syntax-refused", "bird -p", answer, "a configuration that this BIRD accepts")
        keep_copy(self.file)
        self.record.note_mode(self.file)
        try:
            self._write(after, new)
        except OSError:
            self._write(before, old)
            raise
        if problem := _reconfigure(new):
            self._write(before, old)
            run("birdc", "configure")
            expected = "every protocol of ours up or connecting; the former state is back"
            raise Trouble("router-change-taken-back", "birdc configure", problem, expected)
        if not new:
            drop_copy(self.file)
            self.record.give_mode_back(self.file)
        self.record.keep([fingerprint(new)])
        return [f"{self.file} and {self.ours} changed, birdc configure"]

    def _refused(self, text: str) -> str:
        """Return what BIRD has against a text in place of its file, and beside it: includes are relative to it."""
        place, name = self.file.parent, f".{self.file.name}."
        with tempfile.NamedTemporaryFile("w", dir=place, prefix=name, encoding="utf-8", errors=BYTES) as file:
            file.write(text)
            file.flush()
            code, answer = run("bird", "-p", "-c", file.name)
        return (answer or f"exit code {code}") if code else ""

    def _write(self, main: str, ours: str) -> None:
        owner = owner_of(self.file)
        if ours:
            write(self.ours, ours, mode=0o640, owner=_readable_by_bird(owner))
        if main != read(self.file):
            write(self.file, main, mode=0o640, owner=_readable_by_bird(owner))
        if not ours:
            self.ours.unlink(missing_ok=True)


def completed(text: str, takes: Callable[[str], bool]) -> str:
    """Return our text with those sections alone that BIRD takes beside the router's own files."""
    return SECTION.sub(lambda match: match[2] if takes(match[2]) else "", text)


def _readable_by_bird(owner: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return an owner whose group is BIRD's own where there is one: the daemon reads its files without root."""
    try:
        return (owner[0] if owner else 0, grp.getgrnam("bird").gr_gid)
    except KeyError:
        return owner


def _states() -> dict[str, str]:
    _, text = run("birdc", "show", "protocols")
    return {words[0]: words[3] for words in map(str.split, text.splitlines()) if len(words) > 3}


def _missing(text: str) -> list[str]:
    states = _states()
    return [name for name in OURS.findall(text) if states.get(name, "missing") in ("missing", "down")]


def _reconfigure(text: str) -> str:
    _, answer = run("birdc", "configure", "timeout", UNDO_SECONDS)
    if "Reconfigur" not in answer or "shutting down" in answer:
        return answer
    if missing := _missing(text):
        run("birdc", "configure", "undo")
        return "not running: " + ", ".join(missing)
    code, answer = run("birdc", "configure", "confirm")
    return f"not confirmed: {answer}" if code else ""
