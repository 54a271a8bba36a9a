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
from tests.lab.site import Site, stack_with, until
from tests.unit.plan_sites import dev, put

WANTED = "UNDERLAY_DESTROY"
pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(WANTED not in os.environ, reason="a lab of its own: `make destroyed`"),
]

CLUSTER = "**underlay:cluster:Cluster**"
"""The cluster alone: kubelet's own files and rules are there before this project's."""
Held = dict[str, dict[str, dict[str, str]]]


ROUTED = ("worker-2", "worker-3")
"""Nodes of the rack whose routes the stack gives."""
WANTED_ROUTES = {"10.244.0.0/16", "172.30.1.0/24", "172.30.255.0/24", "203.0.113.0/24"}


def site_file(folder: Path) -> Path:
    """Write the dev site with routes of the stack's in one rack, and return the file."""
    return stack_with(dev(put("racks.1.routes", "stack")), folder / "Pulumi.routed.yaml")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("destroy")
    made = Site(folder / "state")
    try:
        made.long("up", "--site", str(site_file(folder)))
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


def routes(lab: Site, name: str) -> set[str]:
    """Return the destinations of the stack's routes on a node."""
    return {row["dst"] for row in json.loads(lab.inside(name, "ip", "-json", "-4", "route", "show", "proto", "85"))}


def drift(lab: Site, *words: str) -> tuple[int, set[str]]:
    """Look at the nodes of the rack, and return the exit code with the rules of what is found."""
    nodes = [word for name in ROUTED for word in ("--node", name)]
    done = lab.run("exec", "--", "python", "-m", "underlay", "drift", "--stack", "dev", "--json", *nodes, *words)
    found = json.loads(done.stdout) if done.stdout else []
    return done.returncode, {finding["rule"] for one in found for finding in one["findings"]}


def live_and_lose(lab: Site) -> None:
    """Lose a route, find it, have it written again, restart the node, and find it there without anybody's help."""
    assert {name: routes(lab, name) for name in ROUTED} == dict.fromkeys(ROUTED, WANTED_ROUTES)
    lab.inside("worker-2", "ip", "route", "del", "10.244.0.0/16")
    assert drift(lab) == (1, {"route-drifted"})
    assert drift(lab, "--repair") == (0, set())
    assert routes(lab, "worker-2") == WANTED_ROUTES
    lab.long("restart", "worker-2")
    assert routes(lab, "worker-2") == WANTED_ROUTES
    assert until(lambda: drift(lab) == (0, set()))


def test_every_machine_is_given_back(lab: Site) -> None:
    lab.long("pulumi", "--no-pack", "up", "--yes", "--skip-preview", "--target", CLUSTER)
    before = held(lab)
    lab.long("pulumi", "up", "--yes", "--skip-preview")
    live_and_lose(lab)
    _end_pods(lab)
    lab.long("pulumi", "destroy", "--yes", "--skip-preview")
    after = held(lab)
    lines = [f"{name}: {line}" for name in before for line in belongings.difference(before[name], after[name])]
    assert not lines, "\n".join(lines)
