"""What routers hear of pods: by the command itself with a `ping` of this test, and from answers that make no sense."""

from __future__ import annotations

import asyncio
import subprocess
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.unit import corpus
from tests.unit.judge_site import PODS, expected, healthy, verdict
from underlay.collect import echoes
from underlay.judge.verdict import Status
from underlay.model import load_site
from underlay.plan.verification import expectations

PING = '#!/bin/sh\ncase "$*" in *"-I 172.30.1.1 10.244.0.10") exit 0;; *) exit 1;; esac\n'


class Shell:
    """Runs commands on this machine, where `ping` is the test's, or is not there."""

    def __init__(self, folder: Path, ping: str) -> None:
        for name in ("xargs", "timeout", "sh"):
            (folder / name).symlink_to(f"/usr/bin/{name}")
        self.folder = folder
        if ping:
            (folder / "ping").write_text(ping)
            (folder / "ping").chmod(0o755)

    async def run(self, command: str, limit: int, data: bytes) -> tuple[int, str, str]:
        """Run a command."""
        words, found = ["/bin/sh", "-c", command], {"PATH": str(self.folder)}
        ask = partial(
            subprocess.run, words, input=data.decode(), capture_output=True, text=True, check=False, env=found
        )
        done = await asyncio.to_thread(ask)
        return done.returncode, done.stdout[:limit], done.stderr


def heard(folder: Path, ping: str, *pods: str) -> dict[str, bool] | None:
    return asyncio.run(echoes.read(Shell(folder, ping), dict.fromkeys(pods, "172.30.1.1")))  # type: ignore[arg-type]


def test_each_pod_is_asked_and_told_with_its_answer(tmp_path: Path) -> None:
    pods = list(PODS.values())
    assert heard(tmp_path, PING, *pods) == {pod: pod == "10.244.0.10" for pod in pods}


def test_without_ping_nothing_is_known_and_without_pods_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert heard(tmp_path / "a", "", "10.244.0.10") is None
    assert heard(tmp_path / "b", PING) == {}


@pytest.mark.parametrize("text", ["10.244.0.10", "10.244.0.10 yes", "\x1b[31m 0 0"])
def test_nonsense_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match="not an address and a code"):
        echoes.answered(text)


def test_a_router_asks_its_own_nodes_from_the_address_of_their_sessions() -> None:
    assert expected().echoing("tor-a") == {"cp-1": "172.30.1.1", "worker-1": "172.30.1.1"}
    assert expected().echoing("tor-b") == {"worker-2": "172.30.2.1", "worker-3": "172.30.2.1"}


def test_routers_ask_nobody_to_whom_their_own_links_are_unknown() -> None:
    site = load_site(corpus.site("leaves-and-spines"))
    found = expectations(site)
    assert [router.name for router in site.routers if not found.echoing(router.name)] != []
    for router in site.routers:
        segments = [link.subnet for _, link in site.links_of(router.name)]
        assert all(any(ip_address(own) in one for one in segments) for own in found.echoing(router.name).values())


class Silent:
    """Ends every command before it says anything, as `timeout` does."""

    async def run(self, *_: object) -> tuple[int, str, str]:
        """Say nothing."""
        return 124, "", ""


def test_what_was_cut_off_is_no_router_without_ping() -> None:
    with pytest.raises(ValueError, match="no answer in time"):
        asyncio.run(echoes.read(Silent(), {"10.244.0.10": "172.30.1.1"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({}, Status.PASS, "2 of 2 pods answer"),
        ({"echoes": {PODS["cp-1"]: True, PODS["worker-1"]: False}}, Status.FAIL, "worker-1"),
        ({"echoes": {PODS["cp-1"]: True}}, Status.ERROR, "worker-1's pod was not asked"),
        ({"echoes": None}, Status.SKIPPED, "not proven from outside: the router has no `ping`"),
        ({"echoes": None, "errors": ["echoes: odd"]}, Status.ERROR, "echoes: odd"),
    ],
)
def test_what_a_router_heard_is_judged(change: dict[str, object], status: Status, words: str) -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"] |= change
    found = verdict(evidence)
    check = next(check for check in found.checks if (check.rule, check.where) == ("router-echoes", "tor-a"))
    assert (check.status, words in check.found) == (status, True), check
