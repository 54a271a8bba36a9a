"""The container runtime's disk: every image of the lab is on it, and the layers are shared by all nodes."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from lab.namespaces import bind
from lab.paths import store

SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs/snapshots"


def fill(disk: Path) -> None:
    """Copy the golden store without its layers: databases really, contents as hard links where the disk allows."""
    shutil.copytree(store(), disk, copy_function=_link, ignore=_layers, dirs_exist_ok=True)


def share(disk: Path) -> None:
    """Show the golden store's layers on a node's disk, read-only; the node's own layers stand beside them."""
    for layer in (store() / SNAPSHOTS).iterdir():
        bind(layer, disk / SNAPSHOTS / layer.name, read_only=True)


def _layers(folder: str, names: list[str]) -> list[str]:
    return names if folder.endswith(SNAPSHOTS) else []


def _link(source: str, target: str) -> str:
    """Link a file that nobody writes in place, copy a database or what lies on another disk."""
    if not source.endswith(".db"):
        with suppress(OSError):
            os.link(source, target)
            return target
    return str(shutil.copy2(source, target))
