"""The Cilium release in underlay mode, complete only when every node runs a ready agent of it."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import local

from components.cluster import Cluster
from components.commands import outcome, underlay
from underlay.chart.gate import Passed
from underlay.model import Site
from underlay.plan.bgp import CRDS
from underlay.plan.chart.difference import release_changes
from underlay.plan.chart.objects import configuration
from underlay.plan.chart.workloads import workloads
from underlay.plan.digest import digest
from underlay.plan.lineage import RELEASE as TYPE
from underlay.plan.lineage import Lineage
from underlay.plan.policies import CRDS as POLICY_CRDS
from underlay.plan.values import NAMESPACE, RELEASE, helm_values

HELM_SECONDS = 300
"""Time for Helm's own requests; readiness is waited for afterwards, by name."""
AGENT_SECONDS = 600
"""Time until every agent is ready; measured: 32 s for six nodes on two cores, and images may have to be pulled."""
HISTORY = 5
"""Revisions that Helm keeps for a rollback."""


class Cilium(pulumi.ComponentResource):
    """Cilium on every node; installed here, or only waited for where the vendor's installer owns it."""

    agents: local.Command
    outcome: pulumi.Output[str]
    """Another text as soon as agents were waited for again."""

    def __init__(
        self,
        site: Site,
        *,
        release: Passed,
        past: Lineage,
        cluster: Cluster,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        values = helm_values(site)
        facts: dict[str, Any] = {
            "owner": site.cilium.owner,
            "version": site.cilium.version,
            "routingMode": values["routingMode"],
            "options": dict(configuration(release.objects)),
            "workloads": workloads(release.objects),
        }
        super().__init__(TYPE, RELEASE, dict(facts), opts)
        for change in release_changes(past.release, facts) if past.release else ():
            pulumi.log.info(str(change), self)
        installed = [self._release(release.chart, values, cluster)] if site.cilium.owner == "release" else []
        self.agents = self._wait(site, values, cluster, installed)
        self.outcome = outcome([self.agents])
        self.register_outputs(facts)

    def _release(self, chart: str, values: dict[str, Any], cluster: Cluster) -> kubernetes.helm.v3.Release:
        return kubernetes.helm.v3.Release(
            RELEASE,
            name=RELEASE,
            namespace=NAMESPACE,
            chart=chart,
            values=values,
            timeout=HELM_SECONDS,
            max_history=HISTORY,
            atomic=False,  # a rollback of a network plug-in is a second outage, and nobody's decision but a person's
            skip_await=True,  # Helm is content with fewer agents than nodes
            opts=pulumi.ResourceOptions(parent=self, provider=cluster.provider, depends_on=[cluster.keeper]),
        )

    def _wait(
        self, site: Site, values: dict[str, Any], cluster: Cluster, after: list[kubernetes.helm.v3.Release]
    ) -> local.Command:
        data = {
            "kubeconfig": cluster.kubeconfig,
            "nodes": [node.name for node in site.nodes],
            "crds": [*CRDS, *POLICY_CRDS],
            "version": site.cilium.version,
            "seconds": AGENT_SECONDS,
        }
        opts = pulumi.ResourceOptions(parent=self, depends_on=[cluster.keeper, *after])
        return underlay("agents", "wait-cilium", data, opts, triggers=[digest(values), *map(_revision, after)])


def _revision(release: kubernetes.helm.v3.Release) -> pulumi.Output[str]:
    """Return Helm's number of what is installed: another one means that agents may be others, whatever changed."""
    return release.status.apply(lambda status: str(status and status.revision))
