"""What other settings than the dev site's do: a random choice, direct return, DNS names, the nodes' own firewall.

One change of the agents for each way of answers, and the verdict on the site is green meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.balanced import BACKENDS, CLIENT, INSIDE, OUTSIDE, Balanced, counts
from tests.lab.policy_pods import Pods
from tests.lab.site import running
from tests.lab.test_load_balancing import ENTRIES, FEW, sources, spread
from tests.lab.test_policies import BEFORE, DENY, REASONS, Run, policies
from tests.lab.test_services import CLIENT as NEAR

ASKED = "UNDERLAY_SETTINGS"
pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(900),
    pytest.mark.skipif(ASKED not in os.environ, reason="agents restart for each way: `make settings`"),
]

BOTH = {"dns_proxy": True, "host_firewall": True}
SETTINGS = {mode: {"load_balancing": {"algorithm": "random", "mode": mode}, **BOTH} for mode in ("dsr", "snat")}
"""What is applied, by the way of answers: past the node that the client entered by, or by it again."""
ALLOWED, OTHER = {"dsr": "allowed.outside.test", "snat": "later.outside.test"}, "other.outside.test"
"""The name that is open, another one for each way: agents know what a pod has asked, and the answers stay open."""
CLOSED_PORT = "TCP/9"
NAMES = {"name": "names", "sources": ["watch"], "ports": [{"port": 9}]}
API, KUBELET = ("172.30.1.11", "TCP/6443"), ("172.30.1.11", "TCP/10250")
FIREWALL = {
    "accepts": [
        {"networks": ["192.168.250.0/24"], "ports": [{"port": 22}, {"port": 6443}]},
        {"networks": ["172.30.255.0/24"], "ports": [{"port": 10250}]},
    ]
}
FRESH = 26_000
"""A source port above those by which the spread is measured."""
CALL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 4).close()
    print("yes")
except OSError as error:
    print("silent" if isinstance(error, TimeoutError) else error)
"""


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    made = Pods(running())
    try:
        made.start(tmp_path_factory.mktemp("pods"))
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def usual() -> Iterator[Run]:
    made = Run(running(), Pods(running()))
    yield made
    made.restore()


@pytest.fixture(scope="module", params=SETTINGS)
def run(request: pytest.FixtureRequest, usual: Run, pods: Pods) -> Iterator[Run]:
    made = Run(running(), pods, SETTINGS[request.param])
    try:
        made.declare(None)
        yield made
    finally:
        made.file.write_text(usual.before, encoding="utf-8")


def call(run: Run, place: tuple[str, str]) -> str:
    """Return what the outside client gets from a port of a node."""
    address, port = place
    return run.site.inside("client", "python3", "-c", CALL, address, port.partition("/")[2]).strip()


def seen_by_mode(mode: str, seen: dict[str, set[str]]) -> None:
    """Compare whom backends see: the client itself, or the node that it entered by where that is another one."""
    assert seen.keys() == BACKENDS.keys()
    if mode == "dsr":
        assert seen == {name: {CLIENT} for name in BACKENDS}
    else:
        assert all(seen[name] <= {*ENTRIES.values()} for name in BACKENDS.keys() - ENTRIES.keys())


def mode_of(run: Run) -> str:
    return str(run.cilium["load_balancing"]["mode"])


def test_a_random_choice_spreads_and_backends_see_whom_the_mode_says(
    run: Run, balanced: Balanced, tmp_path: Path
) -> None:
    mode = mode_of(run)
    judged = run.site.verify()
    assert judged.code == 0, judged.text
    addresses = balanced.serve(tmp_path, f"spread-{mode}", externalTrafficPolicy="Cluster")
    seen = sources(balanced.flows(OUTSIDE, addresses[OUTSIDE], FEW, FRESH))
    seen_by_mode(mode, seen)
    print(f"{mode}, policy Cluster: {seen}")
    print(f"{mode},", spread(balanced, OUTSIDE, addresses[OUTSIDE]))


def test_affinity_and_policy_local(run: Run, balanced: Balanced, tmp_path: Path) -> None:
    mode = mode_of(run)
    sticky = balanced.serve(tmp_path, f"sticky-{mode}", sessionAffinity="ClientIP")
    first = balanced.flows(OUTSIDE, sticky[OUTSIDE], FEW, FRESH + FEW)
    balanced.forget()
    again = balanced.flows(OUTSIDE, sticky[OUTSIDE], FEW, FRESH + FEW)
    assert counts(first).keys() == counts(again).keys()
    assert len(counts(first)) <= len(ENTRIES)
    near = balanced.serve(tmp_path, f"near-{mode}", externalTrafficPolicy="Local")
    seen = sources(balanced.flows(OUTSIDE, near[OUTSIDE], FEW, FRESH + 2 * FEW))
    assert seen == {name: {CLIENT} for name in ENTRIES}
    assert counts(balanced.flows(INSIDE, near[INSIDE], FEW)).keys() == BACKENDS.keys()
    print(f"{mode}: with affinity {counts(first)}, one for each node of entry at most; policy Local: {seen}")


def test_names_open_what_they_resolve_to_and_nothing_else(run: Run) -> None:
    pods, allowed = run.pods, ALLOWED[mode_of(run)]
    addresses = {allowed: CLIENT, OTHER: NEAR}  # both of the outside client, whose machine says that nobody listens
    asked = [("watch", address, CLOSED_PORT) for address in addresses.values()]
    assert set(pods.ask(asked).values()) == {"refused"}
    assert (call(run, API), call(run, KUBELET)) == ("yes", "yes")
    named = NAMES | {"target_names": [allowed]}
    run.declare(policies([*BEFORE, named], default_deny=DENY["default_deny"], host_firewall=FIREWALL))
    with run.agents.drops() as unasked:
        assert set(pods.ask(asked).values()) == {"silent"}
    assert pods.resolve("watch", *addresses) == {name: [address] for name, address in addresses.items()}
    with run.agents.drops() as dropped:
        answers = {target: got for (_, target, _), got in pods.ask(asked).items()}
    assert answers == {CLIENT: "refused", NEAR: "silent"}
    for drops, closed in ((unasked, {CLIENT, NEAR}), (dropped, {NEAR})):
        mine = {(target, reason) for reason, source, target, _ in drops if source == pods.addresses["watch"]}
        assert {target for target, _ in mine} == closed
        assert {reason for _, reason in mine} <= REASONS
    print(f"names: nothing before the question; then {allowed} passes, {OTHER} is answered and its address dropped")


def test_the_nodes_firewall_drops_what_it_does_not_accept(run: Run) -> None:
    with run.agents.drops() as dropped:
        assert (call(run, API), call(run, KUBELET)) == ("silent", "yes")
    assert {reason for reason, *flow in dropped if flow == [NEAR, *API]} == {"Policy denied"}
    judged = run.site.verify()
    assert judged.code == 0, judged.text
    print("host firewall: the accepted port answers the outside client, the other is dropped by policy, verdict green")
