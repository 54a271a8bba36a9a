"""How services spread their flows on the lab: maglev, random, affinity, traffic policies, and whom backends see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from pathlib import Path

import pytest

from tests.lab.balanced import BACKENDS, CALLER, CLIENT, INSIDE, OUTSIDE, Answer, Balanced, counts, moved
from tests.lab.site import until
from tests.lab.test_services import hops

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

FLOWS, FEW = 2000, 200
SHARE = 1 / len(BACKENDS)
"""Of the flows, for each backend; as many have to move when one leaves."""
BOUND = 1.3
"""Flows that move, against those that have to."""
SIGMAS = 3
ENTRIES = {"one": "172.30.1.11", "two": "172.30.1.12"}
"""The backends on the nodes by which the outside client enters, with these nodes' addresses."""


def leaving(balanced: Balanced, name: str, addresses: dict[str, str]) -> tuple[list[Answer], list[Answer]]:
    """Return the answers to the outside client's flows while all backends serve, and once one of them has left."""
    balanced.forget()
    before = balanced.flows(OUTSIDE, addresses[OUTSIDE], FLOWS)
    with left(balanced, name, addresses):
        balanced.forget()
        after = balanced.flows(OUTSIDE, addresses[OUTSIDE], FLOWS)
    assert name in counts(before)
    assert name not in counts(after)
    return before, after


@contextmanager
def left(balanced: Balanced, name: str, addresses: dict[str, str]) -> Iterator[None]:
    """Take a backend out of its services for a while."""
    balanced.member(name, serves=False)
    balanced.wait(addresses, BACKENDS.keys() - {name})
    yield
    balanced.member(name, serves=True)
    balanced.wait(addresses, BACKENDS)


def deviation(found: dict[str, int], flows: int = FLOWS) -> float:
    """Return how far the backend that is farthest is from its share, in standard deviations of independent choices."""
    assert found.keys() == BACKENDS.keys()
    return max(abs(count - flows * SHARE) for count in found.values()) / sqrt(flows * SHARE * (1 - SHARE))


def spread(balanced: Balanced, place: str, address: str) -> str:
    """Show that the choice is random: by chance alone one round in 77 is farther off, so there is a second one."""
    told = []
    for number in range(2):
        found = counts(balanced.flows(place, address, FLOWS, 20_000 + number * FLOWS))
        told.append(f"random, from {place}: {found}, farthest {deviation(found):.2f} sigma of {SIGMAS}")
        if deviation(found) <= SIGMAS:
            return "; ".join(told)
    raise AssertionError("; ".join(told))


def test_maglev_keeps_flows_on_their_backends_when_one_leaves(balanced: Balanced, tmp_path: Path) -> None:
    addresses = balanced.serve(tmp_path, "maglev")
    before, after = leaving(balanced, "five", addresses)
    balanced.forget()
    again = balanced.flows(OUTSIDE, addresses[OUTSIDE], FLOWS)
    share = moved(before, after) / FLOWS
    print(f"maglev: {counts(before)}; without five: {counts(after)}")
    print(f"maglev: {share:.1%} moved, {share / SHARE:.2f} of the ideal, at most {BOUND}; {moved(before, again)} back")
    assert share <= BOUND * SHARE
    assert moved(before, again) == 0


def test_pods_choose_at_random_and_backends_see_them(balanced: Balanced, tmp_path: Path) -> None:
    addresses = balanced.serve(tmp_path, "pods")
    print(spread(balanced, INSIDE, addresses[INSIDE]))
    seen = {answer.source for answer in balanced.flows(INSIDE, addresses[INSIDE], FEW)}
    assert seen == {balanced.addresses[CALLER]}


@pytest.mark.parametrize("place", [OUTSIDE, INSIDE])
def test_a_client_with_affinity_stays_until_its_backend_leaves(balanced: Balanced, tmp_path: Path, place: str) -> None:
    addresses = balanced.serve(tmp_path, "sticky", sessionAffinity="ClientIP")
    first = counts(balanced.flows(place, addresses[place], FEW))
    assert len(first) == 1, first
    with left(balanced, next(iter(first)), addresses):
        second = counts(balanced.flows(place, addresses[place], FEW, 21_000))
    assert len(second) == 1, second
    assert not first.keys() & second.keys()
    print(f"affinity, from {place}: {first}; without it {second}")


def test_policy_cluster_hides_the_client_where_another_node_answers(balanced: Balanced, tmp_path: Path) -> None:
    addresses = balanced.serve(tmp_path, "cluster", externalTrafficPolicy="Cluster")
    found = balanced.flows(OUTSIDE, addresses[OUTSIDE], FEW)
    seen = sources(found)
    print(f"snat, policy Cluster: {seen}")
    assert seen.keys() == BACKENDS.keys()
    for name, addresses_ in seen.items():
        others = {address for entry, address in ENTRIES.items() if entry != name}
        assert addresses_ <= (others | {CLIENT} if name in ENTRIES else others)


def test_policy_local_keeps_clients_on_the_nodes_that_they_enter_by(balanced: Balanced, tmp_path: Path) -> None:
    local = {"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}
    addresses = balanced.serve(tmp_path, "local", **local)
    near = sources(balanced.flows(OUTSIDE, addresses[OUTSIDE], FEW))
    assert near == {name: {CLIENT} for name in ENTRIES}
    assert counts(balanced.flows(INSIDE, addresses[INSIDE], FEW)) == {"two": FEW}
    with left(balanced, "one", addresses):
        assert until(lambda: hops(balanced.site, addresses[OUTSIDE])["tor-a"] == {ENTRIES["two"]})
        assert counts(balanced.flows(OUTSIDE, addresses[OUTSIDE], FEW, 21_000)) == {"two": FEW}
    print(f"policy Local: {near}; a node without a backend is told to no router, its node's pods reach their own alone")


def sources(answers: list[Answer]) -> dict[str, set[str]]:
    """Return the source addresses that each backend saw."""
    return {name: {one.source for one in answers if one.backend == name} for name in counts(answers)}
