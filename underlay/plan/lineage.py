"""Lineage: what a stack's last update has applied, as a small record that the stack's state keeps without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import Field, ValidationError

from underlay.model import Model, Site
from underlay.plan.values import helm_values

SCHEMA: Literal[1] = 1
"""Version of the record; a record of another version is never guessed at."""
NAME = "lineage"
"""Name of the resource that keeps the record, and of the stack output that shows it."""
CLUSTER, NODES, ROUTERS = "underlay:cluster:Cluster", "underlay:node:Prerequisites", "underlay:router:Configuration"
RELEASE, PEERING, POLICIES = "underlay:cilium:Release", "underlay:bgp:Peering", "underlay:policies:Policies"
DATAPATH, DETECTION = "underlay:verification:Datapath", "underlay:intrusion:Detection"
"""The types of the components: the state knows their resources by these words, so they never change."""
KEEPER = f"$command:local:Command::{NAME}"
BRINGS_CILIUM = f"{RELEASE}$"
"""What the URN of everything that brings Cilium holds."""
AGENTS, REACH = f"{RELEASE}::cilium", f"{POLICIES}::policies"
"""The ends of the URNs of the components that show the agents' options, and what policies leave open."""
SYSTEM_NAMESPACE = "/api/v1/namespaces/kube-system"


class Birth(Model):
    """The cluster's identity: what `kube-system` was given when the cluster was born."""

    uid: str = ""
    created: str = ""


class Record(Model):
    """What was applied, as far as it may not change for the life of the cluster."""

    version: Literal[1] = Field(alias="schema")
    cluster: str
    origin: str
    cni_owner: str
    routing_mode: str
    pod_pools: tuple[str, ...]
    pod_mask: int
    services: str
    cluster_id: int
    kube_proxy_replacement: bool
    segments: Mapping[str, str] = Field(default_factory=dict)
    """The rack of each segment; empty in the record of an older program: nobody knows."""
    routers: Mapping[str, bool] = Field(default_factory=dict)
    """Whether each router is managed by the stack; empty as above."""
    birth: Birth = Birth()

    def plain(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True)
class Lineage:
    """What a stack's state says about its past."""

    record: Record | None = None
    """None: nothing was applied yet, or nobody knows what."""
    has_cilium: bool = False
    """Whether the state holds something that brings Cilium."""
    unreadable: str = ""
    """Why a record that is there cannot be read."""
    release: Mapping[str, Any] = field(default_factory=dict)
    """Version, agents' options and workloads that were applied; empty where nobody knows."""
    reach: Mapping[str, str] | None = None
    """What policies left open, cell to verdict; None where there were none."""


def record(site: Site) -> Record:
    """Return the record of a site that is about to be applied; its birth is added by the cluster itself."""
    pods = site.addresses.pods
    return Record(
        schema=SCHEMA,
        cluster=site.cluster.name,
        origin=site.cluster.origin.value,
        cni_owner=site.cilium.owner,
        routing_mode=helm_values(site)["routingMode"],
        pod_pools=tuple(str(pool) for pool in pods.pools),
        pod_mask=pods.mask,
        services=str(site.addresses.services),
        cluster_id=site.cluster.id,
        kube_proxy_replacement=site.cilium.kube_proxy_replacement,
        segments={str(link.subnet): rack.name for rack in site.racks for link in rack.links},
        routers={router.name: router.managed for router in site.routers},
    )


def changed_from(past: Lineage, now: Record) -> Record | None:
    """Return the former record where it differs from what is declared now; the birth is not declared."""
    before = past.record
    return before if before and before.model_copy(update={"birth": now.birth}) != now else None


def lineage(resources: Mapping[str, Any]) -> Lineage:
    """Return what the outputs of a stack's resources, by URN, say of its past."""
    cilium = _outputs(resources, AGENTS)
    options = _texts(cilium.get("options"))
    kept = cilium.get("workloads")
    workloads = {str(name): _texts(parts) or {} for name, parts in kept.items()} if isinstance(kept, Mapping) else {}
    release = {"version": cilium.get("version"), "options": options, "workloads": workloads} if options else {}
    return replace(_recorded(resources), release=release, reach=_texts(_outputs(resources, REACH).get("reach")))


def _outputs(resources: Mapping[str, Any], urn: str) -> Mapping[str, Any]:
    """Return what a component shows."""
    found = (one for name, one in resources.items() if name.endswith(urn) and isinstance(one, Mapping))
    return next((one["outputs"] for one in found if isinstance(one.get("outputs"), Mapping)), {})


def _texts(value: object) -> Mapping[str, str] | None:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else None


def _recorded(resources: Mapping[str, Any]) -> Lineage:
    has_cilium = any(BRINGS_CILIUM in urn for urn in resources)
    kept = [one for urn, one in resources.items() if urn.endswith(KEEPER) and CLUSTER in urn]
    if not kept:
        return Lineage(has_cilium=has_cilium)
    try:
        text = kept[0]["outputs"]["stdout"]
        return Lineage(Record.model_validate(json.loads(text)), has_cilium)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)}))
        return Lineage(None, has_cilium, f"a record of another kind: {wrong}")
    except (ValueError, KeyError, TypeError):
        return Lineage(None, has_cilium, "a record that is no JSON")
