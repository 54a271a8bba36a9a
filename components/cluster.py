"""The on-premises cluster: its facts for policies, the vendor's installer, and the way to its API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import local

from components.commands import underlay
from components.refusal import refuse
from underlay.model import Site
from underlay.plan.cluster_file import PASSWORD, empty_keys, file_keys, file_name
from underlay.plan.installers import Steps, steps
from underlay.plan.lineage import CLUSTER, NAME, record
from underlay.plan.waivers import Verdict


class Cluster(pulumi.ComponentResource):
    """A cluster; a refused declaration ends here: policies have seen its facts, and nothing has been made."""

    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider
    keeper: local.Command
    """Keeps the record of what is applied; whatever brings Cilium comes after it."""
    looked: tuple[pulumi.Resource, ...]
    """The look that may refuse the cluster, where it was there before: no machine is changed until then."""
    lineage: pulumi.Output[Any]
    """The record as plain data, with the cluster's birth."""

    def __init__(
        self,
        site: Site,
        *,
        facts: Mapping[str, Any],
        verdict: Verdict,
        allowed: Mapping[str, Any],
        kubeconfig: pulumi.Output[str],
        password: pulumi.Output[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(CLUSTER, site.cluster.name, dict(facts), opts)
        for warning in verdict.warnings:
            pulumi.log.warn(warning)
        if verdict.refused:
            refuse(verdict.refused)
        calls = steps(site)
        self.kubeconfig = self._installed(site, calls, password) if calls else kubeconfig
        self.keeper = self._recorded(site, allowed)
        self.looked = () if calls else (self.keeper,)
        self.lineage = pulumi.Output.unsecret(self.keeper.stdout.apply(lambda text: json.loads(text or "null")))
        self.provider = self._api(site)
        self.register_outputs(dict(facts))

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

    def _recorded(self, site: Site, allowed: Mapping[str, Any]) -> local.Command:
        data = {"kubeconfig": self.kubeconfig, "record": record(site).plain(), **allowed}
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
    pulumi.ComponentResource(CLUSTER, name, {"clusterName": name, **({"origin": origin} if origin else {})})
