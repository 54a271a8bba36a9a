"""Rules about what the platform lets through: pods' addresses are not the nodes' own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import collapse_addresses

from underlay.model import Site
from underlay.plan.checks.registry import REMOVED, Declaration, Problem, rule

DIRECTIONS = ("ingress", "egress")


@rule(
    "source-destination-check-enabled",
    bad={"nodes.2.uplinks.0.source_destination_check": "enabled"},
    good={"nodes.2.uplinks.0.source_destination_check": "disabled"},
)
def source_and_destination_are_not_checked(declaration: Declaration) -> Iterator[Problem]:
    """The platform's check drops every packet that carries a pod's address."""
    for index, node in enumerate(declaration.site.nodes):
        for number, uplink in enumerate(node.uplinks):
            if uplink.source_destination_check == "enabled":
                where = f"site.nodes.{index}.uplinks.{number}.source_destination_check"
                fix = "Switch the check off on the platform, then say so here."
                yield Problem(where, f"enabled on {uplink.name} of {node.name}", "disabled", fix)


@rule(
    "port-adapter-missing",
    bad={"nodes.2.uplinks.0.check_switched_by": "adapter"},
    good={"nodes.2.uplinks.0.check_switched_by": "adapter", "port_adapter": ["python3", "tools/ports.py"]},
)
def adapters_are_declared(declaration: Declaration) -> Iterator[Problem]:
    """Without a command nobody switches the check off or lets pods pass, and the platform drops their packets."""
    fix = "Declare `site.port_adapter`, or leave it to the `team`."
    for where in _adapted(declaration.site) if not declaration.site.port_adapter else ():
        yield Problem(where, "adapter", "team, as no port_adapter is declared", fix)


def _adapted(site: Site) -> Iterator[str]:
    for index, node in enumerate(site.nodes):
        for number, uplink in enumerate(node.uplinks):
            if uplink.check_switched_by == "adapter":
                yield f"site.nodes.{index}.uplinks.{number}.check_switched_by"
    for index, group in enumerate(site.security_groups):
        if group.applied_by == "adapter":
            yield f"site.security_groups.{index}.applied_by"


@rule(
    "security-group-lacks-pod-cidr",
    bad={"security_groups.0.allow.1": REMOVED},
    good={"security_groups.0.allow.1": {"direction": "egress", "network": "10.244.0.0/16", "protocol": "any"}},
)
def groups_let_pods_through(declaration: Declaration) -> Iterator[Problem]:
    """Pods of other nodes are the other side of both directions."""
    pools = declaration.site.addresses.pods.pools
    for index, group in enumerate(declaration.site.security_groups):
        for direction in DIRECTIONS:
            allowed = [one.network for one in group.allow if one.direction == direction and one.protocol == "any"]
            whole = list(collapse_addresses(allowed))
            lacking = [str(pool) for pool in pools if not any(pool.subnet_of(network) for network in whole)]
            if lacking:
                found = f"{', '.join(map(str, allowed)) or 'nothing'} with protocol any"
                where = f"site.security_groups.{index}.allow, {direction}"
                yield Problem(where, found, f"{', '.join(lacking)} with protocol any")


@rule(
    "security-group-node-unknown",
    bad={"security_groups.0.nodes.4": "worker-9"},
    good={"security_groups.0.nodes": ["cp-1", "worker-1", "worker-2", "worker-3"]},
)
def groups_name_declared_nodes(declaration: Declaration) -> Iterator[Problem]:
    """A misspelt name would leave a node without its rules."""
    names = {node.name for node in declaration.site.nodes}
    for index, group in enumerate(declaration.site.security_groups):
        for unknown in sorted(set(group.nodes) - names):
            yield Problem(f"site.security_groups.{index}.nodes", unknown, "the name of a declared node")


@rule(
    "security-group-missing",
    bad={"security_groups.0.nodes.3": REMOVED},
    good={"security_groups.0.nodes.3": "worker-3"},
)
def every_node_is_in_a_group_where_there_are_groups(declaration: Declaration) -> Iterator[Problem]:
    """A node outside every group keeps the platform's default, which does not know pods."""
    groups = declaration.site.security_groups
    covered = {name for group in groups for name in group.nodes}
    for index, node in enumerate(declaration.site.nodes):
        if groups and node.name not in covered:
            yield Problem(f"site.nodes.{index}", f"{node.name} in no security group", "membership in one")
