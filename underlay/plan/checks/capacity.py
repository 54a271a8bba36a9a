"""Rules about room: ranges that never change have space for every node and service, and some to spare."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.model import Site
from underlay.plan.bgp import usable
from underlay.plan.checks.registry import Declaration, Problem, rule

SPARE = 0.2
"""Part of a range that has to be free: less, and the next extension needs a new cluster or new addresses."""
POINT_TO_POINT = 30
"""Prefix length from which on a segment is made for two machines: full by purpose."""
GROW = "Take a larger pool or a longer mask before the cluster is made; later a pool can only be appended."


def _nodes(site: Site) -> int:
    return max(len(site.nodes), site.addresses.growth.nodes or 0)


def _networks(site: Site) -> int:
    """Return how many nodes' networks the pools hold."""
    pods = site.addresses.pods
    return sum(2 ** (pods.mask - pool.prefixlen) for pool in pods.pools if pods.mask >= pool.prefixlen)


def _addresses(site: Site) -> int:
    """Return how many addresses the load-balancer pools have for services."""
    return sum(usable(pool) for pool in site.addresses.load_balancers)


def _scarce(room: int, used: int) -> bool:
    return room >= used and (room - used) < SPARE * room


@rule(
    "pod-pool-too-small",
    bad={"addresses.pods.pools": ["10.244.0.0/23"]},
    good={"addresses.pods.pools": ["10.244.0.0/20"]},
)
def pod_pool_has_room_for_every_node(declaration: Declaration) -> Iterator[Problem]:
    """Each node takes one network of the pool; a node that gets none waits for ever, without an error."""
    site = declaration.site
    pools, room, nodes = site.addresses.pods.pools, _networks(site), _nodes(site)
    if room < nodes:
        found = f"{', '.join(map(str, pools))} with room for {room} networks of /{site.addresses.pods.mask}"
        yield Problem("site.addresses.pods", found, f"room for {nodes} nodes", GROW)


@rule(
    "pod-pool-nearly-full",
    severity="warning",
    bad={"addresses.pods.pools": ["10.244.0.0/22"]},
    good={"addresses.pods.pools": ["10.244.0.0/21"]},
)
def pod_pool_has_room_to_spare(declaration: Declaration) -> Iterator[Problem]:
    """A pool can only be appended to; a fifth of it free is the time that is left to plan that."""
    site = declaration.site
    room, nodes = _networks(site), _nodes(site)
    if _scarce(room, nodes):
        found = f"{room - nodes} of {room} networks of /{site.addresses.pods.mask} free"
        yield Problem("site.addresses.pods", found, f"{SPARE:.0%} or more free", GROW)


@rule(
    "pod-mask-below-pod-limit",
    severity="warning",
    bad={"addresses.pods.mask": 26},
    good={"addresses.pods.mask": 25},
)
def node_networks_hold_a_full_node(declaration: Declaration) -> Iterator[Problem]:
    """Kubelet takes 110 pods unless told otherwise; those beyond the network's end never get an address."""
    mask, pods = declaration.site.addresses.pods.mask, 110
    room = 2 ** (32 - mask) - 4  # network, broadcast, and the two that the agent keeps for itself
    if 0 < room < pods:  # none: another rule refuses it
        found = f"/{mask} with room for {room} pods"
        fix = "Take a shorter mask, or set kubelet's maxPods to that number and waive this rule."
        yield Problem("site.addresses.pods.mask", found, f"room for kubelet's usual {pods} pods", fix)


@rule(
    "node-subnet-nearly-full",
    severity="warning",
    bad={
        "racks.1.links.0": {"router": "tor-b", "subnet": "172.30.2.8/29", "address": "172.30.2.9"},
        "nodes.4": {
            "name": "worker-4",
            "role": "worker",
            "rack": "rack-b",
            "address": "172.30.2.13",
            "management": {"address": "192.168.250.15", "user": "root"},
            "uplinks": [{"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}],
        },
        "nodes.5": {
            "name": "worker-5",
            "role": "worker",
            "rack": "rack-b",
            "address": "172.30.2.14",
            "management": {"address": "192.168.250.16", "user": "root"},
            "uplinks": [{"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}],
        },
        "security_groups.0.nodes": ["cp-1", "worker-1", "worker-2", "worker-3", "worker-4", "worker-5"],
    },
    good={"racks.1.links.0": {"router": "tor-b", "subnet": "172.30.2.0/27", "address": "172.30.2.1"}},
)
def segments_have_room_to_spare(declaration: Declaration) -> Iterator[Problem]:
    """The next node of the rack needs an address of this segment, and renumbering stops every node of it."""
    for index, rack in enumerate(declaration.site.racks):
        for subnet in rack.subnets:
            shared = 1 if rack.gateway and rack.gateway in subnet else 0
            links = sum(link.subnet == subnet for link in rack.links)
            room, used = subnet.num_addresses - 2, len(declaration.site.nodes_of(rack.name)) + links + shared
            if subnet.prefixlen < POINT_TO_POINT and _scarce(room, used):
                found = f"{room - used} of {room} addresses of {subnet} free in {rack.name}"
                yield Problem(f"site.racks.{index}.links", found, f"{SPARE:.0%} or more free")


@rule(
    "load-balancer-pool-too-small",
    bad={"addresses.load_balancers": ["192.0.2.0/28"], "addresses.growth": {"load_balancers": 15}},
    good={"addresses.load_balancers": ["192.0.2.0/27"], "addresses.growth": {"load_balancers": 15}},
)
def load_balancer_pools_hold_what_is_planned(declaration: Declaration) -> Iterator[Problem]:
    """A service that gets no address stays pending, without an error."""
    site = declaration.site
    room, planned = _addresses(site), site.addresses.growth.load_balancers or 0
    if room < planned:
        yield Problem("site.addresses.load_balancers", f"{room} addresses", f"{planned} or more, as growth says")


@rule(
    "load-balancer-pool-nearly-full",
    severity="warning",
    bad={"addresses.load_balancers": ["192.0.2.0/28"], "addresses.growth": {"load_balancers": 14}},
    good={"addresses.load_balancers": ["192.0.2.0/27"], "addresses.growth": {"load_balancers": 14}},
)
def load_balancer_pools_have_room_to_spare(declaration: Declaration) -> Iterator[Problem]:
    """A range that is full is extended by a change of the fabric, not of the cluster alone."""
    site = declaration.site
    room, planned = _addresses(site), site.addresses.growth.load_balancers or 0
    if planned and _scarce(room, planned):
        found = f"{room - planned} of {room} addresses free"
        yield Problem("site.addresses.load_balancers", found, f"{SPARE:.0%} or more free")


@rule("growth-exceeded", bad={"addresses.growth": {"nodes": 3}}, good={"addresses.growth": {"nodes": 40}})
def growth_is_beyond_what_is_declared(declaration: Declaration) -> Iterator[Problem]:
    """A plan smaller than the site is out of date; capacity would be judged by neither."""
    site = declaration.site
    planned = site.addresses.growth.nodes
    if planned is not None and planned < len(site.nodes):
        yield Problem("site.addresses.growth.nodes", planned, f"{len(site.nodes)} or more, the declared nodes")
