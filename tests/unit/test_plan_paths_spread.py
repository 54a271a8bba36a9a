"""How routes spread, against routers that tell each other whole paths one message at a time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.unit.plan_sites import dev
from underlay.model import load_site
from underlay.plan.paths import fabric_of
from underlay.plan.paths.fabric import Fabric, Group
from underlay.plan.paths.losses import WHOLE, State, after, losses
from underlay.plan.paths.routes import knowledge, spread

SEEDS = 100
Path = tuple[list[int], bool]
"""The numbers on the way, and whether it came from a peer with the same number."""


def oracle(fabric: Fabric, rack: Group, state: State, dice: random.Random) -> set[str]:
    """Return who has a route once all is still, whatever the order of messages and the choice among equals."""
    taste = {router: dice.random() for router in fabric.asns}
    held: dict[str, dict[str, Path]] = {router: {} for router in fabric.asns}
    waiting = [*state.speakers(rack)]
    for router in waiting:
        own = fabric.asns[router] == fabric.cluster_asn
        held[router][""] = ([] if own else [fabric.cluster_asn], own)
    while waiting:
        router = waiting.pop(dice.randrange(len(waiting)))
        paths = held[router]
        best = min(paths, key=lambda at: (len(paths[at][0]), paths[at][1], taste.get(at, 0)), default="nobody")
        for peer in fabric.peers[router]:
            told = _told(fabric, router, peer, *paths[best]) if best not in {"nobody", peer} else None
            if state.joined(router, peer) and told != held[peer].get(router):
                held[peer].pop(router, None)
                held[peer] |= {router: told} if told else {}
                waiting.append(peer)
    return {router for router, paths in held.items() if paths}


def _told(fabric: Fabric, router: str, peer: str, path: list[int], inner: bool) -> Path | None:
    mine, theirs = fabric.asns[router], fabric.asns[peer]
    if mine == theirs:
        return None if inner else (path, True)
    return None if theirs in path else ([mine, *path], False)


def tangled(seed: int) -> Fabric:
    """Return routers with few numbers and many sessions, and racks behind some of them."""
    dice = random.Random(seed)
    names = [f"r{number}" for number in range(dice.randint(2, 8))]
    pairs = [(one, two) for one in names for two in names if one < two and dice.random() < 0.45]
    peers = {
        name: tuple(sorted({*(b for a, b in pairs if a == name), *(a for a, b in pairs if b == name)}))
        for name in names
    }
    model = fabric_of(load_site(dev())).racks[0]
    racks = [
        replace(model, name=f"k{at}", routers=tuple(dice.sample(names, dice.randint(1, min(3, len(names))))))
        for at in range(dice.randint(1, 4))
    ]
    return Fabric(65010, {name: 65010 + dice.randint(0, 6) for name in names}, peers, tuple(racks))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_who_has_a_route_has_it_in_whatever_order_routers_speak(seed: int) -> None:
    fabric, dice = tangled(seed), random.Random(seed)
    for loss in (None, *losses(fabric)):
        state = after(loss) if loss else WHOLE
        for rack in fabric.racks:
            known = set(spread(fabric, rack, state)[0])
            assert known <= oracle(fabric, rack, state, dice)


def test_what_is_left_out_for_doubt_is_little() -> None:
    found = solved = 0
    for seed in range(SEEDS):
        fabric, dice = tangled(seed), random.Random(seed)
        for rack in fabric.racks:
            found += len(oracle(fabric, rack, WHOLE, dice))
            solved += len(spread(fabric, rack)[0])
    assert found * 0.97 < solved <= found


@pytest.mark.parametrize("seed", range(SEEDS // 4))
def test_without_equal_numbers_whoever_is_connected_knows_everything(seed: int) -> None:
    fabric = replace(tangled(seed), cluster_asn=1)
    fabric = replace(fabric, asns={name: at for at, name in enumerate(fabric.asns, start=2)})
    assert fabric.plain
    for loss in losses(fabric):
        known = dict.fromkeys(fabric.asns, 0)
        for bit, rack in enumerate(fabric.racks):
            for router in spread(fabric, rack, after(loss))[0]:
                known[router] |= 1 << bit
        assert knowledge(fabric, after(loss)) == known
