"""Verify, why and drift: what goes wrong in themselves is exit code 3, never a fault of the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands_api import api_server
from tests.unit.judge_site import NETWORKS, PODS, healthy, site, verification_input
from underlay.__main__ import main
from underlay.collect.gather import Request
from underlay.commands import drift, verify, why
from underlay.judge.evidence import Evidence

POD = NETWORKS["worker-2"].replace(".0/24", ".7")


def source(folder: Path, kubeconfig: str = "none") -> str:
    """Return a file with the input of a verification."""
    keys = dict.fromkeys(PODS, "ssh-ed25519 AAAA")
    file = folder / "input.json"
    file.write_text(json.dumps(verification_input(site(), ssh_key="key", host_keys=keys, kubeconfig=kubeconfig)))
    return str(file)


@pytest.mark.parametrize(
    ("module", "words", "inside"),
    [(verify, ["verify"], "gather"), (why, ["why", POD], "gather"), (drift, ["drift"], "look")],
    ids=["verify", "why", "drift"],
)
def test_a_mistake_of_ours_is_no_verdict(
    module: Any,
    words: list[str],
    inside: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RecursionError("too deep\x1b[2J")

    monkeypatch.setattr(module, inside, crash)
    assert main([*words, "--input", source(tmp_path)]) == 3
    told = capsys.readouterr().err
    assert told == (
        f"{words[0]}: the site could not be judged: RecursionError: too deep [2J; this is no verdict on the site\n"
    )


STATUS: dict[str, tuple[dict[str, Any], int, str]] = {
    "both versions": ({"podIP": "fd00::7", "podIPs": [{"ip": "fd00::7"}, {"ip": POD}]}, 0, "every link holds"),
    "one address": ({"podIP": POD}, 0, "every link holds"),
    "IPv6 only": ({"podIP": "fd00::7", "podIPs": [{"ip": "fd00::7"}]}, 3, "pod web has no IPv4 address, but fd00::7"),
    "none yet": ({"phase": "Pending"}, 3, "no pod web with an address in namespace shop; there: web"),
    "no address": ({"podIP": "x"}, 3, "pod web has no IPv4 address, but x"),
}


@pytest.mark.parametrize("name", STATUS)
def test_a_pod_is_followed_by_its_ipv4_address(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, code, words = STATUS[name]

    def gathered(_: Request, __: object) -> Evidence:
        return Evidence.model_validate(healthy())

    monkeypatch.setattr(why, "gather", gathered)
    pods = {"items": [{"metadata": {"name": "web"}, "status": status}]}
    with api_server({"/api/v1/namespaces/shop/pods": pods}) as kubeconfig:
        assert main(["why", "shop/web", "--input", source(tmp_path, kubeconfig)]) == code
    assert words in capsys.readouterr().err
