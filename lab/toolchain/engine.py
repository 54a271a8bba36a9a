"""The intrusion detection engine: a tree to run it in bare namespaces, and the same tree as an image for nodes."""

from __future__ import annotations

from lab.toolchain import debian, versions
from lab.toolchain.images import LAYER, PATH, write_archive
from lab.toolchain.part import Step

TREE = "engine"
IMAGE = "engine.tar"
NAME = "underlay.lab/suricata:7"


def make_engine(step: Step) -> None:
    """Grow a tree with the engine of the backports suite, and write it as an image of one layer.

    Only tests of intrusion detection ask for it, so it is no part of a node's store of images.
    """
    tree = step.staged(TREE)
    debian.grow(step, tree, versions.ENGINE_PACKAGES, [["suricata", "--build-info"]], versions.BACKPORTS)
    layer = step.work / "layer.tar"
    step.run(["tar", "--create", "--file", str(layer), *LAYER, "--directory", str(tree), "."])
    config = {"Entrypoint": ["/usr/bin/suricata"], "WorkingDir": "/", "Env": [PATH]}
    write_archive(layer, NAME, config, step.staged(IMAGE))
