"""The golden containerd store: every image imported and unpacked once; nodes see its layers read-only."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab import paths
from lab.toolchain import noderoot
from lab.toolchain.images import FORMER, NAMES, NEWEST
from lab.toolchain.part import HERE, Step
from lab.toolchain.process import StepError

STORE = "store"
FORMER_STORE = f"{STORE}-{FORMER.minor}"
"""The same with the release before beside the newest one."""
DATABASES = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)


def make_store(step: Step) -> None:
    """Import all images with the node tree's own containerd, in namespaces that vanish with it."""
    _import(step, step.staged(STORE), step.cache / NEWEST.images)


def make_former_store(step: Step) -> None:
    """Import the images of both releases in the same way."""
    images, names = step.work / "images", {}
    images.mkdir()
    for release in (NEWEST, FORMER):
        told: dict[str, str] = json.loads((step.cache / release.names).read_text())
        for image, name in told.items():
            one = f"{image}-{release.minor}"
            os.link(step.cache / release.images / f"{image}.tar", images / f"{one}.tar")
            names[one] = name
    (images / "names.json").write_text(json.dumps(names))
    _import(step, step.staged(FORMER_STORE), images)


def _import(step: Step, store: Path, images: Path) -> None:
    store.mkdir(mode=0o711)
    binds = [[str(store), "/mnt/store"], [str(images), "/mnt/images"], [str(HERE), "/mnt/lab"]]
    noderoot.use_tree(step, [["python3", "-I", "/mnt/lab/golden.py"]], binds)
    for name in DATABASES:
        if not (store / name).is_file():
            raise StepError(f"containerd left no {name} in its store")


def image_names() -> dict[str, str]:
    """Return the image names by what they are: agent, operator, pause, probe."""
    names: dict[str, str] = json.loads((paths.cache() / NAMES).read_text())
    return names
