"""The on-premises cluster: its facts for policies, the vendor's installer, and the way to its API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.commands import underlay
from components.refusal import refuse
from underlay.model import Site
from underlay.plan.cluster_file import absent_keys, file_keys, file_name
from underlay.plan.values import helm_values
from underlay.plan.waivers import Verdict, Waiver

TYPE = "underlay:cluster:Cluster"


class Cluster(pulumi.ComponentResource):
    """A cluster; a refused declaration ends here: policies have seen its facts, and nothing has been made."""

    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider

    def __init__(
        self,
        site: Site,
        *,
        verdict: Verdict,
        waivers: Sequence[Waiver],
        kubeconfig: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        facts = cluster_facts(site, waivers)
        super().__init__(TYPE, site.cluster.name, dict(facts), opts)
        for warning in verdict.warnings:
            pulumi.log.warn(warning)
        if verdict.refused:
            refuse(verdict.refused)
        self.kubeconfig = self._installed(site) if site.cluster.installer else kubeconfig
        self.provider = self._api(site)
        self.register_outputs(facts)

    def _installed(self, site: Site) -> pulumi.Output[str]:
        data = {
            "file": file_name(site),
            "keys": file_keys(site),
            "absent": absent_keys(site),
            "command": list(site.cluster.installer),
        }
        opts = pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout"])
        return pulumi.Output.secret(underlay("installer", "install", data, opts).stdout)

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


def cluster_facts(site: Site, waivers: Sequence[Waiver]) -> dict[str, Any]:
    """Return what policies judge: declared facts, all known at preview."""
    values = helm_values(site)
    return {
        "clusterName": site.cluster.name,
        "origin": site.cluster.origin.value,
        "networkMode": file_keys(site)["CILIUM_NETWORK_MODE"],
        "routingMode": values["routingMode"],
        "podPool": str(site.addresses.pods.native),
        "podMask": site.addresses.pods.mask,
        "nativeRoutingCidr": values["ipv4NativeRoutingCIDR"],
        "ciliumOwner": site.cilium.owner,
        "ciliumVersion": site.cilium.version,
        "waivers": [waiver.model_dump(mode="json") for waiver in waivers],
    }
