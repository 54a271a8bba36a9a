"""The objects that an intent becomes: at most one a workload, and one a baseline, with names that never change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from underlay.model import Site
from underlay.model.policies import Rule, Workload
from underlay.plan.bgp import API_VERSION as CILIUM
from underlay.plan.policies import selectors
from underlay.plan.policies.baselines import baselines, dns_entry, labels
from underlay.plan.policies.intent import CLUSTER_DNS, DNS_PORTS, ENTITIES, PODS, Intent, Side, is_outward
from underlay.plan.policies.selectors import Object

KUBERNETES = "networking.k8s.io/v1"
ENDS: tuple[tuple[Side, str, str], ...] = (("arriving", "ingress", "from"), ("leaving", "egress", "to"))


def policy_objects(site: Site) -> list[Object]:
    """Return the site's policies as objects in the order in which they have to exist; the same site, the same bytes.

    Each workload's policy holds all that it may do, so what is allowed is never cut; the baselines close the rest.
    """
    if not site.policies:
        return []
    intent = Intent(site.policies)
    narrow_first = sorted(site.policies.workloads, key=lambda one: -len(one.labels))
    made = (_of(site, intent, workload) for workload in narrow_first)
    return [*(one for one in made if one), *baselines(site)]


def _of(site: Site, intent: Intent, workload: Workload) -> Object | None:
    """Return the policy of one workload, in Kubernetes' own words wherever these are enough."""
    rules = {side: _rules(intent, workload, side) for side, _, _ in ENDS}
    if not any(rules.values()):
        return None
    plain = all(_is_plain(rule, side) for side, found in rules.items() for rule in found)
    spec = _plain_spec(intent, workload, rules) if plain else _cilium_spec(intent, workload, rules)
    kind, version = ("NetworkPolicy", KUBERNETES) if plain else ("CiliumNetworkPolicy", CILIUM)
    metadata = {"name": f"underlay-{workload.name}", "namespace": workload.namespace, "labels": labels(site)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _rules(intent: Intent, workload: Workload, side: Side) -> list[Rule]:
    """Return the rules that this workload's own policy has to hold at one end: all that speak of its pods.

    It needs none where no rule names it and a wider workload's policy, which selects these pods too, says the same.
    """
    found = list(intent.of(workload, side))
    own = any(workload.name in intent.names(rule, side) for rule in found)
    some = any(PODS in intent.names(rule, side) for rule in found) and intent.closed(workload, side)
    return found if own or some else []


def _is_plain(rule: Rule, side: Side) -> bool:
    requests = rule.http and (side == "arriving" or is_outward(rule))
    names = rule.target_names and side == "leaving"
    return not requests and not names and not any(name in ENTITIES for name in _others(rule, side))


def _pods(intent: Intent, names: Iterable[str]) -> list[Workload | None]:
    """Return the pods of a rule's end; None stands for every pod."""
    found = [None if name == PODS else intent.selector(name) for name in names if name not in ENTITIES]
    return [None] if None in found else found


def _networks(rule: Rule, side: Side) -> list[str]:
    return [str(one) for one in (rule.source_networks if side == "arriving" else rule.target_networks)]


def _plain_spec(intent: Intent, workload: Workload, rules: dict[Side, list[Rule]]) -> Object:
    spec: dict[str, Any] = {"podSelector": {"matchLabels": dict(workload.labels)}, "policyTypes": []}
    for side, direction, word in ENDS:
        if not rules[side]:
            continue
        spec["policyTypes"].append(direction.capitalize())
        spec[direction] = [
            {
                word: [
                    *(selectors.peer(one) for one in _pods(intent, _others(rule, side))),
                    *({"ipBlock": {"cidr": network}} for network in _networks(rule, side)),
                ],
                "ports": selectors.plain_ports(rule.ports),
            }
            for rule in rules[side]
        ]
    if rules["leaving"] and intent.asks_dns(workload):
        spec["egress"].append({"to": [selectors.peer(CLUSTER_DNS)], "ports": selectors.plain_ports(DNS_PORTS)})
    return spec


def _others(rule: Rule, side: Side) -> tuple[str, ...]:
    return rule.sources if side == "arriving" else rule.targets


def _cilium_spec(intent: Intent, workload: Workload, rules: dict[Side, list[Rule]]) -> Object:
    spec: dict[str, Any] = {"endpointSelector": {"matchLabels": dict(workload.labels)}}
    for side, direction, word in ENDS:
        entries = [entry for rule in rules[side] for entry in _entries(intent, rule, side, word)]
        if entries and side == "leaving" and intent.asks_dns(workload):
            entries.append(dns_entry(seen=any(rule.target_names for rule in rules[side])))
        if entries:
            spec[direction] = entries
    return spec


def _entries(intent: Intent, rule: Rule, side: Side, word: str) -> Iterator[Object]:
    """Yield an entry for each kind of end: Cilium takes one kind an entry."""
    others = _others(rule, side)
    pods = _pods(intent, others)
    entities = [entity for name in others for entity in ENTITIES.get(name, ())]
    names = [selectors.name(one) for one in rule.target_names] if side == "leaving" else []
    ends: list[tuple[str, list[Any]]] = [
        ("Endpoints", [selectors.any_endpoint() if one is None else selectors.endpoint(one) for one in pods]),
        ("Entities", entities),
        ("CIDR", _networks(rule, side)),
        ("FQDNs", names),
    ]
    for kind, found in ends:
        if found:
            looked_at = rule.http if side == "arriving" or kind != "Endpoints" else ()
            yield {f"{word}{kind}": found, "toPorts": selectors.to_ports(rule.ports, looked_at)}
