"""GoBGP as the nodes' end of whole sites: all sessions come up, and routers hold exactly what is planned.

`python -m tests.lab.bgp.sites COUNT [SEED]` takes that many accepted sites from a seed on; `dynamic` instead of
them takes the dev site with nodes that nobody names, and a default route from outside that both routers have to hold.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count, islice

from tests.lab.bgp.ground import Ground, apart
from tests.lab.forwarding import accepted
from tests.unit.plan_sites import put
from tests.unit.plan_sites import site as dev_site
from underlay.judge.verdict import Status
from underlay.model import Site

CHECKED = ("router-sessions", "router-prefixes", "router-routes", "session-ends")


def check(name: str, site: Site, more: Callable[[Ground], list[str]] = lambda _: []) -> int:
    """Start a site; 0 where everything comes up and is found to be as planned."""
    begin = time.monotonic()
    ground = Ground(site)
    settled = ground.settled()
    up = time.monotonic() - begin
    checks = [check for check in ground.verdict().checks if check.rule in CHECKED]
    wrong = [f"{one.where}: {one.rule}: {one.found}" for one in checks if one.status is not Status.PASS]
    wrong += more(ground)
    sessions = sum(len(site.rack(node.rack).links) for node in site.nodes)
    routers = ", ".join(f"{router.name} {router.platform}" for router in site.routers)
    text = f"{name}: {routers}: {len(site.nodes)} nodes, {sessions} sessions, {len(checks)} checks, {len(wrong)} wrong"
    print("\n  ".join([f"{text}, up after {up:.1f} s", *wrong]), flush=True)
    return 0 if settled and not wrong else 1


def default_routes(ground: Ground) -> list[str]:
    """Return the routers that do not hold the default route from outside."""
    found = {
        router.name: subprocess.run(
            ["ip", "-n", router.name, "route", "show", "default"], capture_output=True, check=True
        )
        for router in ground.site.routers
    }
    return [f"{name}: no default route" for name, done in found.items() if b"via" not in done.stdout]


def dynamic() -> int:
    """Check the dev site with nodes that nobody names and a default route."""
    changes = [put(f"routers.{number}.dynamic_nodes", True) for number in (0, 1)]
    everything = put("routers.0.neighbors.1.accepts", ["0.0.0.0/0", "203.0.113.10/32"])
    return check("dev, dynamic nodes, default route", dev_site(*changes, everything), default_routes)


def main(argv: list[str]) -> int:
    """Check a number of sites from a seed on, or the one of that name."""
    if argv == ["dynamic"]:
        return apart(dynamic)
    number, first = int(argv[0]), int(argv[1]) if len(argv) > 1 else 0
    sampled = islice(accepted(count(first)), number)
    failed = sum(apart(partial(check, f"seed {seed}", site)) != 0 for seed, site in sampled)
    print(f"{failed} of {number} sites differ", flush=True)
    return 1 if failed or not number else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
