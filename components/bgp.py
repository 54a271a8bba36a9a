"""BGP peering: Cilium's side of every session, and the password that both sides share."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster import Cluster
from components.objects import TAKE_OVER, custom
from underlay.model import Site
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.lineage import PEERING
from underlay.plan.values import NAMESPACE


class Peering(pulumi.ComponentResource):
    """The objects from which Cilium's operator makes the sessions of every node."""

    def __init__(
        self,
        name: str,
        site: Site,
        *,
        cluster: Cluster,
        password: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        facts = {"asn": site.bgp.asn}
        super().__init__(PEERING, name, dict(facts), opts)
        secret = kubernetes.core.v1.Secret(
            PASSWORD_SECRET,
            metadata={"name": PASSWORD_SECRET, "namespace": NAMESPACE, "annotations": TAKE_OVER},
            string_data={"password": password},
            opts=pulumi.ResourceOptions(parent=self, provider=cluster.provider),
        )
        for item in objects(site):
            # Without the Secret, Cilium would open its sessions without a password.
            custom(item, cluster, parent=self, after=[secret])
        self.register_outputs(facts)
