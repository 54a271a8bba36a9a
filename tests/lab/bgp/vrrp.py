"""The first router of a VRRP rack lost while pods talk, with a real VRRP daemon in both: packets and seconds.

`python -m tests.lab.bgp.vrrp [NAME ...]` starts the site of every mechanism anew for each row, lets FRR's vrrpd hold
the rack's gateway address instead of moving it by hand, and prints a row of a table for each.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from lab.fabric import run_ip
from lab.hardware import VIRTUAL_MAC
from tests.lab.bgp.ground import Ground, apart, until
from tests.lab.bgp.losses import HANG, declared
from tests.lab.bgp.stream import Stream
from tests.lab.world import Case, give
from underlay.model import Egress, Site
from underlay.plan.paths import Kind, Loss

BEFORE, AFTER = 1.0, 14.0
GROUP = int(VIRTUAL_MAC.rpartition(":")[2], 16)
"""The virtual router's number is the last byte of its hardware address (RFC 9568, section 7.3)."""
DAEMONS = "-A 127.0.0.1 -z {run}/zserv.api --vty_socket {run} -i {run}/{daemon}.pid -f {run}/{daemon}.conf"
CONFIGURATION = """\
interface {port}
 vrrp {group} version 3
 vrrp {group} priority {priority}
 vrrp {group} advertisement-interval 1000
 vrrp {group} ip {gateway}
"""
FIRST, SECOND = 200, 100
"""Priorities."""


class Gateways(Ground):
    """A ground whose VRRP racks' gateways are held by a daemon in each of their routers."""

    def __init__(self, site: Site) -> None:
        """Start everything, and wait until the first router of each such rack holds the address."""
        super().__init__(site)
        for rack in site.racks:
            if rack.egress is Egress.VRRP:
                for link, priority in zip(rack.links, (FIRST, SECOND), strict=True):
                    port = f"gw-{rack.name}"
                    run_ip([f"address replace {rack.gateway}/32 dev {port}", f"link set {port} up"], link.router)
                    self._speak(link.router, rack.name, str(rack.gateway), priority)
        self.share(None)

    def _speak(self, router: str, rack: str, gateway: str, priority: int) -> None:
        """Start vrrpd, and the daemon that tells it of devices where the router has none."""
        text = CONFIGURATION.format(port=rack, group=GROUP, priority=priority, gateway=gateway)
        wanted = [("vrrpd", text)] if self.has_zebra(router) else [("zebra", ""), ("vrrpd", text)]
        for daemon, content in wanted:
            self._file(router, f"{daemon}.conf", content)
            words = DAEMONS.format(run=f"/run/{router}", daemon=daemon).split()
            self._run(router, [f"/usr/lib/frr/{daemon}", *words])

    def has_zebra(self, router: str) -> bool:
        """Say whether a router is FRR's."""
        return self.site.router(router).platform.value == "frr"

    def share(self, loss: Loss | None) -> None:
        """Let a router have each anycast gateway: the switch finds one that is there."""
        for rack in self.site.racks:
            case = Case(loss, 0)
            if rack.egress is Egress.ANYCAST_GATEWAY and (holder := self.world.holder(rack.name, case)):
                give(self.world, rack.name, holder)

    def master(self, router: str) -> bool:
        """Say whether a router's vrrpd holds the address."""
        return "Master" in self.inside(router, "vtysh -d vrrpd -c 'show vrrp summary'")[1]


class Row(NamedTuple):
    """What is lost, and how."""

    name: str
    what: str
    happens: Callable[[Gateways], None]


ROUTER = Loss(Kind.ROUTER, "tor-a")


def ports_down(ground: Gateways) -> None:
    """Take all ports of the first router down."""
    ground.world.set_ports(ROUTER, "down")
    ground.share(ROUTER)


def hangs(ground: Gateways) -> None:
    """Let the first router's machine answer and forward nothing; its ports stay up."""
    ground.good("tor-a", HANG)
    ground.share(ROUTER)


def ended(ground: Gateways) -> None:
    """End the first router's VRRP daemon, which says so."""
    ground.daemons["tor-a"][-1].send_signal(signal.SIGTERM)


def killed(ground: Gateways) -> None:
    """Kill it."""
    ground.daemons["tor-a"][-1].send_signal(signal.SIGKILL)


ROWS = (
    Row("router", "router tor-a, which holds the gateway: its ports go down", ports_down),
    Row("router-hangs", "router tor-a, which holds the gateway: hangs, its ports stay up", hangs),
    Row("daemon-ended", "VRRP daemon of tor-a: ended", ended),
    Row("daemon-killed", "VRRP daemon of tor-a: killed", killed),
)


def run(row: Row) -> int:
    """Measure one row in a fresh ground and print it; 1 where the second router does not take the gateway over."""
    ground = Gateways(declared())
    ready = ground.settled(90) and until(lambda: ground.master("tor-a") and not ground.master("tor-b"), 30)
    if not ready:
        told = {name: ground.inside(name, "vtysh -d vrrpd -c 'show vrrp'")[1:] for name in ("tor-a", "tor-b")}
        print(f"| {row.what} | not settled: {told} |", flush=True)
        return 1
    stream = Stream(ground.world)
    stream.run(BEFORE + AFTER, BEFORE, partial(row.happens, ground))
    lost = {pair: loss for pair, loss in stream.losses().items() if "rack-a" in pair and loss.lost}
    out = {target: loss for (source, target), loss in lost.items() if source == "rack-a"}
    into = {source: loss for (source, target), loss in lost.items() if target == "rack-a"}
    parts = [
        f"{sum(one.lost for one in way.values()):,} in {max((one.seconds for one in way.values()), default=0):.2f} s, "
        f"{sum(one.still for one in way.values())} connections still lose"
        for way in (out, into)
    ]
    print(f"| {row.what} | {parts[0]} | {parts[1]} | {'yes' if ground.master('tor-b') else 'no'} |", flush=True)
    return 0 if ground.master("tor-b") else 1


def main(argv: Sequence[str]) -> int:
    """Measure the rows that are named, or all of them."""
    rows = [row for row in ROWS if not argv or row.name in argv]
    head = "| what | lost on the way out of the rack | into the rack | tor-b holds the gateway |\n|---|---|---|---|"
    print(head, flush=True)
    return 1 if sum(apart(partial(run, row)) != 0 for row in rows) or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
