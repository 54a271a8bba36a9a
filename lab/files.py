"""Files of a machine, written below its root."""

from __future__ import annotations

from pathlib import Path


def write(root: Path, files: dict[str, str], mode: int) -> None:
    """Write files below a machine's root; a link there does not lead out of it."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=mode)
        path.chmod(mode)
        path.write_text(text)
