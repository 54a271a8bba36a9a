"""Intrusion detection: an engine on the nodes that reads copies of pods' packets at the declared capture point."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster import Cluster
from components.objects import TAKE_OVER
from underlay.model import IntrusionDetection, Site
from underlay.plan.intrusion import objects
from underlay.plan.intrusion.capture import blind_spots, sees, statements
from underlay.plan.lineage import DETECTION


def detection(site: Site, *, cluster: Cluster, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Tell what the capture point sees and cannot see, and declare the engine; nothing where the site has none."""
    for line in statements(site):
        pulumi.log.info(line)
    declared = site.intrusion_detection
    return [Detection("detection", site, declared, cluster=cluster, opts=opts)] if declared else []


class Detection(pulumi.ComponentResource):
    """An engine on every node that is to have one."""

    def __init__(
        self, name: str, site: Site, declared: IntrusionDetection, *, cluster: Cluster, opts: pulumi.ResourceOptions
    ) -> None:
        spots = list(blind_spots(site, declared))
        facts: dict[str, Any] = {"capture": declared.capture.value, "sees": list(sees(declared)), "cannotSee": spots}
        super().__init__(DETECTION, name, dict(facts), opts)
        own = pulumi.ResourceOptions(parent=self, provider=cluster.provider)
        space = objects.namespace()
        made = kubernetes.core.v1.Namespace(objects.NAME, metadata=_taken_over(space["metadata"]), opts=own)
        within = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=[made]))
        for one in objects.made(site):
            self._group(one, within)
        self.register_outputs(facts)

    def _group(self, one: objects.Made, within: pulumi.ResourceOptions) -> None:
        texts, daemons, name = one.config_map, one.daemon_set, one.group.name
        config = kubernetes.core.v1.ConfigMap(
            name, metadata=_taken_over(texts["metadata"]), data=texts["data"], opts=within
        )
        kubernetes.apps.v1.DaemonSet(
            name,
            metadata=_taken_over(daemons["metadata"]),
            spec=daemons["spec"],
            opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[config])),
        )


def _taken_over(metadata: dict[str, Any]) -> dict[str, Any]:
    return {**metadata, "annotations": TAKE_OVER}
