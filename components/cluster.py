"""The on-premises cluster: its facts for policies, the vendor's installer, and the way to its API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import local

from components.commands import underlay
from components.refusal import refuse
from underlay.model import Site
from underlay.plan.bgp import sessions
from underlay.plan.checks.transitions import IDENTITY
from underlay.plan.cluster_file import NETWORK_MODE, PASSWORD, empty_keys, file_keys, file_name
from underlay.plan.installers import Steps, steps
from underlay.plan.lineage import NAME, Lineage, changed_from, record
from underlay.plan.values import helm_values
from underlay.plan.waivers import Verdict, Waiver, changes

TYPE = "underlay:cluster:Cluster"


class Cluster(pulumi.ComponentResource):
    """A cluster; a refused declaration ends here: policies have seen its facts, and nothing has been made."""

    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider
    keeper: local.Command
    """Keeps the record of what is applied; whatever brings Cilium comes after it."""
    lineage: pulumi.Output[Any]
    """The record as plain data, with the cluster's birth."""

    def __init__(
        self,
        site: Site,
        *,
        verdict: Verdict,
        waivers: Sequence[Waiver],
        past: Lineage,
        kubeconfig: pulumi.Output[str],
        password: pulumi.Output[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        facts = cluster_facts(site, waivers, past)
        super().__init__(TYPE, site.cluster.name, dict(facts), opts)
        for warning in verdict.warnings:
            pulumi.log.warn(warning)
        if verdict.refused:
            refuse(verdict.refused)
        calls = steps(site)
        self.kubeconfig = self._installed(site, calls, password) if calls else kubeconfig
        self.keeper = self._recorded(site, waivers)
        self.lineage = pulumi.Output.unsecret(self.keeper.stdout.apply(lambda text: json.loads(text or "null")))
        self.provider = self._api(site)
        self.register_outputs(facts)

    def _installed(self, site: Site, calls: Steps, password: pulumi.Output[str] | None) -> pulumi.Output[str]:
        data = {
            "file": file_name(site),
            # pairs, because they keep their order where keys of a mapping are sorted
            "keys": [*map(list, file_keys(site).items()), *([[PASSWORD, password]] if password else [])],
            "empty": empty_keys(site),
            "make": list(calls.make),
            "export": list(calls.export),
        }
        opts = pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout"])
        return pulumi.Output.secret(underlay("installer", "install", data, opts).stdout)

    def _recorded(self, site: Site, waivers: Sequence[Waiver]) -> local.Command:
        data = {
            "kubeconfig": self.kubeconfig,
            "record": record(site).plain(),
            "allowed": changes(IDENTITY, waivers, datetime.now(UTC).date()),
        }
        return underlay(NAME, "lineage", data, pulumi.ResourceOptions(parent=self), remembers=True)

    def _api(self, site: Site) -> kubernetes.Provider:
        return kubernetes.Provider(
            "cluster",
            kubeconfig=self.kubeconfig,
            cluster_identifier=site.cluster.name,  # another kubeconfig of the same cluster replaces nothing
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )


def show_to_policies(declared: object) -> None:
    """Register what can be read of a malformed declaration: policies judge that too, a missing origin above all."""
    site = declared if isinstance(declared, Mapping) else {}
    cluster = site.get("cluster")
    facts = cluster if isinstance(cluster, Mapping) else {}
    name, origin = str(facts.get("name") or "undeclared"), facts.get("origin")
    pulumi.ComponentResource(TYPE, name, {"clusterName": name, **({"origin": origin} if origin else {})})


def cluster_facts(site: Site, waivers: Sequence[Waiver], past: Lineage) -> dict[str, Any]:
    """Return what policies judge: declared facts, all known at preview."""
    values, now = helm_values(site), record(site)
    before = changed_from(past, now)
    return {
        "clusterName": site.cluster.name,
        "origin": site.cluster.origin.value,
        "networkMode": NETWORK_MODE,
        "routingMode": values["routingMode"],
        "podPool": [str(pool) for pool in site.addresses.pods.pools],
        "podMask": site.addresses.pods.mask,
        "nativeRoutingCidr": values["ipv4NativeRoutingCIDR"],
        "ciliumOwner": site.cilium.owner,
        "ciliumVersion": site.cilium.version,
        "kubernetesVersion": site.cluster.kubernetes,
        "api": str(site.cluster.api.address),
        "bgpRouters": bgp_routers(site),
        "waivers": [waiver.model_dump(mode="json", exclude_none=True) for waiver in waivers],
        "lineage": now.plain(),
        **({"changedFrom": before.plain()} if before else {}),
    }


def bgp_routers(site: Site) -> list[dict[str, Any]]:
    """Return the routers' side of every session: where a router answers nodes, as which AS, and which AS it expects."""
    expected = dict.fromkeys((session.address, session.asn) for session in sessions(site))
    return [{"address": address, "asn": asn, "nodeAsn": site.bgp.asn} for address, asn in expected]
