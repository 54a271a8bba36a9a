"""The path solver against what is known of each trap and mechanism; racks that are alike; time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.unit.plan_sites import dev
from tests.varied import Builder, base, leaf_spine, varied
from underlay.model import Site, load_site
from underlay.plan.paths import Kind, Loss, Pair, Solution, Status, solve
from underlay.plan.paths.gaps import Gap, gaps
from underlay.plan.paths.losses import losses

C, P, L = Status.CARRIED, Status.PARTLY, Status.LOST


def built(grow: Callable[[Builder], object], *, direct: bool = False) -> Site:
    """Return the site that a function grows."""
    builder = Builder(base(dev(), direct=direct))
    grow(builder)
    return load_site(builder.done())


def spine(*numbers: int, inner: bool = False, egress: str = "ecmp-link-state") -> Callable[[Builder], None]:
    """Return two racks of two routers each below one spine, with these numbers; a rack's two may be joined."""

    def grow(site: Builder) -> None:
        site.router("spine", 64999)
        leaves = [site.router(f"leaf-{at}", number) for at, number in enumerate(numbers, start=1)]
        for leaf in leaves:
            site.join(leaf, "spine")
        for pair in (leaves[:2], leaves[2:]):
            if inner:
                site.join(*pair)
            site.rack(egress, pair, 2)

    return grow


def whole(solution: Solution) -> Solution:
    """Return the solution of all racks, none left out for being like others."""
    other = Solution(solution.whole)
    other.fabric = solution.whole
    return other


@pytest.mark.parametrize("numbers", ["rack", "all", "own"])
@pytest.mark.parametrize("spines", [1, 2, 3])
def test_racks_that_are_left_out_change_no_answer(numbers: str, spines: int) -> None:
    data = leaf_spine(dev(), 9, 2, spines=spines)
    for at, router in enumerate(data["routers"][spines:]):
        router["asn"] = {"rack": router["asn"], "all": 65100, "own": 65200 + at}[numbers]
    for router in data["routers"]:
        for peer in router["neighbors"]:
            peer["asn"] = next(one["asn"] for one in data["routers"] if one["name"] == peer["name"])
    few = solve(load_site(data))
    full = whole(few)
    kept = {rack.name for rack in few.fabric.racks}
    assert len(kept) < 9
    for loss in losses(few.fabric):
        expected = {pair: status for pair, status in full.harm(loss).items() if {*pair} <= kept}
        assert few.harm(loss) == expected, loss
    assert few.statuses == {pair: status for pair, status in full.statuses.items() if {*pair} <= kept}


def test_one_number_on_both_sides_of_a_spine_is_a_loop() -> None:
    found = list(gaps(solve(built(spine(65101, 65101, 65101, 65101)))))
    assert Gap(Pair("rack-1", "rack-2"), L, "loop", "leaf-1", "spine") in found
    assert {gap.cause for gap in found} == {"loop"}


@pytest.mark.parametrize("inner", [True, False])
def test_two_routers_of_a_rack_may_share_a_number(inner: bool) -> None:
    assert list(gaps(solve(built(spine(65101, 65101, 65102, 65102, inner=inner))))) == []


def test_a_third_router_of_a_number_never_hears() -> None:
    def chain(site: Builder) -> None:
        routers = [site.router(f"tor-{number}", 65101) for number in (1, 2, 3)]
        site.join("tor-1", "tor-2")
        site.join("tor-2", "tor-3")
        site.rack("single", [routers[0]], 1)
        site.rack("single", [routers[2]], 1)

    there = Gap(Pair("rack-1", "rack-2"), L, "inner", "tor-2", "tor-1")
    assert list(gaps(solve(built(chain)))) == [there, Gap(Pair("rack-2", "rack-1"), L, "inner", "tor-2", "tor-3")]


def test_a_router_with_the_nodes_number_hears_of_no_remote_pod() -> None:
    def grow(site: Builder) -> None:
        site.router("tor-1", 65010)
        site.router("tor-2", 65102)
        site.join("tor-1", "tor-2")
        for router in ("tor-1", "tor-2"):
            site.rack("single", [router], 1)

    assert list(gaps(solve(built(grow)))) == [Gap(Pair("rack-1", "rack-2"), L, "loop", "tor-1", "tor-2")]


def lone(site: Builder) -> None:
    """Grow two racks of one router each."""
    site.router("tor", 65101)
    site.router("other", 65102)
    site.join("tor", "other")
    for router in ("tor", "other"):
        site.rack("single", [router], 2)


INSIDE, THERE, BACK = Pair("rack-1", "rack-1"), Pair("rack-1", "rack-2"), Pair("rack-2", "rack-1")
OWN, SAME = (65101, 65102, 65103, 65104), (65101, 65101, 65102, 65102)
CASES: dict[str, tuple[Callable[[Builder], None], bool, Loss, tuple[Status, Status, Status]]] = {
    "a router of two": (spine(*OWN), False, Loss(Kind.ROUTER, "leaf-1"), (C, C, C)),
    "its ports in the rack": (spine(*OWN), False, Loss(Kind.RACK_LINK, "leaf-1", "rack-1"), (C, C, C)),
    "its daemon, which no node notices": (spine(*OWN), False, Loss(Kind.BGP, "leaf-1"), (P, P, C)),
    "its daemon, within a segment": (spine(*OWN), True, Loss(Kind.BGP, "leaf-1"), (C, P, C)),
    "its far link": (spine(*OWN), False, Loss(Kind.LINK, "leaf-1", "spine"), (C, P, C)),
    "its far link, joined": (
        spine(*OWN, inner=True),
        False,
        Loss(Kind.LINK, "leaf-1", "spine"),
        (C, C, C),
    ),
    "its far link, the other of its number helps": (
        spine(*SAME, inner=True),
        False,
        Loss(Kind.LINK, "leaf-1", "spine"),
        (C, C, C),
    ),
    "the only spine": (spine(*OWN), False, Loss(Kind.ROUTER, "spine"), (C, L, L)),
    "a card, heard of over the spine": (spine(*OWN), False, Loss(Kind.UPLINK, "leaf-1", "rack-1"), (C, C, C)),
    "a card, one number, apart": (
        spine(*SAME),
        False,
        Loss(Kind.UPLINK, "leaf-1", "rack-1"),
        (P, C, C),
    ),
    "a card, one number, joined": (spine(*SAME, inner=True), False, Loss(Kind.UPLINK, "leaf-1", "rack-1"), (C, C, C)),
    "a card, directly": (spine(*OWN), True, Loss(Kind.UPLINK, "leaf-1", "rack-1"), (L, C, C)),
    "the other card, directly": (
        spine(*OWN),
        True,
        Loss(Kind.UPLINK, "leaf-2", "rack-1"),
        (C, C, C),
    ),
    "the only router, with its segment": (lone, True, Loss(Kind.ROUTER, "tor"), (L, L, L)),
    "the daemon of the only router, within a segment": (lone, True, Loss(Kind.BGP, "tor"), (C, L, L)),
    "an agent": (spine(*OWN), False, Loss(Kind.AGENT, "", "rack-1"), (L, C, L)),
    "an agent, within a segment": (spine(*OWN), True, Loss(Kind.AGENT, "", "rack-1"), (C, C, L)),
    "vrrp: a router": (spine(*OWN, egress="vrrp"), False, Loss(Kind.ROUTER, "leaf-1"), (C, C, C)),
    "vrrp: the far link of one": (spine(*OWN, egress="vrrp"), False, Loss(Kind.LINK, "leaf-1", "spine"), (C, P, C)),
    "anycast: a daemon": (spine(*OWN, egress="anycast-gateway"), False, Loss(Kind.BGP, "leaf-1"), (P, P, C)),
    "anycast: a segment outlives its routers": (
        spine(*OWN, egress="anycast-gateway"),
        True,
        Loss(Kind.ROUTER, "leaf-1"),
        (C, C, C),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_loss_leaves(name: str) -> None:
    grow, direct, loss, expected = CASES[name]
    harm = solve(built(grow, direct=direct)).harm(loss)
    assert tuple(harm.get(pair, C) for pair in (INSIDE, THERE, BACK)) == expected


def test_a_router_that_serves_both_racks_is_the_way() -> None:
    def grow(site: Builder) -> None:
        site.router("core", 65101)
        site.rack("single", ["core"], 1)
        site.rack("single", ["core"], 1)

    solution = solve(built(grow))
    assert [str(solution.way(pair)) for pair in (THERE, BACK)] == ["core", "core"]


def test_a_chain_is_told_router_by_router() -> None:
    solution = solve(built(spine(*OWN)))
    assert str(solution.way(THERE)) == "leaf-1|leaf-2 > spine > leaf-3|leaf-4"
    assert str(solve(built(spine(*OWN), direct=True)).way(INSIDE)) == "direct"


def seconds(racks: int) -> float:
    """Return the time for paths and all losses, the best of three."""
    site = load_site(leaf_spine(dev(), racks, 40))
    best = 9.9
    for _ in range(3):
        begin = time.perf_counter()
        assert solve(site).remains
        best = min(best, time.perf_counter() - begin)
    return best


def test_five_thousand_nodes_with_all_losses_take_well_under_a_second() -> None:
    assert seconds(125) < 0.5


def test_time_grows_no_faster_than_the_site() -> None:
    assert seconds(124) < 6 * seconds(31) + 0.05


@pytest.mark.parametrize("seed", range(30))
def test_ways_and_statuses_agree(seed: int) -> None:
    solution = solve(load_site(varied(dev(), seed)))
    for pair in solution.pairs:
        way = solution.way(pair)
        senders = solution.group(pair.source).routers
        if not solution.group(pair.source).direct or pair.source != pair.target:
            whole_way = {*way.hops[0]} == {*senders} if way.hops else False
            assert (way.status is C) == whole_way, (pair, way)
