"""Reachability that follows from an intent: each workload to each port of each workload, and what decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from underlay.model.policies import Policies, Ports, Rule, Workload
from underlay.plan.policies.intent import CLUSTER_DNS, DNS_PORTS, OUTSIDE, Intent, within

Verdict = Literal["allowed", "partly", "denied"]
OPEN = "no policy"


class Cell(NamedTuple):
    """Whether one end reaches a port of another; `partly`: only some requests, names or networks."""

    source: str
    target: str
    port: str
    verdict: Verdict
    decided: str
    """The rules that open it, or what closes it and at which end."""

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
        _outward(intent, source, port) for source in policies.workloads for port in _outward_ports(policies)
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
    single = [Ports(protocol=one.protocol, port=number) for one in (*target.ports, *opened) for number in _ends(one)]
    return sorted(set(single), key=lambda one: (one.protocol, one.port))


def _ends(ports: Ports) -> set[int]:
    return {ports.port, ports.end}


def _cell(intent: Intent, source: Workload, target: Workload, port: Ports) -> Cell:
    rules = intent.opening(source, target, port)
    leaving, arriving = intent.closed(source, "leaving"), intent.closed(target, "arriving")
    names = ", ".join(rule.name for rule in rules)
    asks = within(target, CLUSTER_DNS) and port in DNS_PORTS and intent.asks_dns(source)
    if leaving and not rules and not asks:
        return Cell(source.name, target.name, str(port), "denied", f"{leaving}, leaving {source.name}")
    if arriving and not rules:
        return Cell(source.name, target.name, str(port), "denied", f"{arriving}, arriving at {target.name}")
    # Requests are looked at where they arrive, so only there they are told apart.
    whole = not arriving or any(not rule.http for rule in rules)
    return Cell(source.name, target.name, str(port), "allowed" if whole else "partly", names or asks or OPEN)


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
        rule
        for rule in intent.of(source, "leaving")
        if _is_outward(rule) and any(one.holds(port) for one in rule.ports)
    ]
    denied = f"{closed}, leaving {source.name}"
    whole = any(OUTSIDE in rule.targets and not rule.http for rule in rules)
    return _end(Cell(source.name, OUTSIDE, str(port), "denied", denied), closed, rules, whole=whole)


def _end(denied: Cell, closed: str, rules: Sequence[Rule], *, whole: bool) -> Cell:
    if not closed:
        return denied._replace(verdict="allowed", decided=OPEN)
    if not rules:
        return denied
    return denied._replace(verdict="allowed" if whole else "partly", decided=", ".join(rule.name for rule in rules))


def _is_outward(rule: Rule) -> bool:
    return bool(OUTSIDE in rule.targets or rule.target_networks or rule.target_names)


def _outward_ports(policies: Policies) -> list[Ports]:
    found = {
        Ports(protocol=one.protocol, port=one.port)
        for rule in policies.rules
        if _is_outward(rule)
        for one in rule.ports
    }
    return sorted(found, key=lambda one: (one.protocol, one.port))
