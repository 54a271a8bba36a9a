"""A whole stack, destroyed: each node and router of a lab of its own is as it was before, byte for byte.

A second lab beside a running one is too much for a small machine, so this runs when it is asked for: `make destroyed`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import belongings
from tests.lab.site import Site

WANTED = "UNDERLAY_DESTROY"
pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(WANTED not in os.environ, reason="a lab of its own: `make destroyed`"),
]

CLUSTER = "**underlay:cluster:Cluster**"
"""The cluster alone: kubelet's own files and rules are there before this project's."""
Held = dict[str, dict[str, dict[str, str]]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("destroy") / "state")
    try:
        made.long("up")
        yield made
    finally:
        made.long("down")


def held(lab: Site) -> Held:
    """Return what each machine has."""
    text = Path(belongings.__file__).read_text(encoding="utf-8")
    machines = ("tor-a", "tor-b", "cp-1", "worker-1", "worker-2", "worker-3")
    return {name: json.loads(lab.inside(name, "python3", "-IBc", text)) for name in machines}


def _end_pods(lab: Site) -> None:
    """End the cluster's own pods that have an address by now: a pod that runs keeps its link."""
    system = ("kubectl", "-n", "kube-system")
    lab.good(*system, "scale", "deployment", "coredns", "--replicas=0")
    lab.good(*system, "wait", "--for=delete", "pod", "-l", "k8s-app=kube-dns", "--timeout=60s")


def test_every_machine_is_given_back(lab: Site) -> None:
    lab.long("pulumi", "--no-pack", "up", "--yes", "--skip-preview", "--target", CLUSTER)
    before = held(lab)
    lab.long("pulumi", "up", "--yes", "--skip-preview")
    _end_pods(lab)
    lab.long("pulumi", "destroy", "--yes", "--skip-preview")
    after = held(lab)
    lines = [f"{name}: {line}" for name in before for line in belongings.difference(before[name], after[name])]
    assert not lines, "\n".join(lines)
