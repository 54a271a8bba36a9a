"""Node prerequisites: one program per node that looks first, then sets what an underlay needs."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_command import local, remote

from components.commands import Ssh, on_machine, outcome, underlay
from underlay.model import Node, Site
from underlay.plan.lineage import NODES
from underlay.plan.prerequisites import node_input
from underlay.plan.security import adapted_groups, adapted_ports
from underlay.remote import request


class Prerequisites(pulumi.ComponentResource):
    """What every node has to be before pods can be routed."""

    prepared: dict[str, remote.Command]
    outcome: pulumi.Output[str]
    """Changes whenever a node has been worked on."""

    def __init__(
        self,
        name: str,
        site: Site,
        *,
        ssh: Ssh,
        waived: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        names = [node.name for node in site.nodes]
        super().__init__(NODES, name, {"nodes": names}, opts)
        self.prepared = {node.name: self._prepare(site, node, ssh, waived) for node in site.nodes}
        self.outcome = outcome([*self.prepared.values(), *self._ports(site)])
        self.register_outputs({"nodes": names})

    def _ports(self, site: Site) -> list[local.Command]:
        """Let the site's adapter set its ports and groups, none of them too: with this command all are given back."""
        opts = pulumi.ResourceOptions(parent=self)
        data = {"adapter": site.port_adapter, "ports": adapted_ports(site), "groups": adapted_groups(site)}
        return [underlay("ports", "ports", data, opts, back="ports-back")] if site.port_adapter else []

    def _prepare(self, site: Site, node: Node, ssh: Ssh, waived: Mapping[str, str]) -> remote.Command:
        stdin = request("prepare_node", node_input(site, node, waived))
        opts = pulumi.ResourceOptions(parent=self)
        return on_machine(f"prepare-{node.name}", ssh.to(node.name, node.management), node.management.user, stdin, opts)
