"""Rules about policies themselves: known names, ends that exist, ports that mean something, what Cilium takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from underlay.model.policies import Ports, Rule, Workload
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.policies import Intent
from underlay.plan.policies.intent import DEFAULT_DENY, SOURCE_WORDS, TARGET_WORDS, within

MOST_PORTS = 40
"""Ports in one rule; Cilium's schema refuses more."""
PEERS = ("sources", "targets", "source_networks", "target_networks", "target_names")

Data = dict[str, Any]
WEB: Data = {"name": "web", "namespace": "shop", "labels": {"app": "web"}}
API: Data = {"name": "api", "namespace": "shop", "labels": {"app": "api"}, "ports": [{"port": 8080}]}
DENY: Data = {"default_deny": {"namespaces": ["shop"]}}
TO_API: Data = {"name": "web-to-api", "sources": ["web"], "targets": ["api"], "ports": [{"port": 8080}]}


def declared(*rules: Data, workloads: tuple[Data, ...] = (WEB, API), **baselines: object) -> dict[str, Any]:
    """Return the change that gives the dev site policies, below a default deny unless other baselines are told."""
    return {"policies": {"workloads": list(workloads), "rules": list(rules), "baselines": {**DENY, **baselines}}}


def changed(base: Data, **keys: object) -> Data:
    """Return a rule with other keys."""
    return {**base, **keys}


def rules_of(declaration: Declaration) -> Iterator[tuple[str, Rule]]:
    """Yield each rule with its place."""
    policies = declaration.site.policies
    for index, one in enumerate(policies.rules if policies else ()):
        yield f"site.policies.rules.{index}", one


def workloads_of(declaration: Declaration) -> tuple[Workload, ...]:
    """Return the declared workloads."""
    return declaration.site.policies.workloads if declaration.site.policies else ()


@rule(
    "policy-workload-unknown",
    bad=declared(changed(TO_API, targets=["apu"])),
    good=declared(TO_API),
)
def rules_name_declared_workloads(declaration: Declaration) -> Iterator[Problem]:
    """A misspelt name selects no pod: the connection that was meant stays closed, and nobody is told."""
    known = {one.name for one in workloads_of(declaration)}
    for where, one in rules_of(declaration):
        for key, names, words in (("sources", one.sources, SOURCE_WORDS), ("targets", one.targets, TARGET_WORDS)):
            for unknown in sorted(set(names) - known - set(words)):
                yield Problem(f"{where}.{key}", unknown, f"a declared workload, or one of {', '.join(words)}")


@rule(
    "policy-name-taken",
    bad=declared(TO_API, changed(TO_API, ports=[{"port": 9090}]), workloads=(WEB, changed(API, ports=[]))),
    good=declared(TO_API, changed(TO_API, name="b", ports=[{"port": 9090}]), workloads=(WEB, changed(API, ports=[]))),
)
def names_are_given_once(declaration: Declaration) -> Iterator[Problem]:
    """Objects and lines of the matrix are told apart by name; some names already mean something."""
    reserved = {*SOURCE_WORDS, *TARGET_WORDS, DEFAULT_DENY}
    for kind, names in (
        ("workloads", [one.name for one in workloads_of(declaration)]),
        ("rules", [one.name for _, one in rules_of(declaration)]),
    ):
        for index, name in enumerate(names):
            if name in names[:index] or name in reserved:
                yield Problem(f"site.policies.{kind}.{index}.name", name, "a name that nothing else has")


@rule(
    "policy-selects-nothing",
    bad=declared(changed(TO_API, targets=[])),
    good=declared(TO_API),
)
def rules_have_two_ends(declaration: Declaration) -> Iterator[Problem]:
    """A rule without one of its ends opens nothing, and still closes what it names."""
    known = {one.name for one in workloads_of(declaration)}
    for where, one in rules_of(declaration):
        sources, targets = _ends(one)
        if not sources or not targets:
            yield Problem(where, f"no {'targets' if sources else 'sources'}", f"some of {', '.join(PEERS)}")
        elif not known.intersection((*one.sources, *one.targets)) and {*one.sources, *one.targets} <= {
            *SOURCE_WORDS,
            *TARGET_WORDS,
        }:
            yield Problem(where, "no workload at either end", "a declared workload, whose pods enforce the rule")


def _ends(one: Rule) -> tuple[bool, bool]:
    return bool(one.sources or one.source_networks), bool(one.targets or one.target_networks or one.target_names)


@rule(
    "policy-networks-lack-workload",
    bad=declared(
        changed(TO_API, sources=["nodes"], target_networks=["198.51.100.0/24"]), changed(TO_API, name="other")
    ),
    good=declared(changed(TO_API, target_networks=["198.51.100.0/24"])),
)
def networks_face_workloads(declaration: Declaration) -> Iterator[Problem]:
    """Networks and names outside are reached from pods only; nothing would enforce such a rule elsewhere."""
    known = {one.name for one in workloads_of(declaration)}
    for where, one in rules_of(declaration):
        for key, outward, names in (
            ("sources", one.target_networks or one.target_names, one.sources),
            ("targets", one.source_networks, one.targets),
        ):
            words = set(names) & {*SOURCE_WORDS, *TARGET_WORDS} - known
            if outward and (words or not names):
                yield Problem(f"{where}.{key}", ", ".join(sorted(words)) or "nothing", "declared workloads only")


@rule(
    "policy-port-range",
    bad=declared(changed(TO_API, ports=[{"port": 8080, "last": 8000}])),
    good=declared(changed(TO_API, ports=[{"port": 8080, "last": 8090}])),
)
def port_ranges_rise(declaration: Declaration) -> Iterator[Problem]:
    """The API server refuses a range that ends before it begins."""
    for where, ports in _all_ports(declaration):
        if ports.last is not None and ports.last < ports.port:
            yield Problem(f"{where}.last", ports.last, f"{ports.port} or more")


def _all_ports(declaration: Declaration) -> Iterator[tuple[str, Ports]]:
    places: list[tuple[str, tuple[Ports, ...]]] = [(where, one.ports) for where, one in rules_of(declaration)]
    places += [(f"site.policies.workloads.{i}", one.ports) for i, one in enumerate(workloads_of(declaration))]
    firewall = declaration.site.policies.baselines.host_firewall if declaration.site.policies else None
    for key in ("accepts", "opens"):
        lines = getattr(firewall, key, None) or ()
        places += [
            (f"site.policies.baselines.host_firewall.{key}.{index}", line.ports) for index, line in enumerate(lines)
        ]
    for where, ports in places:
        yield from ((f"{where}.ports.{number}", one) for number, one in enumerate(ports))


@rule(
    "policy-too-many-ports",
    bad=declared(changed(TO_API, ports=[{"port": 8080 + number} for number in range(41)])),
    good=declared(changed(TO_API, ports=[{"port": 8080, "last": 8120}])),
)
def rules_have_few_ports(declaration: Declaration) -> Iterator[Problem]:
    """Cilium's schema takes 40 ports a rule; the object is refused in the middle of an update."""
    for where, one in rules_of(declaration):
        if len(one.ports) > MOST_PORTS:
            fix = "Join them to ranges, or make two rules."
            yield Problem(f"{where}.ports", f"{len(one.ports)} ports", f"at most {MOST_PORTS}", fix)


@rule(
    "policy-port-unserved",
    severity="warning",
    bad=declared(changed(TO_API, ports=[{"port": 8081}])),
    good=declared(TO_API),
)
def rules_open_ports_that_answer(declaration: Declaration) -> Iterator[Problem]:
    """The rule selects nothing that runs: no target says that it answers on these ports."""
    workloads = {one.name: one for one in workloads_of(declaration)}
    for where, one in rules_of(declaration):
        targets = [workloads[name] for name in one.targets if name in workloads]
        served = [port for target in targets for port in target.ports]
        told = len(targets) == len(one.targets) and all(target.ports for target in targets)
        if targets and told and not any(ports.holds(port) for ports in one.ports for port in served):
            yield Problem(f"{where}.ports", ", ".join(map(str, one.ports)), f"one of {', '.join(map(str, served))}")


@rule(
    "policy-workloads-overlap",
    severity="warning",
    bad=declared(TO_API, workloads=(WEB, changed(API, labels={"tier": "back"}))),
    good=declared(TO_API, workloads=(WEB, changed(API, labels={"app": "api", "tier": "back"}))),
)
def workloads_are_apart(declaration: Declaration) -> Iterator[Problem]:
    """One pod may be of both; it then gets what rules give to either, which the matrix does not show."""
    for one, other in combinations(workloads_of(declaration), 2):
        if one.namespace == other.namespace and _may_share(one.labels, other.labels):
            if within(one, other) or within(other, one):
                continue
            index = workloads_of(declaration).index(other)
            found = f"no label that tells {other.name} from {one.name}"
            yield Problem(f"site.policies.workloads.{index}.labels", found, "one label with another value")


def _may_share(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(key, value) == value for key, value in one.items())


@rule(
    "policy-rule-shadowed",
    severity="warning",
    bad=declared(TO_API, changed(TO_API, name="any", sources=["web", "nodes"], ports=[{"port": 8080, "last": 8090}])),
    good=declared(TO_API, changed(TO_API, name="any", sources=["nodes"], ports=[{"port": 8080, "last": 8090}])),
)
def every_rule_adds_something(declaration: Declaration) -> Iterator[Problem]:
    """Another rule allows all of this already, so it changes nothing; a rule of requests restricts nobody then."""
    if not declaration.site.policies:
        return
    intent, found = Intent(declaration.site.policies), list(rules_of(declaration))
    for number, (where, one) in enumerate(found):
        others = [(index, other) for index, (_, other) in enumerate(found) if index != number]
        wider = [other.name for index, other in others if _wider(intent, other, one, first=index < number)]
        if wider:
            yield Problem(where, f"all of it is in {wider[0]}", "something that no other rule allows")


def _wider(intent: Intent, other: Rule, one: Rule, *, first: bool) -> bool:
    """Tell whether another rule allows all that one does; of two alike, the second one is too many."""
    names = all(
        all(any(_covers(intent, wide, name) for wide in theirs) for name in ours)
        for theirs, ours in ((other.sources, one.sources), (other.targets, one.targets))
    )
    networks = all(
        all(any(net.subnet_of(wide) for wide in theirs) for net in ours)
        for theirs, ours in (
            (other.source_networks, one.source_networks),
            (other.target_networks, one.target_networks),
        )
    )
    ports = all(any(wide.holds(port) for wide in other.ports) for port in one.ports)
    requests = not other.http or (bool(one.http) and set(one.http) <= set(other.http))
    wide = names and networks and ports and requests and set(one.target_names) <= set(other.target_names)
    return wide and (first or not _wider(intent, one, other, first=True))


def _covers(intent: Intent, wide: str, name: str) -> bool:
    pods = intent.selector(name)
    return wide == name or (pods is not None and intent.means(wide, pods))
