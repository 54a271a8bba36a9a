"""What some groups need before their values are applied, and after they are taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping

from tests.lab.silent.acts import NODE
from tests.lab.silent.measures import OTHER, PLUG_IN
from tests.lab.silent.table import groups, past_the_rules, together
from tests.lab.silent.world import World

SMALL = 1300
POOL = "10.244.0.0/16"


def another_plug_in(world: World) -> None:
    """Leave another plug-in's file on a node."""
    content = json.dumps({"cniVersion": "0.4.0", "name": "site", "plugins": [{"type": "loopback"}]})
    world.inside(OTHER, "sh", "-c", f"printf %s '{content}' > {PLUG_IN}")


def small_card(world: World) -> None:
    """Let the management card of every node carry small packets only."""
    for node in world.ground.nodes:
        world.inside(node, "ip", "link", "set", "mgmt0", "mtu", str(SMALL))


def usual_card(world: World) -> None:
    """Let the management cards carry what they did, and pods too."""
    for node in world.ground.nodes:
        world.inside(node, "ip", "link", "set", "mgmt0", "mtu", "1500")
    world.renew()


def no_more_restarts(world: World) -> None:
    """Take the marks away by which a changed ConfigMap restarts agents; that itself restarts them once."""
    bad = {path: value for path, value in together(groups()["restart"]).items() if path != "cilium.host_routing"}
    world.apply(past_the_rules(bad))


def right_share(world: World) -> None:
    """Let the node join anew once more; a power-cycle takes wrong routes and pods' old addresses with it."""
    world.kubectl("delete", "ciliumnode", NODE, "--ignore-not-found")
    world.run(sys.executable, "-m", "lab", "restart", NODE)


def no_direct_routes(world: World) -> None:
    """Delete the routes between nodes, which Cilium leaves behind when it no longer makes them."""
    for node in world.ground.nodes:
        for line in world.inside(node, "ip", "route", "show", "root", POOL, "dev", "eth0").splitlines():
            world.inside(node, "ip", "route", "del", line.split()[0], "dev", "eth0")


BEFORE: Mapping[str, Callable[[World], None]] = {
    "narrow": another_plug_in,
    "devices": small_card,
    "restart": no_more_restarts,
}
AFTER: Mapping[str, Callable[[World], None]] = {
    "devices": usual_card,
    "routes": no_direct_routes,
    "egress": World.renew,
    "random": World.renew,
    "share": right_share,
    "pool": right_share,
}
