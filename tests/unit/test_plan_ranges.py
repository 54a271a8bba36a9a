"""Overlaps in one pass: the same pairs as by comparing everything, and fast where there are many ranges."""

from __future__ import annotations

import time
from ipaddress import IPv4Network
from random import Random

import pytest

from underlay.plan.ranges import KINDS, Range, overlapping


def some(count: int, seed: int) -> list[Range]:
    """Return ranges of all kinds, many of which share addresses."""
    random = Random(seed)
    lengths = [random.randint(8, 30) for _ in range(count)]
    networks = [IPv4Network((random.getrandbits(32) & 0x0F0F_FFFF, length), strict=False) for length in lengths]
    return [Range(random.choice(KINDS), f"place-{number}", network) for number, network in enumerate(networks)]


def by_comparison(found: list[Range]) -> set[tuple[str, str]]:
    """Return each range with the nearest holder of each kind, found by comparing all with all."""
    pairs = set()
    for number, one in enumerate(found):
        nearest: dict[str, tuple[int, int]] = {}
        for other_number, other in enumerate(found):
            before = (other.network.prefixlen, other_number) < (one.network.prefixlen, number)
            if before and one.network.subnet_of(other.network):
                nearest[other.kind] = max(nearest.get(other.kind, (0, 0)), (other.network.prefixlen, other_number))
        for _, other_number in nearest.values():
            first, second = sorted((number, other_number))
            pairs.add((found[first].where, found[second].where))
    return pairs


@pytest.mark.parametrize("seed", range(20))
def test_one_pass_finds_what_comparing_everything_finds(seed: int) -> None:
    found = some(60, seed)
    assert {(one.where, other.where) for one, other in overlapping(found)} == by_comparison(found)


def test_a_range_is_named_with_the_nearest_one_only() -> None:
    texts = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24")
    found = [Range("pod-pool", text, IPv4Network(text)) for text in texts]
    assert [(one.where, other.where) for one, other in overlapping(found)] == [
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("10.1.0.0/16", "10.1.2.0/24"),
    ]


def test_ten_thousand_ranges_that_are_all_the_same_take_no_time() -> None:
    found = [Range("external", f"place-{number}", IPv4Network("10.0.0.0/8")) for number in range(10_000)]
    start = time.process_time()
    assert sum(1 for _ in overlapping(found)) == 9_999
    assert time.process_time() - start < 2
