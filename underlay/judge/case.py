"""One case: what was expected and what was observed, joined by node, router and pair of nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from ipaddress import IPv4Network
from itertools import islice, takewhile

from underlay.judge.evidence import Counter, Evidence, Link, NodeReport, Point, Probe, RouterReport, Surveyed
from underlay.judge.verdict import Pairs
from underlay.plan.verification import Expected, ExpectedNode, ExpectedRouter

PROTOCOLS = {"ping": 1, "full": 1, "tcp": 6, "udp": 17}
"""IP protocol of each kind of exchange."""

JOINED, CARRIED = {"bond", "team"}, {"vlan"}
"""Devices that take packets from their slaves, and those that take them from the device below."""


@lru_cache(maxsize=1 << 16)
def network(text: str) -> IPv4Network | None:
    """Return the IPv4 network that a machine named; None for anything else, because a machine may say anything."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def below(links: Mapping[int, Link], uplinks: Collection[str]) -> set[int]:
    """Return the devices whose packets reach one of the uplinks without being counted there when they come in."""
    found: set[int] = set()
    edge = [number for number, link in links.items() if link.name in uplinks]
    while edge:
        number = edge.pop()
        kind = links[number].kind
        fresh = {other for other, link in links.items() if kind in JOINED and link.master == number}
        fresh |= {links[number].lower} & links.keys() if kind in CARRIED else set()
        edge += fresh - found
        found |= fresh
    return found


class NodeView:
    """One node: its plan, its report, and what the API says of it."""

    def __init__(self, plan: ExpectedNode, seen: Surveyed, report: NodeReport | None) -> None:
        self.name = plan.name
        self.plan = plan
        self.seen = seen
        self.report = report
        self.uplinks = {link.name for link in plan.uplinks}

    @cached_property
    def links(self) -> dict[int, Link]:
        """Return the devices of the node's own namespace by number."""
        return {link.ifindex: link for link in (self.report.facts.links or ())} if self.report else {}

    @property
    def full(self) -> bool:
        """Say whether the node's kernel events can be trusted."""
        return self.report is not None and self.report.evidence.level != "none"

    def sees(self, *points: Point) -> bool:
        """Say whether the node's kernel can count at all of these points."""
        evidence = self.report.evidence if self.report else None
        return evidence is not None and (evidence.level == "full" or set(points) <= set(evidence.points))

    def counters(self, point: Point, flows: Iterable[tuple[str, str]] | None = None) -> Iterator[Counter]:
        """Yield the counters of the node's own namespace at a point, for flows of source and target address."""
        wanted = None if flows is None else set(flows)
        for row in self.report.counters if self.report and self.full else ():
            own = row.netns == self.report.namespace if self.report else False
            if own and row.point == point and (wanted is None or (row.source, row.target) in wanted):
                yield row

    @cached_property
    def members(self) -> set[int]:
        """Return the devices below the uplinks by number: a bond's slaves, and what carries a VLAN."""
        return below(self.links, self.uplinks)

    def on_uplink(self, row: Counter) -> bool:
        """Say whether a counter belongs to an uplink: what a bond or VLAN receives, the device below it counts."""
        inside = row.netns == self.report.namespace if self.report else False
        return self.device(row) in self.uplinks or (inside and row.point == "received" and row.ifindex in self.members)

    def device(self, row: Counter) -> str:
        """Return the name of a counter's device; the pod's own link is named as such."""
        if self.report and self.report.pod and row.netns == self.report.pod.namespace:
            return f"{self.report.pod.device} of the pod"
        link = self.links.get(row.ifindex)
        return link.name if link else f"device {row.ifindex}"

    def sysctl(self, key: str) -> int | None:
        """Return a value below net.ipv4 or net.ipv4.conf; None where it could not be read."""
        return (self.report.facts.sysctls or {}).get(key) if self.report else None

    def reverse_path(self, device: str) -> int | None:
        """Return the effective rp_filter of a device: the greater of its own and `all`."""
        values = [value for key in (device, "all") if (value := self.sysctl(f"{key}/rp_filter")) is not None]
        return max(values) if values else None


class Pair:
    """Two nodes, and the probes from the first one's pod to the second's."""

    def __init__(self, source: NodeView, target: NodeView, probe: Probe) -> None:
        self.source = source
        self.target = target
        self.probe = probe
        self.failed = probe.failed()

    @property
    def names(self) -> tuple[str, str]:
        """Return the nodes' names."""
        return self.source.name, self.target.name

    @property
    def flow(self) -> tuple[str, str]:
        """Return the pods' addresses."""
        return self.source.seen.probe or "", self.probe.address

    @property
    def text(self) -> str:
        """Return the failed exchanges in words."""
        parts = [
            f"{kind} {item.received}/{item.sent}{f' {item.error}' if item.error else ''}"
            for kind, item in self.failed.items()
        ]
        return f"{self.source.name} → {self.target.name}: {', '.join(parts)}"


class RouterView:
    """One router: its plan and what it was found to hold."""

    def __init__(self, plan: ExpectedRouter, report: RouterReport | None) -> None:
        self.name = plan.name
        self.plan = plan
        self.report = report
        self.sessions = {session.address: session for session in (report.sessions or ())} if report else {}

    @cached_property
    def held(self) -> dict[str, list[str]]:
        """Return the next hops, or the kind, of the routes in the router's kernel by prefix."""
        found: dict[str, list[str]] = {}
        for route in (self.report.kernel or ()) if self.report else ():
            hop = route.gateway or (route.device or "") if route.type == "unicast" else route.type
            found.setdefault(route.target, []).append(hop)
        return {prefix: sorted(hops) for prefix, hops in found.items()}

    def addresses(self, node: str) -> list[str]:
        """Return the addresses by which the router has its sessions with a node."""
        return [str(peer.address) for peer in self.plan.sessions if peer.peer == node]

    def established(self, address: str) -> bool:
        """Say whether the router has a session up with an address."""
        return address in self.sessions and self.sessions[address].state == "established"


class Case:
    """Everything, joined."""

    def __init__(self, expected: Expected, evidence: Evidence) -> None:
        self.expected = expected
        self.evidence = evidence
        self._ways: dict[tuple[str, str], tuple[str, ...]] = {}
        seen = evidence.survey.nodes
        self.nodes = {
            plan.name: NodeView(plan, seen.get(plan.name, Surveyed(ready=False)), evidence.nodes.get(plan.name))
            for plan in expected.nodes
        }
        self.routers = {plan.name: RouterView(plan, evidence.routers.get(plan.name)) for plan in expected.routers}
        self.pairs = [
            Pair(node, self.nodes[probe.node], probe)
            for node in self.nodes.values()
            for probe in (node.report.probes if node.report else ())
            if probe.node in self.nodes
        ]
        self.broken = [pair for pair in self.pairs if pair.failed]

    @cached_property
    def sent_by(self) -> dict[str, list[Pair]]:
        """Return the pairs by the name of their source."""
        return _by_name((pair.source.name, pair) for pair in self.pairs)

    @cached_property
    def sent_to(self) -> dict[str, list[Pair]]:
        """Return the pairs by the name of their target."""
        return _by_name((pair.target.name, pair) for pair in self.pairs)

    @cached_property
    def _broken_at(self) -> dict[str, list[Pair]]:
        return _by_name((name, pair) for pair in self.broken for name in pair.names)

    @cached_property
    def _broken_through(self) -> dict[str, list[Pair]]:
        return _by_name((name, pair) for pair in self.broken for name in self.way(pair))

    @cached_property
    def overlaps(self) -> list[tuple[tuple[str, IPv4Network], tuple[str, IPv4Network]]]:
        """Return each two pod networks that overlap, with their nodes; they are sorted, so neighbours tell."""
        given = sorted(
            (found, node.name)
            for node in self.nodes.values()
            for cidr in node.seen.pod_cidrs
            if (found := network(cidr))
        )
        return [
            ((name, found), (other, inner))
            for at, (found, name) in enumerate(given)
            for inner, other in takewhile(partial(_begins_in, found), islice(given, at + 1, None))
            if other != name
        ]

    @cached_property
    def shared_with(self) -> dict[str, list[str]]:
        """Return by node the nodes whose pod networks overlap its own."""
        both = [(one, other) for (one, _), (other, _) in self.overlaps]
        found: dict[str, list[str]] = {}
        for one, other in (*both, *((other, one) for one, other in both)):
            found.setdefault(one, []).append(other)
        return found

    @cached_property
    def intended(self) -> dict[str, str]:
        """Return the node that owns each pod network, as Cilium gave them out."""
        return {cidr: node.name for node in self.nodes.values() for cidr in node.seen.pod_cidrs}

    @cached_property
    def machines(self) -> dict[str, str]:
        """Return who owns each address that the plan and the survey know."""
        owners = {node.seen.probe: f"the pod on {node.name}" for node in self.nodes.values() if node.seen.probe}
        owners |= {str(node.plan.address): node.name for node in self.nodes.values()}
        owners |= {str(peer.address): peer.router for node in self.nodes.values() for peer in node.plan.peers}
        own = {str(peer.address): peer.peer for router in self.routers.values() for peer in router.plan.sessions}
        return owners | own

    def far(self, node: NodeView) -> dict[str, str]:
        """Return the probe pod's address of each partner by name; empty where the survey knows none."""
        return {name: self.nodes[name].seen.probe or "" for name in self.expected.partners(node.name)}

    def in_pool(self, prefix: str) -> bool:
        """Say whether a prefix lies in the pod pool."""
        found = network(prefix)
        return found is not None and found.subnet_of(self.expected.pool)

    def touching(self, *names: str) -> list[Pair]:
        """Return the broken pairs that have one of these nodes at either end."""
        return list(dict.fromkeys(pair for name in names for pair in self._broken_at.get(name, ())))

    def through(self, router: str, node: str = "") -> list[Pair]:
        """Return the broken pairs whose way leads through a router, and to or from a node where one is named."""
        return [pair for pair in self._broken_through.get(router, ()) if not node or node in pair.names]

    def way(self, pair: Pair) -> tuple[str, ...]:
        """Return the routers on every planned way of a pair, both ends' own included."""
        ends = (pair.source.plan.rack, pair.target.plan.rack)
        if ends not in self._ways:
            self._ways[ends] = self._way(pair)
        return self._ways[ends]

    def _way(self, pair: Pair) -> tuple[str, ...]:
        goals, way = [peer.router for peer in pair.target.plan.peers], [peer.router for peer in pair.source.plan.peers]
        for name in way:  # it grows while it is walked
            known = name in self.routers and name not in goals
            hops = self.expected.next_hops(name, pair.target.name) if known else ()
            ahead = [owner for hop in hops if (owner := self.machines.get(str(hop), "")) in self.routers]
            way += [other for other in dict.fromkeys(ahead or goals) if other not in way]
        return tuple(way)


def _by_name(entries: Iterable[tuple[str, Pair]]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for name, pair in entries:
        found.setdefault(name, []).append(pair)
    return found


def _begins_in(outer: IPv4Network, entry: tuple[IPv4Network, str]) -> bool:
    """Say whether an entry's network begins within another one."""
    return entry[0].network_address <= outer.broadcast_address


def names(pairs: Iterable[Pair]) -> Pairs:
    """Return the pairs by the names of their nodes."""
    return frozenset(pair.names for pair in pairs)


def trouble(pairs: list[Pair]) -> str:
    """Return the failed probes as one witness, the first in full; nothing when none failed."""
    if not pairs:
        return ""
    more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"probe {pairs[0].text}{more}"
