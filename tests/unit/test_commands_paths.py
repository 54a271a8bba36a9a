"""`python -m underlay paths`: one screen, JSON, and one readable line where the file is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from underlay.__main__ import main

ROOT = Path(__file__).parents[2]


def test_the_dev_site_fits_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", "--site", str(ROOT / "Pulumi.dev.yaml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 25
    assert any("rack-a and rack-b" in line and "tor-a > tor-b" in line and "tor-b > tor-a" in line for line in lines)


def test_json_holds_both_directions_and_every_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", "--json", "--site", str(ROOT / "Pulumi.production.yaml")]) == 0
    told = json.loads(capsys.readouterr().out)
    between = next(way for way in told["ways"] if way["source"] != way["target"])
    assert between["there"]["hops"] == [["leaf-1"], ["spine"], ["leaf-2"]]
    assert between["back"]["hops"] == [["leaf-2"], ["spine"], ["leaf-1"]]
    assert {loss["kind"] for loss in told["losses"]} == {"router", "BGP daemon", "link", "rack link", "agent"}
    assert not any(loss["promise_broken"] for loss in told["losses"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "cannot be read"),
        ("config: {}", "has no key"),
        ("[1, 2]", "has no key"),
        ("config: {cilium-underlay:site: 7}", "is refused"),
        ("config: {cilium-underlay:site: {name: a, name: b}}", "the key 'name' stands twice"),
        (
            "config: {cilium-underlay:site: {cilium: {kube_proxy_replacement: yes}}}",
            "found 'yes'; expected true or false",
        ),
        ("[" * 5000, "cannot be read as YAML: "),
        ("config: {cilium-underlay:site: {name: 2026-13-45}}", "cannot be read as YAML: month must be"),
    ],
)
def test_a_wrong_file_is_one_readable_message(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    assert main(["paths", "--site", str(path)]) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert "Traceback" not in said
