"""The review of what the engine itself tells of a preview, with the policy pack, by events and by event log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.policy.engine import PACK, ROOT, Engine, needs_engine, our_stack
from tests.program.test_lineage_in_the_engine import TABLE, WAIVER, Stack
from tests.unit.commands_api import api_server
from tests.unit.plan_sites import dev, put
from underlay.commands import review

pytestmark = [pytest.mark.engine, needs_engine]
CANARY = "canary-5eaf00d"


def preview(folder: Path, *words: str, changed: str = "10.96.0.0/16") -> str:
    """Return what a preview of the dev site prints, with a canary as every secret."""
    engine = Engine(folder)
    engine.environment["PULUMI_DEBUG_COMMANDS"] = "true"  # without it the engine does not know --event-log
    file = our_stack(engine, dev(put("addresses.services", changed)))
    for key in ("sshKey", "bgpPassword"):
        engine.run("config", "set", "--secret", f"cilium-underlay:{key}", cwd=file.parent, text=CANARY)
    assert CANARY not in json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")))
    done = engine.run("preview", "--json", "--config-file", str(file), *words, cwd=ROOT)
    return done.stdout


def answered(folder: Path, *words: str) -> tuple[int, dict[str, str], str]:
    """Return the command's code, its answers, and everything that it has written."""
    code = review.main([*words, "--site", str(ROOT / "Pulumi.dev.yaml"), "--report", str(folder / "out")])
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((folder / "out").iterdir()))
    return code, json.loads((folder / "out" / "review.json").read_text(encoding="utf-8")), text


def test_the_engine_s_own_events_are_understood(tmp_path: Path) -> None:
    log, events = tmp_path / "log", tmp_path / "events"
    events.write_text(preview(tmp_path, "--policy-pack", str(PACK), "--event-log", str(log)), encoding="utf-8")
    code, told, text = answered(tmp_path, "--events", str(events))
    assert code == 0, told
    assert told["Is it refused?"] == "No."
    assert told["Which BGP sessions reset, come or go?"] == "4 new; 0 were there before."
    assert told["Which nodes join or leave?"] == "joining: cp-1, worker-1 to worker-3."
    assert told["Which routers does the update configure?"] == "2 routers: tor-a, tor-b."
    assert told["What does the policy pack say?"] != "It was not asked."
    assert "neighbor 172.30.1.11 peer-group UNDERLAY-NODES" in text
    assert CANARY not in text
    assert answered(tmp_path, "--event-log", str(log))[1] == told


def test_a_refused_preview_is_told(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text(preview(tmp_path, changed="10.244.0.0/20"), encoding="utf-8")
    code, told, text = answered(tmp_path, "--events", str(events))
    assert code == 1
    assert told["Is it refused?"].startswith("Yes, by 1 finding")
    assert "docs/findings.md#pod-pool-overlaps-service-range" in text


def test_what_was_applied_is_read_from_the_engine_s_old_state(tmp_path: Path) -> None:
    with api_server(TABLE) as config:
        stack = Stack(Engine(tmp_path), config)
        stack.apply()
        stack.declare(put("addresses.pods.mask", 25), waivers=[{**WAIVER, "change": "24 -> 25"}])
        done = stack.engine.run("preview", "--json", "--config-file", str(stack.file), cwd=ROOT)
    events = tmp_path / "events"
    events.write_text(done.stdout, encoding="utf-8")
    code, told, _ = answered(tmp_path, "--events", str(events))
    assert code == 0, told
    assert told["Does any pod lose its address?"] == "Yes: pod network of a node /24 -> /25."
    assert told["Which exceptions are in force?"].startswith("transition-pod-mask")
    assert not told["What would the engine do?"].startswith("Everything is new")
