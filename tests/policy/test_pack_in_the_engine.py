"""The pack through the real engine's preview: our own program, other people's stacks, and values not known yet."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from policy.rules.cluster_origin import NAME, STATED
from policy.strict import UNDETERMINED_MARK
from tests.policy.cases.waivers import waiver
from tests.policy.engine import PACK, ROOT, Engine, example_stack, foreign_stack, needs_engine, our_stack, plain_pack
from tests.unit.plan_sites import dev, drop, put

pytestmark = [pytest.mark.engine, needs_engine]

FOREIGN = Path(__file__).parent / "foreign"
CHART = FOREIGN / "chart/cilium"
NEW: dict[str, Any] = {name: {"clusterOrigin": "new"} for name in (NAME, STATED)}

OBJECT = """
import pulumi, pulumi_kubernetes as k
cluster = k.Provider("c", render_yaml_to_directory="rendered")
k.apiextensions.CustomResource("peer", api_version="cilium.io/v2", kind="CiliumBGPPeerConfig",
    metadata={"name": "x"}, spec={}, opts=pulumi.ResourceOptions(provider=cluster))
"""
UNKNOWN = """
import pulumi, pulumi_command as c
made = c.local.Command("made", create="timeout 5 echo new")
pulumi.ComponentResource("underlay:cluster:Cluster", "it", {"origin": made.stdout})
"""
UNPINNED = """
import pulumi_command as c
for name in ("one", "two"):
    c.remote.Command(name, create="timeout 5 true", connection={"host": "192.0.2.1"})
"""
BORROWED = """
import pulumi, pulumi_kubernetes as k
class Cilium(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("underlay:cilium:Release", "it", {})
        cluster = k.Provider("c", render_yaml_to_directory="rendered", opts=pulumi.ResourceOptions(parent=self))
        k.apiextensions.CustomResource("peer", api_version="cilium.io/v2", kind="CiliumBGPPeerConfig",
            metadata={"name": "x"}, spec={}, opts=pulumi.ResourceOptions(parent=self, provider=cluster))
Cilium()
"""
WAIVED = """
import pulumi
pulumi.ComponentResource("underlay:cluster:Cluster", "it", {
    "clusterName": "it", "origin": "existing", "networkMode": "underlay", "routingMode": "native",
    "podPool": "10.1.0.0/16", "podMask": 24, "nativeRoutingCidr": "10.1.0.0/16",
    "waivers": [{"rule": "cilium-only-on-new-clusters", "reason": "trial", "allowed_by": "us", "until": "UNTIL"}]})
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def test_the_dev_site_breaks_no_rule(engine: Engine) -> None:
    outcome = engine.preview(ROOT, our_stack(engine, dev()), PACK)
    assert (outcome.code, outcome.mandatory()) == (0, []), outcome.text


def test_the_production_example_breaks_no_rule_without_a_cluster(engine: Engine) -> None:
    outcome = engine.preview(ROOT, example_stack(engine, ROOT / "Pulumi.production.yaml"), PACK)
    assert (outcome.code, outcome.mandatory()) == (0, []), outcome.text


def test_an_old_cluster_is_refused_by_the_pack_and_by_the_program(engine: Engine) -> None:
    outcome = engine.preview(ROOT, our_stack(engine, dev(drop("cluster.origin"))), PACK)
    assert outcome.code != 0
    assert (NAME, "dev") in outcome.mandatory(), outcome.text
    assert "the declaration is refused, 1 finding(s); nothing was applied" in outcome.text
    assert "Traceback" not in outcome.text
    assert "not-a-secret" not in outcome.text


def test_a_plain_up_without_the_pack_refuses_before_anything_is_applied(engine: Engine) -> None:
    file = our_stack(engine, dev(put("cluster.origin", "existing")))
    done = engine.run("up", "--yes", "--skip-preview", "--config-file", str(file), cwd=ROOT)
    assert done.returncode != 0
    assert f"[{NAME}]" in done.stdout + done.stderr
    engines_own = {"pulumi:pulumi:Stack", "pulumi:providers:pulumi"}
    assert engine.kinds(file.parent) <= {*engines_own, "underlay:cluster:Cluster"}


def test_what_an_update_s_targets_leave_out_is_not_refused(engine: Engine) -> None:
    """The engine hands over no inputs of what is not there yet and stays so."""
    outcome = engine.preview(ROOT, our_stack(engine, dev()), PACK, target="**underlay:cluster:Cluster**")
    assert (outcome.code, outcome.mandatory()) == (0, []), outcome.text


def test_a_target_does_not_hide_its_own_mistakes(engine: Engine) -> None:
    project, file = foreign_stack(engine, UNPINNED)
    outcome = engine.preview(project, file, PACK, target="**::one")
    assert outcome.mandatory() == [("host-keys-are-pinned", "one")], outcome.text


def test_a_waiver_is_advice(engine: Engine) -> None:
    project, file = foreign_stack(engine, WAIVED.replace("UNTIL", waiver()["until"]))
    outcome = engine.preview(project, file, PACK)
    assert outcome.code == 0, outcome.text
    assert [(level, policy) for level, policy, _ in outcome.events] == [("advisory", "waivers-in-force")]


@pytest.mark.parametrize(
    ("program", "brought"),
    [
        ("plain_release", {"cni"}),
        ("chart_with_transforms", {"network:kube-system/cilium", "network:kube-system/cilium-config"}),
        ("raw_manifests", {"settings", "agents", "adverts", "peers"}),
    ],
)
def test_a_stack_of_another_team_is_caught_and_passes_on_a_new_cluster(
    engine: Engine, program: str, brought: set[str]
) -> None:
    project, file = foreign_stack(engine, (FOREIGN / f"{program}.py").read_text(encoding="utf-8"))
    engine.run("config", "set", "chart", str(CHART), "--config-file", str(file), cwd=file.parent)
    caught = engine.preview(project, file, PACK)
    assert caught.code != 0
    assert {(NAME, name) for name in brought} <= set(caught.mandatory()), caught.text
    allowed = engine.preview(project, file, PACK, NEW)
    assert (allowed.code, allowed.mandatory()) == (0, []), allowed.text


def test_a_component_that_only_sounds_like_ours_is_refused_before_anything_is_made(engine: Engine) -> None:
    project, file = foreign_stack(engine, BORROWED)
    words = ["up", "--yes", "--skip-preview", "--config-file", str(file), "--policy-pack", str(PACK)]
    done = engine.run(*words, cwd=project)
    assert done.returncode != 0
    assert NAME in done.stdout + done.stderr
    assert not {kind for kind in engine.kinds(file.parent) if kind.startswith("kubernetes:")}
    assert not list(project.rglob("*.yaml")) or [path.name for path in project.rglob("*.yaml")] == ["Pulumi.yaml"]


def test_a_value_that_is_not_known_yet_is_green_with_the_plain_sdk_and_red_here(engine: Engine, tmp_path: Path) -> None:
    project, file = foreign_stack(engine, UNKNOWN)
    plain = engine.preview(project, file, plain_pack(tmp_path / "plain"))
    assert plain.code == 0, plain.text
    assert [(level, policy) for level, policy, _ in plain.events] == [("advisory", "origin-is-new")]
    ours = engine.preview(project, file, PACK)
    assert ours.code != 0
    assert (NAME, "it") in ours.mandatory(), ours.text
    assert f"{UNDETERMINED_MARK}the value of origin is not known at preview; declare it" in ours.text


def test_a_renamed_copy_of_the_pack_works(engine: Engine, tmp_path: Path) -> None:
    pack = tmp_path / "our_rules"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("__pycache__"))
    engine.environment.pop("PYTHONPATH")
    project, file = foreign_stack(engine, OBJECT)
    assert (NAME, "peer") in engine.preview(project, file, pack).mandatory()
