"""A secret below a plain key is refused before anybody looks at it: the engine decrypts it, and nobody may show it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.refusal import SHOWN
from tests.policy.engine import PACK, ROOT, STACK, Engine, needs_engine, our_stack
from tests.program.recorder import run
from tests.unit.plan_sites import dev, put
from underlay.__main__ import main
from underlay.plan.reading import PLAIN

CANARY = "canary-5eaf00d"
NO_OBJECT = "configuration key 'cilium-underlay:site' must be of type 'object'"
"""What the engine says of a whole site that is secret: a secret is a text to it, and our program never runs."""
HIDDEN = "[secret-in-plain-key] {key}: found a secret, set with --secret, in it; expected plain values, "


@pytest.mark.parametrize("key", PLAIN)
def test_a_plain_key_that_is_secret_is_refused_unseen(key: str) -> None:
    made = run(dev(put("cilium.values", {"token": CANARY})), hidden=[key], chart=CANARY)
    assert made.code == SHOWN
    [message] = made.messages
    assert HIDDEN.format(key=key) in message
    assert CANARY not in message + json.dumps([one.inputs for one in made.resources])


@pytest.mark.engine
@needs_engine
@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("site.cilium.values.token", "site"),
        ("site.nodes[0].management.user", "site"),
        ("site.cluster.name", "site"),
        ("site", "site"),
        ("hostKeys.cp-1", "hostKeys"),
        ("waivers[0].reason", "waivers"),
        ("chart", "chart"),
    ],
)
def test_the_engine_s_own_mark_is_seen_at_any_depth(path: str, key: str, tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    file = our_stack(engine, dev())
    text = json.dumps(dev(put("name", CANARY))) if path == "site" else CANARY
    words = ["config", "set", "--secret", "--path", f"cilium-underlay:{path}"]
    done = engine.run(*words, cwd=file.parent, text=text)
    assert done.returncode == 0, done.stderr
    written = file.read_text(encoding="utf-8")
    assert ("secure:" in written, CANARY in written) == (True, False)
    for more in ([], ["--json", "--policy-pack", str(PACK)]):
        done = engine.run("preview", "--config-file", str(file), *more, cwd=ROOT)
        said = done.stdout + done.stderr
        assert done.returncode
        assert (NO_OBJECT if path == "site" else HIDDEN.format(key=key)) in said
        assert "Traceback" not in said
        assert CANARY not in said


@pytest.mark.engine
@needs_engine
def test_the_check_for_pull_requests_does_not_judge_it(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    file = our_stack(engine, dev())
    engine.run("config", "set", "--secret", "--path", "cilium-underlay:site.name", cwd=file.parent, text=CANARY)
    for name in ("Pulumi.yaml", "__main__.py"):
        (file.parent / name).write_bytes((ROOT / name).read_bytes())
    words = [sys.executable, "-m", "underlay", "policy", "--project", str(file.parent), "--stack", STACK]
    done = subprocess.run(words, cwd=ROOT, env=engine.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout
    assert NO_OBJECT in done.stdout


@pytest.mark.parametrize("secret", [{"secure": "v1:x"}, dev(put("nodes.0.name", {"secure": "v1:x"}))])
def test_commands_that_read_the_file_say_the_same(
    secret: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(yaml.safe_dump({"config": {"cilium-underlay:site": secret}}), encoding="utf-8")
    assert main(["paths", "--site", str(file)]) == 1
    assert HIDDEN.format(key="site") in capsys.readouterr().err
