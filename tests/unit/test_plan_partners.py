"""Who probes whom: every node is the near and the far end, every rack is left and entered, and probes stay few."""

from __future__ import annotations

import random

import pytest

from underlay.plan.partners import ALL_UP_TO, around, partners

SHAPES = ([1], [2], [1, 1], [2, 2], [16], [1, 20], [20, 1], [9, 9], [3, 17, 5], [40] * 25, [1] * 30, [64, 1, 1, 30])
DRAWN = tuple([random.Random(seed).randint(1, 30) for _ in range(1 + seed % 9)] for seed in range(20))


def site(sizes: list[int]) -> list[tuple[str, str]]:
    nodes = [(f"n{rack}-{number}", f"rack-{rack}") for rack, size in enumerate(sizes) for number in range(size)]
    random.Random(len(nodes)).shuffle(nodes)
    return nodes


@pytest.mark.parametrize("sizes", [*SHAPES, *DRAWN], ids=lambda sizes: "-".join(map(str, sizes))[:40])
def test_the_round_and_the_partners_cover_nodes_and_racks(sizes: list[int]) -> None:
    nodes = site(sizes)
    racks, count = dict(nodes), len(nodes)
    ring, found = around(nodes), partners(nodes)
    if count == 1:
        assert (ring, found) == ({}, {nodes[0][0]: ()})
        return
    assert ring.keys() == set(ring.values()) == racks.keys()
    assert all(name != other for name, other in ring.items())
    crossing = [(racks[name], racks[other]) for name, other in ring.items() if racks[name] != racks[other]]
    if len(sizes) > 1:
        assert {one for one, _ in crossing} == {other for _, other in crossing} == set(racks.values())
    assert all(other in found[name] and name in found[other] for name, other in ring.items())
    probes = sum(map(len, found.values()))
    assert probes <= (count * (count - 1) if count <= ALL_UP_TO else 8 * count + len(sizes) ** 2)


def test_a_thousand_nodes_in_25_racks() -> None:
    assert sum(map(len, partners(site([40] * 25)).values())) == PROBES


PROBES = 4_680
"""As docs/verification.md tells."""
