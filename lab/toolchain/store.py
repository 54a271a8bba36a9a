"""The golden containerd store: every image imported and unpacked once; nodes see its layers read-only."""

from __future__ import annotations

import json

from lab import paths
from lab.toolchain import noderoot
from lab.toolchain.images import NAMES
from lab.toolchain.part import HERE, Step
from lab.toolchain.process import StepError

STORE = "store"
DATABASES = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)


def make_store(step: Step) -> None:
    """Import all images with the node tree's own containerd, in namespaces that vanish with it."""
    store, images = step.staged(STORE), step.cache / "images"
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
