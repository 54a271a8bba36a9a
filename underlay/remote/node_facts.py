"""A node as checks see it: files below a root folder, answers of its programs, and what its kernel does when asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from underlay.remote.machine import Trouble, read, run
from underlay.remote.node_kernel import Kernel

Input = dict[str, Any]
Run = Callable[..., "tuple[int, str]"]


class System:
    """One node; tests hand in a folder, a function that answers for programs, and a kernel."""

    def __init__(self, root: Path, ask: Run = run, kernel: Kernel | None = None) -> None:
        """See a node through its root folder."""
        self.root, self.ask, self.kernel = root, ask, kernel or Kernel()

    def text(self, path: str) -> str:
        """Return a file's text; empty when there is none or it cannot be read."""
        try:
            return read(self.root / path)
        except (OSError, UnicodeDecodeError):
            return ""

    def there(self, path: str) -> bool:
        """Tell whether a file or folder exists."""
        return (self.root / path).exists()

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder in order; none when there is no such folder."""
        return sorted(path.name for path in (self.root / folder).glob("*"))

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """Return the rows that a program prints as JSON; none when it prints no list."""
        try:
            parsed = json.loads(self.ask(*words)[1])
        except ValueError:
            return []
        return [item for item in parsed if isinstance(item, dict)] if isinstance(parsed, list) else []

    @property
    def runs_cilium(self) -> bool:
        """Tell whether Cilium is at work here already; what it made itself is no trouble then."""
        return self.there("sys/class/net/cilium_host")


Check = Callable[[System, Input], Iterator[Trouble]]
