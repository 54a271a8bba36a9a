"""Rules about the shape of a rack: its routers, segments and gateway fit the way by which its nodes leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from underlay.model import SHARED_GATEWAY, Egress
from underlay.plan.checks.registry import Declaration, Example, Problem, rule

RACK = {"name": "rack-b", "egress": "single"}
FIRST = {"router": "tor-b", "subnet": "172.30.2.0/24", "address": "172.30.2.1"}
SECOND = {"router": "tor-a", "subnet": "172.30.2.0/24", "address": "172.30.2.2"}
GATEWAY = "172.30.2.3"


def _rack(egress: Egress, *links: object, **more: object) -> Example:
    return {"racks.1": {**RACK, "egress": egress.value, "links": list(links), **more}}


VRRP = _rack(Egress.VRRP, FIRST, SECOND, gateway=GATEWAY)
"""The example that is right: two routers, one segment, and a gateway address of its own."""


@rule("egress-router-count", bad=_rack(Egress.VRRP, FIRST, gateway=GATEWAY), good=VRRP)
def racks_have_the_routers_that_they_need(declaration: Declaration) -> Iterator[Problem]:
    """A `single` rack has one next hop; each other mechanism promises to outlive a router, and so needs a second."""
    for index, rack in enumerate(declaration.site.racks):
        count, single = len(rack.links), rack.egress is Egress.SINGLE
        if (count != 1) if single else (count < 2):
            expected = f"{'one router' if single else 'two routers or more'} for egress {rack.egress.value}"
            yield Problem(f"site.racks.{index}.links", f"{count} in rack {rack.name}", expected)


@rule("egress-segments-differ", bad=_rack(Egress.ECMP_LINK_STATE, FIRST, SECOND), good=VRRP)
def segments_fit_the_egress(declaration: Declaration) -> Iterator[Problem]:
    """A shared gateway lives in one segment; ECMP by link state needs one for each router, or no link goes down."""
    for index, rack in enumerate(declaration.site.racks):
        shared = rack.egress in SHARED_GATEWAY
        if len(rack.subnets) != (1 if shared else len(rack.links)) and rack.egress is not Egress.SINGLE:
            wanted = "one segment with every router" if shared else "a segment of its own for each router"
            found = f"{', '.join(map(str, rack.subnets))} for {len(rack.links)} routers of rack {rack.name}"
            yield Problem(f"site.racks.{index}.links", found, f"{wanted} for egress {rack.egress.value}")


@rule("gateway-missing", bad=_rack(Egress.VRRP, FIRST, SECOND), good=VRRP)
def shared_gateways_have_an_address(declaration: Declaration) -> Iterator[Problem]:
    """The address that moves or is answered by all routers is the nodes' next hop; no router's own can stand for it."""
    for index, rack in enumerate(declaration.site.racks):
        if rack.egress in SHARED_GATEWAY and not rack.gateway:
            expected = f"an address of {rack.subnets[0]} that no machine has, for egress {rack.egress.value}"
            yield Problem(f"site.racks.{index}.gateway", "nothing", expected)


@rule("gateway-not-used", bad={"racks.1.gateway": GATEWAY}, good=VRRP)
def other_racks_have_no_gateway(declaration: Declaration) -> Iterator[Problem]:
    """Nodes of these racks use the routers' own addresses; a further one would be configured nowhere."""
    for index, rack in enumerate(declaration.site.racks):
        if rack.egress not in SHARED_GATEWAY and rack.gateway:
            fix = "Leave it out, or choose anycast-gateway or vrrp."
            expected = f"no gateway for egress {rack.egress.value}"
            yield Problem(f"site.racks.{index}.gateway", rack.gateway, expected, fix)


@rule(
    "rack-router-not-unique",
    bad=_rack(Egress.VRRP, FIRST, {**SECOND, "router": "tor-b"}, gateway=GATEWAY),
    good=VRRP,
)
def racks_name_a_router_once(declaration: Declaration) -> Iterator[Problem]:
    """Two links to one router are lost together: the rack would be declared safer than it is."""
    for index, rack in enumerate(declaration.site.racks):
        for name, count in Counter(link.router for link in rack.links).items():
            if count > 1:
                yield Problem(f"site.racks.{index}.links", f"{count} times router {name}", "each router once")
