"""Reachability that follows from an intent: each workload to each port of each workload, and what decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from underlay.model.policies import Policies, Ports, Protocol, Rule, Workload
from underlay.plan.digest import digest
from underlay.plan.policies.intent import CLUSTER_DNS, DNS_PORTS, OUTSIDE, Intent, is_outward, within

Verdict = Literal["allowed", "partly", "denied"]
OPEN = "no policy"


class Cell(NamedTuple):
    """Whether one end reaches a port, or a range of ports, of another; `partly`: some requests, names or networks."""

    source: str
    target: str
    port: str
    verdict: Verdict
    decided: str
    """The rules that open it, or what closes it and at which end."""
    limits: str = ""
    """Digest of the requests, names and networks to which `partly` is limited."""

    @property
    def key(self) -> str:
        """Return what the cell is about."""
        return f"{self.source} -> {self.target} {self.port}"

    def __str__(self) -> str:
        """Return the cell as one line."""
        return f"{self.key}: {self.verdict} by {self.decided}"


def matrix(policies: Policies) -> tuple[Cell, ...]:
    """Return every cell in the order of the declaration; `outside` stands for the world around the cluster."""
    intent = Intent(policies)
    return tuple(cell for target in policies.workloads for cell in _towards(intent, target)) + tuple(
        _outward(intent, source, port) for source in policies.workloads for port in _outward_ports(intent)
    )


def _towards(intent: Intent, target: Workload) -> Iterator[Cell]:
    for port in ports_of(intent, target):
        for source in intent.policies.workloads:
            if source.name != target.name:
                yield _cell(intent, source, target, port)
        yield _inward(intent, target, port)


def ports_of(intent: Intent, target: Workload) -> list[Ports]:
    """Return the ports of a workload that are worth a look: those it answers on, and those that rules open."""
    opened = [port for rule in intent.of(target, "arriving") for port in rule.ports]
    return _apart((*target.ports, *opened), DNS_PORTS if within(target, CLUSTER_DNS) else ())


def _outward_ports(intent: Intent) -> list[Ports]:
    return _apart(port for rule in intent.policies.rules if is_outward(rule) for port in rule.ports)


def _apart(ranges: Iterable[Ports], also: Iterable[Ports] = ()) -> list[Ports]:
    """Return the same ports in ranges that no given one begins or ends within, nor one of `also`: each has one answer.

    A rule that gets another range so opens, or closes, ranges of its own, and no preview is silent about it.
    """
    wanted = {one for one in ranges if one.port <= one.end}  # a rule refuses the others
    found = []
    for protocol in {one.protocol for one in wanted}:
        every = [one for one in {*wanted, *also} if one.protocol == protocol]
        starts = sorted({one.port for one in every} | {one.end + 1 for one in every})
        parts = (_ports(protocol, first, after - 1) for first, after in pairwise(starts))
        found += [part for part in parts if any(one.holds(part) for one in wanted)]
    return sorted(found, key=lambda one: (one.protocol, one.port))


def _ports(protocol: Protocol, first: int, last: int) -> Ports:
    return Ports(protocol=protocol, port=first, last=last if last > first else None)


def _cell(intent: Intent, source: Workload, target: Workload, port: Ports) -> Cell:
    rules = intent.opening(source, target, port)
    leaving, arriving = intent.closed(source, "leaving"), intent.closed(target, "arriving")
    names = _names(rules)
    asks = within(target, CLUSTER_DNS) and port in DNS_PORTS and intent.asks_dns(source)
    if leaving and not rules and not asks:
        return Cell(source.name, target.name, str(port), "denied", f"{leaving}, leaving {source.name}")
    if arriving and not rules:
        return Cell(source.name, target.name, str(port), "denied", f"{arriving}, arriving at {target.name}")
    cell = Cell(source.name, target.name, str(port), "allowed", names or asks or OPEN)
    # Requests are looked at where they arrive, so only there they are told apart.
    whole = not arriving or any(not rule.http for rule in rules)
    return cell if whole else _partly(cell, rules)


def _inward(intent: Intent, target: Workload, port: Ports) -> Cell:
    closed = intent.closed(target, "arriving")
    rules = [
        rule
        for rule in intent.of(target, "arriving")
        if (OUTSIDE in rule.sources or rule.source_networks) and any(one.holds(port) for one in rule.ports)
    ]
    denied = f"{closed}, arriving at {target.name}"
    whole = any(OUTSIDE in rule.sources and not rule.http for rule in rules)
    return _end(Cell(OUTSIDE, target.name, str(port), "denied", denied), closed, rules, whole=whole)


def _outward(intent: Intent, source: Workload, port: Ports) -> Cell:
    closed = intent.closed(source, "leaving")
    rules = [
        rule for rule in intent.of(source, "leaving") if is_outward(rule) and any(one.holds(port) for one in rule.ports)
    ]
    denied = f"{closed}, leaving {source.name}"
    whole = any(OUTSIDE in rule.targets and not rule.http for rule in rules)
    return _end(Cell(source.name, OUTSIDE, str(port), "denied", denied), closed, rules, whole=whole)


def _end(denied: Cell, closed: str, rules: Sequence[Rule], *, whole: bool) -> Cell:
    if not closed:
        return denied._replace(verdict="allowed", decided=OPEN)
    if not rules:
        return denied
    cell = denied._replace(verdict="allowed", decided=_names(rules))
    return cell if whole else _partly(cell, rules)


def _names(rules: Iterable[Rule]) -> str:
    """Return the rules' names, whatever their order is, so that another order is no change."""
    return ", ".join(sorted(rule.name for rule in rules))


def _partly(cell: Cell, rules: Iterable[Rule]) -> Cell:
    """Return a cell as limited to what its rules name beside workloads and ports, whatever their names and order."""
    inward, outward = cell.source == OUTSIDE, cell.target == OUTSIDE
    limits = sorted(
        (
            sorted(map(str, rule.http)),
            sorted(map(str, rule.source_networks)) if inward and OUTSIDE not in rule.sources else [],
            sorted(map(str, rule.target_networks)) if outward and OUTSIDE not in rule.targets else [],
            sorted(rule.target_names) if outward and OUTSIDE not in rule.targets else [],
        )
        for rule in rules
    )
    return cell._replace(verdict="partly", limits=digest(limits))
