"""One case: what was expected and what was observed, joined by node, router and pair of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from ipaddress import IPv4Network
from itertools import islice, takewhile
from typing import Any

from underlay.judge.evidence import Evidence, Surveyed
from underlay.judge.verdict import Cause, Pairs
from underlay.judge.views import NodeView, Pair, RouterView, network
from underlay.plan.ends import Difference, Read, Session, differences
from underlay.plan.policies.enforcement import Enforcement
from underlay.plan.verification import Expected


class Case:
    """Everything, joined."""

    def __init__(
        self,
        expected: Expected,
        evidence: Evidence,
        sessions: Sequence[Session] = (),
        policies: Enforcement | None = None,
        objects: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.expected, self.sessions, self.policies, self.objects = expected, sessions, policies, objects
        self.evidence = evidence
        self._ways: dict[tuple[str, str], tuple[str, ...]] = {}
        self._in_pool: dict[str, bool] = {}
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
        broken = [pair for pair in self.pairs if pair.failed]
        known = {way for pair in broken for way in (pair.names, pair.names[::-1])}
        self.broken = [*broken, *(pair for pair in self.beyond if pair.failed and pair.names not in known)]

    @cached_property
    def beyond(self) -> list[Pair]:
        """Return the probes between pods and nodes themselves; they are judged alone where pods reach each other."""
        found: list[Pair] = []
        for node in self.nodes.values():
            for from_host, probe in node.beyond.items():
                found += [Pair(node, self.nodes[probe.node], probe, from_host)] if probe.node in self.nodes else []
        return found

    @cached_property
    def sent_by(self) -> dict[str, list[Pair]]:
        """Return the pairs by the name of their source."""
        return _by_name((pair.source.name, pair) for pair in self.pairs)

    @cached_property
    def sent_to(self) -> dict[str, list[Pair]]:
        """Return the pairs by the name of their target."""
        return _by_name((pair.target.name, pair) for pair in self.pairs)

    @cached_property
    def by_names(self) -> dict[tuple[str, str], Pair]:
        """Return the pairs by the names of source and target."""
        return {pair.names: pair for pair in self.pairs}

    @cached_property
    def _broken_at(self) -> dict[str, list[Pair]]:
        return _by_name((name, pair) for pair in self.broken for name in pair.names)

    @cached_property
    def _broken_through(self) -> dict[str, list[Pair]]:
        return _by_name((name, pair) for pair in self.broken for name in self.way(pair))

    @cached_property
    def ends(self) -> Read:
        """Return the ends of sessions that were read: a machine that did not say its own is not there."""
        found = {
            name: router.report.configuration
            for name, router in self.routers.items()
            if router.report and router.report.configuration
        }
        nodes = {name: node.seen.ends for name, node in self.nodes.items() if node.seen.ends is not None}
        routers = {name: one.ends for name, one in found.items()}
        return Read(routers, {name: one.ranges for name, one in found.items()}, nodes)

    @cached_property
    def differences(self) -> list[Difference]:
        """Return how these ends differ from the planned ones."""
        return differences(self.sessions, self.ends) if self.sessions else []

    def differing(self, router: str, remote: str, *aspects: str) -> list[Difference]:
        """Return what differs at a router's session with an address, in the order of the aspects; all without any."""
        found = [one for one in self.differences if (one.router, one.remote) == (router, remote)]
        return [one for aspect in aspects for one in found if one.aspect == aspect] if aspects else found

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
    def holders(self) -> dict[str, list[str]]:
        """Return the pods that have each address, as the nodes' agents know them."""
        found: dict[str, list[str]] = {}
        for node in self.nodes.values():
            facts = node.report.facts.policies if node.report else None
            for pod in facts.pods if facts else ():
                if pod.address and not pod.is_leaving:
                    found.setdefault(pod.address, []).append(f"{pod.title} on {node.name}")
        return found

    @cached_property
    def machines(self) -> dict[str, str]:
        """Return who owns each address that the plan and the survey know."""
        owners = {node.seen.probe: f"the pod on {node.name}" for node in self.nodes.values() if node.seen.probe}
        return owners | self.planned

    @cached_property
    def planned(self) -> dict[str, str]:
        """Return the machine that the plan gives each address of nodes, routers and their neighbours."""
        owners = {str(node.plan.address): node.name for node in self.nodes.values()}
        owners |= {str(peer.address): peer.router for node in self.nodes.values() for peer in node.plan.peers}
        own = {str(peer.address): peer.peer for router in self.routers.values() for peer in router.plan.sessions}
        return owners | own

    def foreign_addresses(self, node: NodeView) -> list[str]:
        """Return the addresses that a node holds and the plan gives another machine."""
        held = (node.report.facts.addresses or ()) if node.report else ()
        return [address for address in held if self.planned.get(address, node.name) != node.name]

    @cached_property
    def _pods(self) -> dict[str, str]:
        return {node.seen.probe: node.name for node in self.nodes.values() if node.seen.probe}

    def hops(self, node: NodeView, pod: str) -> list[str]:
        """Return where the plan sends what a node has for a probe pod; its gateways for any other address."""
        owner = self._pods.get(pod)
        return [*map(str, self.expected.node_hops(node.name, owner) if owner else node.plan.gateways)]

    def far(self, node: NodeView) -> dict[str, str]:
        """Return the probe pod's address of each partner by name; empty where the survey knows none."""
        return {name: self.nodes[name].seen.probe or "" for name in self.expected.partners(node.name)}

    def in_pool(self, prefix: str) -> bool:
        """Say whether a prefix lies in the pod pool; every router is asked about the same ones."""
        if (known := self._in_pool.get(prefix)) is None:
            found = network(prefix)
            known = self._in_pool[prefix] = found is not None and found.subnet_of(self.expected.pool)
        return known

    def touching(self, *names: str) -> list[Pair]:
        """Return the broken pairs that have one of these nodes at either end."""
        return list(dict.fromkeys(pair for name in names for pair in self._broken_at.get(name, ())))

    def through(self, router: str, node: str = "") -> list[Pair]:
        """Return the broken pairs whose way leads through a router, and to or from a node where one is named."""
        return [pair for pair in self._broken_through.get(router, ()) if not node or node in pair.names]

    def way(self, pair: Pair) -> tuple[str, ...]:
        """Return the routers on every planned way of a pair, both ends' own included; none of a direct one."""
        if self.expected.is_direct(*pair.names):
            return ()
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


def cause_at(
    rule: str, where: str, sentence: str, fix: str, witnesses: Iterable[str], pairs: list[Pair], *others: str
) -> Cause:
    """Return a cause at a machine, and towards others; it explains broken pairs, which are its last witness."""
    found = tuple(dict.fromkeys(text for text in (*witnesses, trouble(pairs)) if text))
    return Cause(rule, where, f"{where}: {sentence}", found, fix, names(pairs), frozenset({where, *others} - {""}))


def trouble(pairs: list[Pair]) -> str:
    """Return the failed probes as one witness, the first in full; nothing when none failed."""
    if not pairs:
        return ""
    more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"probe {pairs[0].text}{more}"
