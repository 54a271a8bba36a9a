"""Router configurations: the session of each node behind a router, and its neighbours, with filters for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import jinja2

from underlay.model import Neighbor, Platform, Router, Site
from underlay.plan.bgp import address_at
from underlay.plan.digest import digest
from underlay.plan.learned import Entry, Learned, learned
from underlay.plan.once import per_site
from underlay.plan.owner import owner_line
from underlay.plan.paths import adjacency
from underlay.sources import template

PASSWORD_MARK = "<bgp-password>"  # noqa: S105 - stands where the router's program puts the password
FILE_HEAD = "Owned by cilium-underlay: written by its router configuration, removed with it."

NODE_PREFIXES = 16
"""Prefixes taken from one node: one pod network, with room for more; beyond that something is wrong with the node."""
SPARE_PREFIXES = 64
"""Prefixes taken from a neighbour beyond those of the site as it is declared, at least."""
LONGEST_SYMBOL = 50
"""Characters of a name in a BIRD symbol: BIRD takes 64, and `underlay_node_` takes 14 of them."""
TEMPLATES: dict[Platform, str] = {
    Platform.FRR: "frr.conf.j2",
    Platform.BIRD: "bird.conf.j2",
    Platform.VRP: "vrp.cfg.j2",
}
STALE = 360
"""Seconds for which FRR keeps routes of a restarting node at most without being told."""
ERROR_WAIT = 30
"""Seconds that BIRD waits at most before it tries again after an error; by itself it waits for one to five
minutes, in which it refuses a node that is back; so it does where two routers started at once."""
WAYS = 16
"""Equal ways that VRP uses at once; FRR and BIRD use 16 or more without being told."""

PODS, SUBNETS, SERVICES, WHOLES, REST = "PODS", "SUBNETS", "SERVICES", "AGGREGATES", "DEFAULT"
PARTS, OUTSIDE = "PARTS", "OUTSIDE"
"""Sets that no neighbour outside is told: parts of aggregates, and what the site has from others outside."""
HOST = 32
DEFAULT = Entry(IPv4Network("0.0.0.0/0"), 0)
"""The route to everything else, and to nothing that is in it."""


RULES = {
    "router-neighbour-in-use": "the router already keeps a session that the site declares, and its filters would go",
}
"""What a look at a router may find before it is changed, and what it means; each can be waived by its name."""
FOUND = {
    "bgp-password-unusable": "the password has characters that routers read differently, or too many of them",
    "foreign-router-configuration": "another site has applied its part to this router",
    "router-block-broken": "the marks around our lines are not there once each, and only they tell ours from others",
    "router-change-taken-back": "the router did not take every line; its former state is back",
    "router-daemon-not-running": "the routing daemons do not answer",
    "router-does-not-forward": "the kernel of the router does not forward packets",
    "router-files-by-daemon": "FRR's daemons keep a file each, which they skip once there is a frr.conf of ours",
    "router-syntax-refused": "the daemon's own check refuses the text; nothing was changed",
}
"""What applying a router's text may find, and what it means; none of it can be waived."""


@dataclass(frozen=True)
class Peer:
    """A neighbour outside the racks, with the names of the prefix sets that cross the session."""

    declared: Neighbor
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    limit: int
    refused: tuple[str, ...]
    """Names of the sets that do not cross it, though some exported set holds them."""


def router_text(site: Site, router: Router) -> str:
    """Return the configuration of a router; the place of the password holds a mark, never the password."""
    found = filters(site, router)
    dynamic = router.dynamic_nodes and router.platform is not Platform.VRP
    return (
        _environment()
        .get_template(TEMPLATES[router.platform])
        .render(
            head=FILE_HEAD,
            owner=owner_line(site, router.name),
            router=router,
            bgp=site.bgp,
            pods=site.addresses.pods,
            sets=found.sets,
            nodes=[] if dynamic else _nodes(site, router),
            segments=[link.subnet for _, link in site.links_of(router.name)] if dynamic else [],
            listen_limit=listen_limit(site, router),
            peers=found.peers,
            node_imports=found.from_nodes,
            password=PASSWORD_MARK,
            node_prefixes=node_prefixes(site),
            ways=WAYS,
            error_wait=ERROR_WAIT,
            stale=STALE,
        )
    )


def router_input(site: Site, router: Router, text: str, waived: Mapping[str, str]) -> dict[str, Any]:
    """Return the input of the program `configure_router` without the password; `waived` excuses findings by rule."""
    excused = {rule: reason for rule, reason in waived.items() if rule in RULES}
    return {
        "site": site.name,
        "router": router.name,
        "platform": router.platform.value,
        "text": text,
        "mark": PASSWORD_MARK,
        **({"waived": excused} if excused else {}),
    }


def listen_limit(site: Site, router: Router) -> int:
    """Return how many nodes FRR takes that are not named, in steps; by itself it takes 100."""
    return 1 << (len(_nodes(site, router)) + SPARE_PREFIXES).bit_length()


def _nodes(site: Site, router: Router) -> list[tuple[str, IPv4Address]]:
    """Return each node behind a router with the address by which the router knows it."""
    links = site.links_of(router.name)
    return [(node.name, address_at(link, node)) for rack, link in links for node in site.nodes_of(rack.name)]


@dataclass(frozen=True)
class Filters:
    """What crosses a router's sessions."""

    sets: dict[str, tuple[Entry, ...]]
    """Prefix sets by name, the pods' own left out; a set without prefixes is not there."""
    peers: tuple[Peer, ...]
    """The neighbours outside the racks, in the order of the declaration."""
    from_nodes: tuple[str, ...]
    """Names of the sets that nodes may tell."""


def filters(site: Site, router: Router) -> Filters:
    """Return what crosses a router's sessions."""
    links, told = site.links_of(router.name), _Told(site, router)
    subnets = {SUBNETS: tuple(Entry(link.subnet, link.subnet.prefixlen) for _, link in links)} if links else {}
    sets = {**subnets, **_shared(site, router), **told.sets}
    peers = tuple(_peer(site, router, neighbor, told, sets) for neighbor in router.neighbors)
    if any(OUTSIDE in peer.refused for peer in peers):
        sets[OUTSIDE] = tuple(Entry(network, network.prefixlen) for network in sorted(_from_outside(site)))
    return Filters(sets, peers, _from_nodes(site))


@per_site
def _is_between(site: Site) -> bool:
    """Tell whether the site has more than one neighbour outside, and something that it could tell one of another."""
    beyond = [one for router in site.routers for one in router.neighbors if one.name not in site.router_names]
    return len(beyond) > 1 and bool(_from_outside(site))


@per_site
def _from_outside(site: Site) -> frozenset[IPv4Network]:
    """Return what the site takes from neighbours outside, the default route left out."""
    taken = {one for router in site.routers for neighbor in router.neighbors for one in neighbor.accepts}
    return frozenset(taken - {DEFAULT.network})


def node_prefixes(site: Site) -> int:
    """Return how many prefixes a node may announce, in steps: its share of the pods, and every service's address."""
    return max(NODE_PREFIXES, 1 << _services(site).bit_length())


def _services(site: Site) -> int:
    return sum(network.num_addresses for network in site.addresses.load_balancers)


def _from_nodes(site: Site) -> tuple[str, ...]:
    return (PODS, *([SERVICES] if site.addresses.load_balancers else []))


def _shared(site: Site, router: Router) -> dict[str, tuple[Entry, ...]]:
    """Return the sets of service addresses, one by one, and of aggregates, where there are such."""
    services = tuple(Entry(network, HOST) for network in site.addresses.load_balancers)
    wholes = tuple(Entry(network, network.prefixlen) for network in router.aggregates)
    return {name: entries for name, entries in ((SERVICES, services), (WHOLES, wholes)) if entries}


class _Told:
    """What a router's neighbours may tell it; the set of those that may tell the same bears the first one's name."""

    def __init__(self, site: Site, router: Router) -> None:
        told = {neighbor.remote: learned(site, router, neighbor) for neighbor in router.neighbors}
        self.default = frozenset(remote for remote, found in told.items() if DEFAULT in found.entries)
        self.by = {remote: _without_default(found) for remote, found in told.items()}
        names: dict[tuple[Entry, ...], str] = {}
        for neighbor in router.neighbors:
            names.setdefault(self.by[neighbor.remote].entries, f"PEER-{neighbor.name.upper()}")
        self.sets = {name: entries for entries, name in names.items() if entries}
        self.sets |= {REST: (DEFAULT,)} if self.default else {}
        self.name_of = {remote: names[found.entries] for remote, found in self.by.items()}
        inside = [neighbor.remote for neighbor in router.neighbors if neighbor.name in site.router_names]
        beyond = {name for remote, name in self.name_of.items() if remote not in inside}
        self.inside = {*self.sets} - beyond - {REST}
        self._tellers = Counter(self.name_of.values())

    def alone(self, neighbor: Neighbor) -> str:
        """Return the name of a neighbour's set when no other one may tell the same; it is not told what it tells."""
        name = self.name_of[neighbor.remote]
        return name if self._tellers[name] == 1 else ""


def _peer(site: Site, router: Router, neighbor: Neighbor, told: _Told, sets: Iterable[str]) -> Peer:
    rest = (REST,) if neighbor.remote in told.default else ()
    own, alone, prefixes = told.name_of[neighbor.remote], told.alone(neighbor), told.by[neighbor.remote].networks
    carries_pods = neighbor.name in adjacency(site)[router.name]
    inside = neighbor.name in site.router_names
    passing = {*sets} - {WHOLES} if inside else {SUBNETS, SERVICES, WHOLES, *told.inside}
    refused = (*([PARTS] if router.aggregates else []), *([OUTSIDE] if _is_between(site) else []))
    expected = prefixes + (len(site.nodes) + _services(site) if carries_pods else 0)
    return Peer(
        declared=neighbor,
        imports=(*(_from_nodes(site) if carries_pods else ()), *([own] if own in sets else []), *rest),
        exports=(PODS, *(name for name in sets if name in passing and name != alone)),
        refused=() if inside else refused,
        limit=1 << (expected + SPARE_PREFIXES).bit_length(),  # in steps, so that one more node changes nothing
    )


def _without_default(found: Learned) -> Learned:
    """Return what may be learned beside the default route, which is a set of its own: nobody outside is told of it."""
    return Learned(tuple(entry for entry in found.entries if entry != DEFAULT), found.networks)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template),
        autoescape=False,  # noqa: S701 - router configuration, not HTML; every value is a typed address, number or name
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["symbol"] = symbol
    return environment


def symbol(name: str) -> str:
    """Return a name as BIRD takes it: without hyphens; one with points, or a long one cut, is told by its digest."""
    text = name.replace("-", "_").replace(".", "_")
    return (
        text if len(text) <= LONGEST_SYMBOL and "." not in name else f"{text[: LONGEST_SYMBOL - 9]}_{digest(name)[:8]}"
    )
