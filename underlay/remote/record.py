"""What this project has applied to a router, kept beside it for root alone: the daemons forget marks and intentions."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

from underlay.remote.machine import read, write

FILE = "var/lib/underlay/router.json"
MODE = "var/lib/underlay/router-mode"
"""How the router's own file was found, in octal digits: while a password is in it, it is closed to others."""


class Record:
    """The texts that may be at work: one after a success, the former and the new one while a change is under way."""

    def __init__(self, root: Path) -> None:
        """Find the record below a root folder."""
        self.file, self.mode = root / FILE, root / MODE

    def texts(self) -> list[str]:
        """Return the texts, the newest last; none when nothing was applied or the record cannot be read."""
        try:
            found = json.loads(read(self.file) or "[]")
        except ValueError:
            return []
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

    def note_mode(self, path: Path) -> None:
        """Keep a file's mode as it was found; a later call changes nothing."""
        if path.exists() and not self.mode.exists():
            write(self.mode, f"{stat.S_IMODE(path.stat().st_mode):o}", mode=0o600)

    def give_mode_back(self, path: Path) -> None:
        """Give a file the mode that it was found with."""
        if self.mode.exists() and path.exists():
            path.chmod(int(read(self.mode), 8))
        self.mode.unlink(missing_ok=True)

    def keep(self, texts: list[str]) -> None:
        """Keep these texts, each once, at its last place; without any, the record goes."""
        known = list(dict.fromkeys(text for text in reversed(texts) if text))[::-1]
        if known:
            write(self.file, json.dumps(known), mode=0o600)
            return
        self.file.unlink(missing_ok=True)
        if self.file.parent.exists() and not any(self.file.parent.iterdir()):
            self.file.parent.rmdir()


def fingerprint(text: str) -> str:
    """Return what a text is recognised by without being kept; empty for an empty text."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
