"""Cilium that the cluster's installer brings: waited for, proven, and told where it is not as declared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.paths import cache
from tests.lab.site import Site, stack_with, until
from tests.unit.plan_sites import dev, put, site
from underlay.plan.values import helm_values

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
asked = pytest.mark.skipif("UNDERLAY_OWNED" not in os.environ, reason="takes minutes: UNDERLAY_OWNED=1, or make owned")

DECLARED = put("cilium.owner", "installer")
UP = ("pulumi", "up", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("owned")
    made = Site(folder / "state")
    try:
        made.long("up", "--site", str(stack_with(dev(DECLARED), folder / "site.yaml")))
        yield made
    finally:
        made.long("down")


def helm(lab: Site, folder: Path, *words: str) -> None:
    """Do with Helm what an installer does."""
    values = folder / "values.json"
    values.write_text(json.dumps(helm_values(site(DECLARED))), encoding="utf-8")
    chart = str(cache() / "chart" / f"cilium-{site(DECLARED).cilium.version}")
    given = ["upgrade", "--install", "cilium", chart, "--namespace", "kube-system", "--values", str(values)]
    lab.long("exec", "--", "helm", *given, *words)


def agents_are_ready(lab: Site) -> bool:
    words = ("-n", "kube-system", "rollout", "status", "daemonset/cilium", "--timeout=90s")
    return lab.run("kubectl", *words).returncode == 0


@asked
def test_an_update_waits_for_the_installers_cilium_and_tells_what_it_has_otherwise(lab: Site, tmp_path: Path) -> None:
    update = lab.start(*UP)
    assert until(lambda: lab.run("kubectl", "get", "nodes").returncode == 0, 120)
    helm(lab, tmp_path)
    out, error = update.communicate(timeout=600)
    assert update.returncode == 0, out + error
    assert "kubernetes:helm.sh/v3:Release" not in out
    assert lab.verify().code == 0
    helm(lab, tmp_path, "--set", "loadBalancer.algorithm=random")
    assert until(lambda: agents_are_ready(lab), 180)
    wrong = {rule for _, rule, _ in lab.verify().not_passed()}
    assert {"agent-options", "release-as-planned"} <= wrong, wrong
    assert lab.run(*UP).returncode == 0
    assert lab.verify().code == 1
    helm(lab, tmp_path)
    assert until(lambda: agents_are_ready(lab) and lab.verify().code == 0, 180)
