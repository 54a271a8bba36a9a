"""Does the kernel forward as the plan forecasts? Sites built in namespaces, with the routes that the plan gives them.

`python -m tests.lab.forwarding COUNT [SEED]` samples that many accepted sites from a seed on. Each one is cabled by
the lab's own code; nodes get the settings and routes that the plan and Cilium would give them, routers what the solver
says they hold. Then every pair of pods exchanges packets of many connections, with nothing lost and after each single
loss, and what arrives is compared with the forecast. Everything is in namespaces that end with the process.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import count, groupby, islice
from typing import NamedTuple, NoReturn

from lab.namespaces import Flag, mount, unshare
from lab.namespaces import Kind as Namespace
from tests.lab.world import FLOWS, Case, World
from tests.unit.plan_sites import KEY, dev
from tests.varied import varied
from underlay.model import Node, Site, load_site
from underlay.plan.checks import Declaration, findings
from underlay.plan.paths import Kind, Loss, Pair, Status
from underlay.plan.paths.losses import WHOLE, after, losses

AT_ONCE = 4
"""Sites that are checked at the same time: most of a check is waiting for packets that do not come."""
PATIENCE = 12.0
"""Seconds until a forecast is held to be wrong: a neighbour is asked for three times, a second apart, then anew."""


class Contradiction(NamedTuple):
    """A forecast that the kernel did not keep."""

    seed: int
    loss: str
    source: str
    target: str
    forecast: str
    arrived: int


def accepted(seeds: Iterator[int]) -> Iterator[tuple[int, Site]]:
    """Yield the sites that the plan accepts."""
    for seed in seeds:
        site = load_site(varied(dev(), seed))
        names = [*(node.name for node in site.nodes), *(router.name for router in site.routers)]
        keys = dict.fromkeys(names, KEY)
        if not [one for one in findings(Declaration(site, keys)) if one.severity == "error"]:
            yield seed, site


def forecast(world: World, case: Case, source: Node, target: Node) -> Status:
    """Return what the solver says about a pair of nodes, where a shared gateway's holder is known."""
    loss, pair = case.loss, Pair(source.rack, target.rack)
    one_node = world.first[loss.other] if loss and loss.kind in {Kind.UPLINK, Kind.AGENT} else ""
    if loss is None or (one_node and one_node not in {source.name, target.name}):
        harm = world.solution.statuses
    elif one_node and source.name == one_node:
        harm = _from_hit(world, loss)
    else:
        harm = world.solution.harm(loss)
    status = harm.get(pair, Status.CARRIED)
    holder = world.holder(source.rack, case)
    if status is Status.PARTLY and holder:
        return Status.CARRIED if holder in world.routes(target, loss) else Status.LOST
    return status


def _from_hit(world: World, loss: Loss) -> dict[Pair, Status]:
    """Return what becomes of packets from the node that was hit: to its own rack they go as before."""
    if loss.kind is Kind.AGENT:
        return world.solution.statuses
    return {pair: status for pair, status in world.solution.harm(loss).items() if pair.target != loss.other}


def contradictions(world: World, seed: int, case: Case) -> list[Contradiction]:
    """Return every pair whose packets did not fare as forecast, however often one looks."""
    pairs = {(one.name, two.name): (one, two) for one in world.site.nodes for two in world.site.nodes if one != two}
    forecasts = {names: forecast(world, case, *pair) for names, pair in pairs.items()}
    end, kept = time.monotonic() + PATIENCE, 0
    while kept < 2:  # twice in a row: what is lost for good stays lost when neighbours know each other
        wrong = _wrong(world, forecasts)
        kept = 0 if wrong else kept + 1
        if wrong and time.monotonic() > end:
            break
    text = f"{case.loss or 'nothing'}, holder {case.holder}"
    return [Contradiction(seed, text, *names, forecasts[names], arrived) for names, arrived in wrong.items()]


def _wrong(world: World, forecasts: dict[tuple[str, str], Status]) -> dict[tuple[str, str], int]:
    """Return the pairs whose packets do not fare as forecast, with how many of them arrive."""
    seen = world.arrivals()
    return {names: seen[names] for names, status in forecasts.items() if not KEPT[status](seen[names])}


KEPT: dict[Status, Callable[[int], bool]] = {
    Status.CARRIED: lambda arrived: arrived == FLOWS,
    Status.LOST: lambda arrived: arrived == 0,
    Status.PARTLY: lambda arrived: 0 < arrived < FLOWS,
}


def cases(world: World) -> Iterator[Case]:
    """Yield every loss, each with every router in turn as the one that has the shared gateways."""
    for loss in (None, *losses(world.solution.fabric)):
        state = after(loss) if loss else WHOLE
        shared = [len(state.senders(rack)) for rack in world.solution.fabric.racks if rack.shared]
        yield from (Case(loss, holder) for holder in range(max(shared, default=1) or 1))


def check(seed: int, site: Site) -> tuple[int, int, list[Contradiction]]:
    """Build a site and return how many cases and pairs were compared, and where forecast and kernel differ."""
    world = World(site)
    found: list[Contradiction] = []
    number = 0
    for loss, group in groupby(cases(world), lambda case: case.loss):
        world.set_ports(loss, "down")
        world.install(loss)
        for case in group:
            world.give_gateways(case)
            found += contradictions(world, seed, case)
            number += 1
        world.set_ports(loss, "up")
    return number, number * len(site.nodes) * (len(site.nodes) - 1), found


def isolated(seed: int, site: Site) -> NoReturn:
    """Check a site in a network of its own, print the result, and end this process: 1 where something differs."""
    unshare(Namespace.NET | Namespace.MOUNT)
    mount("", "/", flags=Flag.RECURSIVE | Flag.PRIVATE)
    mount("tmpfs", "/run", "tmpfs")
    begin = time.monotonic()
    number, pairs, found = check(seed, site)
    racks = ", ".join(rack.egress for rack in site.racks)
    size = f"{len(site.nodes)} nodes, {len(site.routers)} routers, racks {racks}"
    result = f"{number} cases, {pairs} forecasts, {len(found)} contradicted, {time.monotonic() - begin:.1f} s"
    print("\n  ".join([f"seed {seed}: {size}: {result}", *map(str, found)]), flush=True)
    os._exit(1 if found else 0)


def started(seed: int, site: Site) -> int:
    """Check a site in a child and return its number; whatever goes wrong there, the child ends."""
    child = os.fork()
    if not child:
        try:
            isolated(seed, site)
        finally:
            traceback.print_exc()
            os._exit(2)
    return child


def main(argv: list[str]) -> int:
    """Check a number of accepted sites from a seed on; not zero where a forecast is contradicted."""
    number, first = int(argv[0]), int(argv[1]) if len(argv) > 1 else 0
    running: set[int] = set()
    failed = 0
    sites = islice(accepted(count(first)), number)
    while running or number:
        while number and len(running) < AT_ONCE:
            running.add(started(*next(sites)))
            number -= 1
        child, status = os.wait()
        running.discard(child)
        failed += status != 0
    print(f"{failed} sites contradicted", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
