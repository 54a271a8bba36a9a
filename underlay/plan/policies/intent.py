"""What a declared intent means for two ends of a connection: who is closed, by what, and which rules open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from underlay.model.policies import Policies, Ports, Rule, Workload

Side = Literal["leaving", "arriving"]

PODS, DNS, OUTSIDE = "pods", "dns", "outside"
ENTITIES: Mapping[str, tuple[str, ...]] = {
    "nodes": ("host", "remote-node"),
    "api-server": ("kube-apiserver",),
    OUTSIDE: ("world",),
}
"""What Cilium calls ends that are no pods."""
SOURCE_WORDS = (PODS, *ENTITIES)
TARGET_WORDS = (DNS, *ENTITIES)
DNS_PORTS = (Ports(protocol="UDP", port=53), Ports(protocol="TCP", port=53))
CLUSTER_DNS = Workload(name=DNS, namespace="kube-system", labels={"k8s-app": "kube-dns"}, ports=DNS_PORTS)
"""The cluster's DNS by the label that every installation of it has."""
DNS_SELECTOR = ",".join(f"{key}={value}" for key, value in CLUSTER_DNS.labels.items())
"""The same for a question to the API."""
DEFAULT_DENY = "default-deny"


def within(pods: Workload, selector: Workload) -> bool:
    """Tell whether a workload's pods are all among those that another one selects."""
    return pods.namespace == selector.namespace and selector.labels.items() <= pods.labels.items()


def is_outward(rule: Rule) -> bool:
    """Tell whether a rule leads out of the cluster, where nothing looks at requests when they arrive."""
    return bool(OUTSIDE in rule.targets or rule.target_networks or rule.target_names)


@dataclass(frozen=True)
class Intent:
    """The policies of a site with the questions that objects, matrix and rules ask of them."""

    policies: Policies

    @cached_property
    def workloads(self) -> Mapping[str, Workload]:
        """Return the declared workloads by name."""
        return {one.name: one for one in self.policies.workloads}

    def selector(self, name: str) -> Workload | None:
        """Return the pods that a rule means by a name; None where it means no pods, or nothing that is known."""
        return self.workloads.get(name) or (CLUSTER_DNS if name == DNS else None)

    def means(self, name: str, pods: Workload) -> bool:
        """Tell whether a rule that says a name speaks of all of a workload's pods."""
        selector = self.selector(name)
        return name == PODS or (selector is not None and within(pods, selector))

    def names(self, rule: Rule, side: Side) -> tuple[str, ...]:
        """Return the names of one end of a rule."""
        return rule.sources if side == "leaving" else rule.targets

    def closed(self, pods: Workload, side: Side) -> str:
        """Return what closes one end of a workload for everything that no rule opens; empty where nothing does."""
        deny = self.policies.baselines.default_deny
        if deny and pods.namespace in deny.namespaces:
            return DEFAULT_DENY
        for rule in self.policies.rules:
            if any(name in self.workloads and self.means(name, pods) for name in self.names(rule, side)):
                return rule.name
        return ""

    def asks_dns(self, pods: Workload) -> str:
        """Return what lets a workload ask the cluster's DNS although it is closed; empty where nothing does."""
        deny = self.policies.baselines.default_deny
        if deny and deny.dns and pods.namespace in deny.namespaces:
            return DEFAULT_DENY
        return next((rule.name for rule in self.of(pods, "leaving") if rule.target_names), "")

    def of(self, pods: Workload, side: Side) -> Iterator[Rule]:
        """Yield the rules that speak of a workload at one end."""
        for rule in self.policies.rules:
            if any(self.means(name, pods) for name in self.names(rule, side)):
                yield rule

    def opening(self, source: Workload, target: Workload, port: Ports) -> list[Rule]:
        """Return the rules that let one workload reach a port of another."""
        return [
            rule
            for rule in self.of(source, "leaving")
            if any(self.means(name, target) for name in rule.targets) and any(one.holds(port) for one in rule.ports)
        ]
