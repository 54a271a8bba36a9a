"""Waiting for sessions: each is named with its state until it has stayed established, or cannot be what is told."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server, ready
from underlay.collect.cluster_api import ClusterApi
from underlay.commands import wait_sessions

NODES = ["n1", "n2"]
EXPECTED = [{"node": name, "peer": "tor", "address": "192.0.2.1", "asn": 65101} for name in NODES]
SESSIONS = {"expected": EXPECTED, "namespace": "underlay-probe"}
PODS = "/api/v1/namespaces/underlay-probe/pods"


def config_of(node: str, state: str) -> dict[str, Any]:
    peer = {"name": "tor", "peerAddress": "192.0.2.1", "peeringState": state}
    return {"metadata": {"name": node}, "status": {"bgpInstances": [{"peers": [peer]}]}}


def sessions() -> Table:
    return {
        wait_sessions.NODE_CONFIGS: {"items": [config_of(name, "established") for name in NODES]},
        PODS: {"items": [{"metadata": {}, "spec": {"nodeName": name}, "status": ready()} for name in NODES]},
    }


def watch(config: str, times: list[float]) -> wait_sessions.Watch:
    """Return a watch whose clock tells these times, and then the last one for ever."""
    return wait_sessions.Watch(ClusterApi(config), SESSIONS, lambda: times.pop(0) if len(times) > 1 else times[0])


def test_sessions_that_stay_established_miss_nothing() -> None:
    with api_server(sessions()) as config:
        seen = watch(config, [0, 0, 4.9, 4.9, 5.0])
        assert [len(seen.missing()) for _ in range(3)] == [2, 2, 0]


def test_a_session_that_was_made_again_is_watched_anew() -> None:
    table = sessions()
    with api_server(table) as config:
        seen = watch(config, [0, 0, 6, 6, 12])
        seen.missing()
        peer = table[wait_sessions.NODE_CONFIGS]["items"][1]["status"]["bgpInstances"][0]["peers"][0]
        peer["establishedTime"] = "2026-01-01T00:00:09Z"
        assert seen.missing() == ["session of n2 with tor (192.0.2.1, AS 65101): established"]
        assert seen.missing() == []


def test_the_sessions_of_a_node_with_two_routers_are_watched_each_by_itself() -> None:
    peers = [
        {"name": name, "peerAddress": address, "peeringState": "established", "establishedTime": since}
        for name, address, since in (
            ("tor-a", "192.0.2.1", "2026-01-01T00:00:01Z"),
            ("tor-b", "192.0.2.2", "2026-01-01T00:00:03Z"),
        )
    ]
    expected = [{"node": "n1", "peer": one["name"], "address": one["peerAddress"], "asn": 65101} for one in peers]
    config = {"metadata": {"name": "n1"}, "status": {"bgpInstances": [{"peers": peers}]}}
    with api_server({**sessions(), wait_sessions.NODE_CONFIGS: {"items": [config]}}) as served:
        times = iter([0.0, 0.0, 9.0, 9.0])
        seen = wait_sessions.Watch(ClusterApi(served), {**SESSIONS, "expected": expected}, lambda: next(times))
        assert [len(seen.missing()) for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(("state", "hold", "left"), [("open_confirm", 9, 0), ("open_confirm", 90, 1), ("active", 9, 1)])
def test_a_state_that_cannot_last_so_long_is_left_to_the_verification(state: str, hold: int, left: int) -> None:
    table = {
        **sessions(),
        wait_sessions.NODE_CONFIGS: {"items": [config_of("n1", "established"), config_of("n2", state)]},
    }
    with api_server(table) as config:
        times = iter([0.0, 0.0, 15.0, 15.0])
        seen = wait_sessions.Watch(ClusterApi(config), {**SESSIONS, "hold": hold}, lambda: next(times))
        assert [len(seen.missing()) for _ in range(2)] == [2, left]
        told = {"established": ["n1 - tor"]} | ({} if left else {"status too old": ["n2 - tor"]})
        assert seen.told == told


SESSION_FAULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "idle": (
        lambda items: items.__setitem__(1, config_of("n2", "idle")),
        "session of n2 with tor (192.0.2.1, AS 65101): idle",
    ),
    "not selected": (
        lambda items: items.pop(),
        (
            "session of n2 with tor (192.0.2.1, AS 65101): no CiliumBGPNodeConfig, "
            "so no CiliumBGPClusterConfig selects this node"
        ),
    ),
    "another peer": (
        lambda items: items[1]["status"]["bgpInstances"][0]["peers"][0].update(peerAddress="192.0.2.9"),
        "session of n2 with tor (192.0.2.1, AS 65101): not configured: the agent has reported no peers",
    ),
    "an agent's error": (
        lambda items: items[1].update(status=ready("cilium.io/BGPReconcileError", message="no such secret")),
        "session of n2 with tor (192.0.2.1, AS 65101): not configured: no such secret",
    ),
}


@pytest.mark.parametrize("name", SESSION_FAULTS)
def test_a_session_that_is_not_established_is_named_with_its_state(name: str) -> None:
    table = deepcopy(sessions())
    inject, expected = SESSION_FAULTS[name]
    inject(table[wait_sessions.NODE_CONFIGS]["items"])
    with api_server(table) as config:
        seen = watch(config, [0, 0, 9])
        assert len(seen.missing()) == len(NODES)
        assert seen.missing() == [expected]


def test_a_node_without_a_ready_responder_is_named() -> None:
    table = sessions()
    table[PODS]["items"].pop()
    with api_server(table) as config:
        seen = watch(config, [0, 0, 9])
        seen.missing()
        assert seen.missing() == ["responder pod on n2: not ready"]
