"""The chain from declaration to packets: whole when all is well, and broken first where the fault is."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.unit.judge_site import NETWORKS, expected, healthy
from underlay.commands.why import exit_code, lines
from underlay.judge.evidence import Evidence
from underlay.judge.verdict import Status
from underlay.judge.why import Chain, chain
from underlay.plan.verification import Expected

POD = IPv4Address(NETWORKS["worker-2"].replace(".0/24", ".7"))


def followed(change: Callable[[dict[str, Any]], object] = lambda _: None, address: IPv4Address = POD) -> Chain:
    evidence = healthy()
    change(evidence)
    return chain(expected(), Evidence.model_validate(evidence), address)


def session_down(evidence: dict[str, Any]) -> None:
    for session in evidence["routers"]["tor-b"]["sessions"]:
        if session["address"] == "172.30.2.11":
            session["state"] = "active"


def no_route(router: str) -> Callable[[dict[str, Any]], None]:
    def change(evidence: dict[str, Any]) -> None:
        kernel = evidence["routers"][router]["kernel"]
        kernel[:] = [row for row in kernel if row["target"] != NETWORKS["worker-2"]]

    return change


def test_a_healthy_chain_holds_from_end_to_end() -> None:
    found = followed()
    assert (found.broken, exit_code(found)) == (None, 0)
    assert [link.what.partition(":")[0] for link in found.links][:3] == [
        "address in the pod pool",
        "network given to a node",
        "session of worker-2 with tor-b",
    ]
    assert lines(found)[-1] == "every link holds"


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a session": (session_down, "session of worker-2 with tor-b"),
    "the near router's kernel": (no_route("tor-b"), f"tor-b: kernel forwards {NETWORKS['worker-2']}"),
    "the far router's kernel": (no_route("tor-a"), f"tor-a: kernel forwards {NETWORKS['worker-2']}"),
    "a network that nobody has": (
        lambda evidence: evidence["survey"]["nodes"]["worker-2"].update(pod_cidrs=[]),
        "network given to a node",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_first_broken_link_is_named(name: str) -> None:
    change, what = BROKEN[name]
    found = followed(change)
    assert found.broken
    assert (found.broken.what, exit_code(found)) == (what, 1)
    assert any(line.startswith(f"first broken link: {what}: ") for line in lines(found))


def test_what_could_not_be_read_is_not_taken_for_whole() -> None:
    found = followed(lambda evidence: evidence["routers"].pop("tor-a"))
    assert found.broken
    assert (found.broken.what, exit_code(found)) == (f"tor-a: BGP table has {NETWORKS['worker-2']}", 3)


def test_an_unreachable_router_says_why_it_is_unread() -> None:
    def change(evidence: dict[str, Any]) -> None:
        evidence["routers"].pop("tor-a")
        evidence["errors"] = {"tor-a": "SSH to tor-a: no answer within 6 s"}

    found = followed(change)
    assert found.broken
    assert (found.broken.seen, exit_code(found)) == ("SSH to tor-a: no answer within 6 s", 3)


def test_a_router_of_somebody_else_breaks_no_chain() -> None:
    evidence = healthy()
    evidence["routers"].pop("tor-a")
    plan = expected().model_dump(mode="json")
    plan["routers"] = [one | {"managed": one["name"] != "tor-a"} for one in plan["routers"]]
    found = chain(Expected.model_validate(plan), Evidence.model_validate(evidence), POD)
    assert [link.seen for link in found.links if link.status is Status.SKIPPED] == ["not managed by this program"] * 2
    assert (found.broken, exit_code(found)) == (None, 0)


def test_an_address_outside_the_pool_ends_at_the_first_link() -> None:
    found = followed(address=IPv4Address("192.0.2.1"))
    assert [link.what for link in found.links] == ["address in the pod pool"]
    assert exit_code(found) == 1
