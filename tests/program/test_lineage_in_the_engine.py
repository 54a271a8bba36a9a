"""Through the real engine: what an update has recorded stops the next preview, and no detour gets around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.policy.engine import ROOT, Engine, needs_engine, our_stack
from tests.unit.commands_api import Table, api_server
from tests.unit.plan_sites import Change, Data, dev, drop, put
from underlay.collect.cilium_owners import DAEMONS
from underlay.plan.lineage import SYSTEM_NAMESPACE

pytestmark = [pytest.mark.engine, needs_engine]

TABLE: Table = {
    SYSTEM_NAMESPACE: {"metadata": {"uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z"}},
    DAEMONS: {"items": []},
}
TARGETS = ("**underlay:cluster:Cluster::dev", "**command:local:Command::lineage")
RELEASE = "urn:pulumi:pack::cilium-underlay::underlay:cilium:Release$command:local:Command::agents"
WAIVER = {"rule": "transition-pod-mask", "reason": "no pod runs yet", "allowed_by": "net", "until": "2999-12-31"}


def cluster(*changes: Change) -> Data:
    """Return the dev site as the cluster of somebody else's installer."""
    return dev(drop("cluster.installer"), put("cilium.owner", "installer"), *changes)


class Stack:
    """Our program on a backend of its own, with an API server of a few lines as its cluster."""

    def __init__(self, engine: Engine, config: str) -> None:
        self.engine = engine
        self.file = our_stack(engine, cluster())
        self._run("config", "set", "--secret", "cilium-underlay:kubeconfig", text=config)

    def declare(self, *changes: Change, waivers: list[Data] | None = None) -> None:
        """Declare the dev site with these changes; secrets stay."""
        content = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        content["config"]["cilium-underlay:site"] = cluster(*changes)
        content["config"]["cilium-underlay:waivers"] = waivers or []
        self.file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def apply(self) -> None:
        """Apply the record, and what it needs, for real."""
        done = self.up(*(word for target in TARGETS for word in ("--target", target)))
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self, *words: str) -> Any:
        """Update without a preview before it."""
        return self._run("up", "--yes", "--skip-preview", "--config-file", str(self.file), *words, cwd=ROOT)

    def preview(self) -> tuple[int, str]:
        """Preview everything."""
        done = self._run("preview", "--config-file", str(self.file), cwd=ROOT)
        return done.returncode, done.stdout + done.stderr

    def state(self) -> Data:
        """Return the stack's state."""
        content: Data = json.loads(self._run("stack", "export").stdout)
        return content

    def replace_state(self, state: Data) -> None:
        """Put another state in its place."""
        assert self._run("stack", "import", text=json.dumps(state)).returncode == 0

    def _run(self, *words: str, text: str = "", cwd: Path | None = None) -> Any:
        return self.engine.run(*words, cwd=cwd or self.engine.folder / "stack", text=text)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with api_server(TABLE) as config:
        yield Stack(Engine(tmp_path), config)


def test_a_change_is_refused_until_a_waiver_names_it(stack: Stack) -> None:
    assert stack.preview()[0] == 0
    stack.apply()
    stack.declare(put("cluster.kubernetes", "1.35.0"))
    code, text = stack.preview()
    assert code == 0, text
    stack.declare(put("addresses.pods.mask", 25))
    code, text = stack.preview()
    assert code != 0
    assert "[transition-pod-mask] site.addresses.pods.mask: found 24 -> 25; expected 24" in text
    assert "Traceback" not in text
    stack.declare(put("addresses.pods.mask", 25), waivers=[{**WAIVER, "change": "24 -> 25"}])
    code, text = stack.preview()
    assert code == 0, text
    assert "waived until 2999-12-31 by net (no pod runs yet): [transition-pod-mask]" in text


def test_a_waived_change_is_recorded_and_its_way_back_is_a_change_too(stack: Stack) -> None:
    stack.apply()
    stack.declare(put("addresses.pods.mask", 25), waivers=[{**WAIVER, "change": "24 -> 25"}])
    stack.apply()
    code, text = stack.preview()
    assert (code, "the waiver of transition-pod-mask is not needed" in text) == (0, True), text
    stack.declare()
    assert "found 25 -> 24" in stack.preview()[1]


def test_a_refused_update_leaves_the_record_as_it_was(stack: Stack) -> None:
    stack.apply()
    stack.declare(put("addresses.pods.mask", 25))
    assert stack.up().returncode != 0
    assert "found 24 -> 25" in stack.preview()[1]


def test_a_state_that_lost_its_record_is_no_new_beginning(stack: Stack) -> None:
    stack.apply()
    state = stack.state()
    kept = state["deployment"]["resources"]
    lost = [one for one in kept if one["urn"].endswith("::lineage")]
    state["deployment"]["resources"] = [one for one in kept if one not in lost]
    state["deployment"]["resources"].append({**lost[0], "urn": RELEASE, "parent": ""})
    stack.replace_state(state)
    code, text = stack.preview()
    assert code != 0
    assert "[lineage-missing] stack: found nothing recorded -> recorded anew" in text


def test_the_record_holds_no_secret_and_shows_the_birth(stack: Stack) -> None:
    stack.apply()
    [kept] = [one for one in stack.state()["deployment"]["resources"] if one["urn"].endswith("::lineage")]
    assert json.loads(kept["outputs"]["stdout"])["birth"]["uid"] == "u-1"
    assert "plaintext" not in json.dumps(kept)
    assert "current-context" not in json.dumps(kept)


def test_a_cluster_that_is_refused_leaves_every_machine_alone(stack: Stack) -> None:
    stack.declare(put("cilium.owner", "release"))
    done = stack.up()
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "[first-release-too-late]" in text
    assert "prepare-" not in text
    assert "configure-" not in text
