"""One node, one router, one pair of nodes: plan, report and what the API says, with the questions that rules ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from ipaddress import IPv4Network

from underlay.judge.evidence import (
    Asked,
    Counter,
    Exchange,
    Link,
    NodeReport,
    Point,
    Reach,
    RouterReport,
    Surveyed,
)
from underlay.plan.intrusion.capture import MIRROR, MIRROR_IN
from underlay.plan.verification import ExpectedNode, ExpectedRouter

PROTOCOLS = {"ping": 1, "full": 1, "tcp": 6, "udp": 17, "http": 6}
"""IP protocol of each kind of exchange."""

REFUSING = {"blackhole", "unreachable", "prohibit"}
"""Kinds of a route that sends packets nowhere."""
SILENT = {"failed", "incomplete"}
"""States of a neighbour that does not answer."""
BGP_PORT = "179"

JOINED, CARRIED = {"bond", "team"}, {"vlan"}
"""Devices that take packets from their slaves, and those that take them from the device below."""


@lru_cache(maxsize=1 << 16)
def network(text: str) -> IPv4Network | None:
    """Return the IPv4 network that a machine named; None for anything else, because a machine may say anything."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def within(inner: str, outer: str) -> bool:
    """Say whether a network, or an address, lies in a network; what is neither lies in none."""
    found, around = network(inner), network(outer)
    return found is not None and around is not None and found.subnet_of(around)


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
    def beyond(self) -> dict[bool, Asked]:
        """Return what its own network asked a far pod, by True, and what its pod asked a far node, by False."""
        asked: dict[bool, Asked | None] = (
            {True: self.report.from_node, False: self.report.to_node} if self.report else {}
        )
        return {from_host: probe for from_host, probe in asked.items() if probe}

    @property
    def full(self) -> bool:
        """Say whether the node's kernel events can be trusted: its self-test was seen, and rightly."""
        evidence = self.report.evidence if self.report else None
        test = evidence.selftest if evidence else None
        return bool(evidence and evidence.level != "none" and test and test.seen and not test.wrong)

    def sees(self, *points: Point) -> bool:
        """Say whether the node's kernel can count at all of these points."""
        evidence = self.report.evidence if self.report and self.full else None
        return evidence is not None and (evidence.level == "full" or set(points) <= set(evidence.points))

    def counters(self, point: Point, flows: Iterable[tuple[str, str]] | None = None) -> Iterator[Counter]:
        """Yield the counters of the node's own namespace at a point, for flows of source and target address."""
        wanted = None if flows is None else set(flows)
        for row in self._points.get(point, ()):
            if wanted is None or (row.source, row.target) in wanted:
                yield row

    @cached_property
    def rows(self) -> tuple[Counter, ...]:
        """Return the counters that can be trusted, of packets themselves: a mirror's copies of them are left out."""
        copies = {number for number, link in self.links.items() if link.name in {MIRROR, MIRROR_IN}}
        found = self.report.counters if self.report and self.full else ()
        return tuple(row for row in found if row.ifindex not in copies or not self._is_own(row))

    def _is_own(self, row: Counter) -> bool:
        return self.report is not None and row.netns == self.report.namespace

    @cached_property
    def _points(self) -> dict[Point, list[Counter]]:
        found: dict[Point, list[Counter]] = {}
        for row in self.rows:
            if self._is_own(row):
                found.setdefault(row.point, []).append(row)
        return found

    @cached_property
    def _flows(self) -> dict[tuple[Point, str, str], list[Counter]]:
        found: dict[tuple[Point, str, str], list[Counter]] = {}
        for point, rows in self._points.items():
            for row in rows:
                found.setdefault((point, row.source, row.target), []).append(row)
        return found

    def of_flow(self, point: Point, flow: tuple[str, str]) -> list[Counter]:
        """Return the counters of the node's own namespace at a point, for one flow of source and target address."""
        return self._flows.get((point, *flow), [])

    @cached_property
    def _uplink_counts(self) -> Mapping[tuple[Point, str, str, int], int]:
        found: dict[tuple[Point, str, str, int], int] = {}
        for (point, source, target), rows in self._flows.items():
            for row in rows:
                if self.on_uplink(row):
                    key = (point, source, target, row.protocol)
                    found[key] = found.get(key, 0) + row.count
        return found

    def on_uplinks(self, point: Point, flow: tuple[str, str], protocol: int) -> int:
        """Return how many packets of a flow, by source and target address, were counted on the uplinks at a point."""
        return self._uplink_counts.get((point, *flow, protocol), 0)

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
        return link.name if link else f"device {row.ifindex}" if row.ifindex else "no device yet"

    def sysctl(self, key: str) -> int | None:
        """Return a value below net.ipv4 or net.ipv4.conf; None where it could not be read."""
        return (self.report.facts.sysctls or {}).get(key) if self.report else None

    def reverse_path(self, device: str) -> int | None:
        """Return the effective rp_filter of a device: the greater of its own and `all`."""
        values = [value for key in (device, "all") if (value := self.sysctl(f"{key}/rp_filter")) is not None]
        return max(values) if values else None


NOT_SENT = Exchange(sent=1, received=1)
"""In place of an exchange of a kind that a probe does not have: nothing of it failed."""


class Pair:
    """Two nodes, and a probe from the first one, be it from its pod or its own network, to the second's."""

    def __init__(self, source: NodeView, target: NodeView, probe: Asked, from_host: bool = False) -> None:
        self.source = source
        self.target = target
        self.probe = probe
        self.from_host = from_host
        self.failed = probe.failed()

    @property
    def to_host(self) -> bool:
        """Say whether the target is the node's own network, and not its pod."""
        return isinstance(self.probe, Reach)

    def item(self, kind: str) -> Exchange:
        """Return the exchange of a kind."""
        return self.probe.exchanges().get(kind, NOT_SENT)

    @property
    def names(self) -> tuple[str, str]:
        """Return the nodes' names."""
        return self.source.name, self.target.name

    @property
    def flow(self) -> tuple[str, str]:
        """Return the addresses of both ends."""
        own = str(self.source.plan.address) if self.from_host else self.source.seen.probe or ""
        return own, self.probe.address

    @property
    def text(self) -> str:
        """Return the failed exchanges in words."""
        parts = [
            f"{kind} {item.received}/{item.sent}{f' {item.error}' if item.error else ''}"
            for kind, item in self.failed.items()
        ]
        return f"{self.way}: {', '.join(parts)}"

    @property
    def way(self) -> str:
        """Return both ends in words; where they are pods, the nodes' names say it."""
        if self.from_host:
            return f"{self.source.name} itself → the pod on {self.target.name}"
        if isinstance(self.probe, Reach):
            return f"the pod on {self.source.name} → {self.target.name} itself, port {self.probe.port}"
        return f"{self.source.name} → {self.target.name}"


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
