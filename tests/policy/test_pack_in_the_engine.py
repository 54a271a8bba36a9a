"""The pack through the real engine: its own mandatory violations are told, beside what the program itself refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.policy.engine import PACK, ROOT, Engine, example_stack, foreign_stack, needs_engine, our_stack
from tests.unit.plan_sites import Change, dev, drop, put

pytestmark = [pytest.mark.engine, needs_engine]

RULE, STATED = "cilium-only-on-new-clusters", "cilium-needs-a-stated-origin"

RELEASE = """
import pathlib, pulumi, pulumi_kubernetes as k
chart = pathlib.Path("cilium")
chart.mkdir(exist_ok=True)
(chart / "Chart.yaml").write_text("apiVersion: v2\\nname: cilium\\nversion: 1.0.0\\n")
cluster = k.Provider("c", kubeconfig="{}")
k.helm.v3.Release("net", chart="./cilium", opts=pulumi.ResourceOptions(provider=cluster))
"""
OBJECT = """
import pulumi, pulumi_kubernetes as k
cluster = k.Provider("c", render_yaml_to_directory="rendered")
k.apiextensions.CustomResource("peer", api_version="cilium.io/v2", kind="CiliumBGPPeerConfig",
    metadata={"name": "x"}, spec={}, opts=pulumi.ResourceOptions(provider=cluster))
"""
UNKNOWN = """
import pulumi, pulumi_command as c
made = c.local.Command("made", create="echo new")
pulumi.ComponentResource("underlay:cluster:Cluster", "it", {"origin": made.stdout})
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def test_the_dev_site_passes(engine: Engine) -> None:
    outcome = engine.preview(ROOT, our_stack(engine, dev()), PACK)
    assert (outcome.code, outcome.events) == (0, []), outcome.text


def test_the_production_example_previews_without_a_cluster(engine: Engine) -> None:
    outcome = engine.preview(ROOT, example_stack(engine, ROOT / "Pulumi.production.yaml"), PACK)
    assert (outcome.code, outcome.events) == (0, []), outcome.text


@pytest.mark.parametrize(
    "change", [put("cluster.origin", "upgraded"), put("cluster.origin", "existing"), drop("cluster.origin")]
)
def test_an_old_cluster_is_refused_by_the_pack_and_by_the_program(engine: Engine, change: Change) -> None:
    outcome = engine.preview(ROOT, our_stack(engine, dev(change)), PACK)
    assert outcome.code != 0
    assert (RULE, "dev") in outcome.mandatory(), outcome.text
    assert "the declaration is refused, 1 finding(s); nothing was applied" in outcome.text
    assert "Traceback" not in outcome.text


def test_without_the_pack_the_program_refuses_alone(engine: Engine) -> None:
    outcome = engine.preview(ROOT, our_stack(engine, dev(put("cluster.origin", "upgraded"))), None)
    assert (outcome.code != 0, outcome.events) == (True, [])
    assert f"[{RULE}]" in outcome.text


def test_a_plain_up_without_the_pack_refuses_before_anything_is_applied(engine: Engine) -> None:
    file = our_stack(engine, dev(put("cluster.origin", "existing")))
    done = engine.run("up", "--yes", "--skip-preview", "--config-file", str(file), cwd=ROOT)
    assert done.returncode != 0
    assert f"[{RULE}]" in done.stdout + done.stderr
    state = json.loads(engine.run("stack", "export", cwd=file.parent).stdout)["deployment"]
    kinds = [resource["type"] for resource in state.get("resources", [])]
    assert set(kinds) <= {"pulumi:pulumi:Stack", "underlay:cluster:Cluster"}, kinds


def test_an_empty_pack_tells_nothing(engine: Engine, tmp_path: Path) -> None:
    pack = tmp_path / "empty_pack"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("__pycache__"))
    text = (pack / "pack.py").read_text(encoding="utf-8")
    (pack / "pack.py").write_text(re.sub(r"POLICIES = \[.*\]", "POLICIES = []", text), encoding="utf-8")
    outcome = engine.preview(ROOT, our_stack(engine, dev(put("cluster.origin", "upgraded"))), pack)
    assert outcome.mandatory() == []


def test_a_waiver_is_advice_in_the_engine_too(engine: Engine) -> None:
    waiver = {"rule": RULE, "reason": "trial", "until": "2999-12-31"}
    file = our_stack(engine, dev(put("cluster.origin", "existing")), waivers=[waiver])
    outcome = engine.preview(ROOT, file, PACK)
    assert outcome.code == 0, outcome.text
    assert [(level, policy) for level, policy, _ in outcome.events] == [("advisory", "waivers-in-force")]


@pytest.mark.parametrize(("program", "name"), [(RELEASE, "net"), (OBJECT, "peer")])
def test_somebody_else_s_stack_has_to_say_the_origin(engine: Engine, program: str, name: str) -> None:
    project, file = foreign_stack(engine, program)
    outcome = engine.preview(project, file, PACK)
    assert outcome.code != 0
    assert {(RULE, name), (STATED, name)} <= set(outcome.mandatory()), outcome.text


def test_somebody_else_s_stack_passes_on_a_new_cluster(engine: Engine) -> None:
    project, file = foreign_stack(engine, OBJECT)
    config = {RULE: {"clusterOrigin": "new"}, STATED: {"clusterOrigin": "new"}}
    outcome = engine.preview(project, file, PACK, config)
    assert (outcome.code, outcome.events) == (0, []), outcome.text


def test_a_value_that_is_not_known_yet_stops_the_preview(engine: Engine) -> None:
    project, file = foreign_stack(engine, UNKNOWN)
    outcome = engine.preview(project, file, PACK)
    assert outcome.code != 0
    assert (RULE, "it") in outcome.mandatory(), outcome.text
    assert "the value of origin is not known at preview" in outcome.text


def test_a_renamed_copy_of_the_pack_works(engine: Engine, tmp_path: Path) -> None:
    pack = tmp_path / "our_rules"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("__pycache__"))
    engine.environment.pop("PYTHONPATH")
    project, file = foreign_stack(engine, OBJECT)
    assert (RULE, "peer") in engine.preview(project, file, pack).mandatory()
