"""Rules about the installer and its cluster file, which takes one value where a site may have several."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.cluster_file import masters
from underlay.plan.installers import steps

UCS_CTL = {"agent": "agent.yaml"}
BY_TOOL: dict[str, object] = {"cluster.ucs_ctl": UCS_CTL, "cluster.installer": []}


@rule(
    "installer-declared-twice",
    bad={"cluster.ucs_ctl": UCS_CTL},
    good=BY_TOOL,
)
def a_cluster_is_made_once(declaration: Declaration) -> Iterator[Problem]:
    """Two installers would make the cluster twice."""
    cluster = declaration.site.cluster
    if cluster.installer and cluster.ucs_ctl:
        expected = "one of the two: a command in site.cluster.installer, or the vendor's tool"
        yield Problem("site.cluster.ucs_ctl", f"{cluster.ucs_ctl.program}, beside {cluster.installer[0]}", expected)


@rule(
    "cluster-file-takes-one-pool",
    bad={"addresses.pods.pools": ["10.244.0.0/17", "10.244.128.0/17"], **BY_TOOL},
    good={"addresses.pods.pools": ["10.244.0.0/16"], **BY_TOOL},
)
def the_file_takes_one_pool(declaration: Declaration) -> Iterator[Problem]:
    """The vendor's file has one key for the pods' network; a command of your own reads their common network there."""
    pools = declaration.site.addresses.pods.pools
    if len(pools) > 1 and declaration.site.cluster.ucs_ctl:
        expected = "one pool, because CILIUM_IPV4POOL_CIDR takes one"
        fix = "Declare one larger pool; waive this where a pool is appended to a cluster that is there."
        yield Problem("site.addresses.pods.pools", ", ".join(map(str, pools)), expected, fix)


@rule(
    "cluster-file-takes-one-load-balancer-pool",
    bad={"addresses.load_balancers": ["198.51.100.0/25", "198.51.100.128/25"], **BY_TOOL},
    good={"addresses.load_balancers": ["198.51.100.0/24"], **BY_TOOL},
)
def the_file_takes_one_load_balancer_pool(declaration: Declaration) -> Iterator[Problem]:
    """The vendor's file has one key for the addresses of services of type LoadBalancer."""
    pools = declaration.site.addresses.load_balancers
    if len(pools) > 1 and declaration.site.cluster.ucs_ctl:
        expected = "one network, because LOAD_BALANCER_CIDR takes one"
        yield Problem("site.addresses.load_balancers", ", ".join(map(str, pools)), expected)


@rule(
    "cluster-file-takes-one-user",
    bad={"nodes.1.role": "control-plane", "nodes.1.management.user": "admin"},
    good={"nodes.1.role": "control-plane", "nodes.1.management.user": "root"},
)
def the_file_takes_one_user(declaration: Declaration) -> Iterator[Problem]:
    """The file has one USERNAME, by which the installer reaches every master."""
    users = {node.management.user: node.name for node in reversed(masters(declaration.site))}
    if len(users) > 1 and steps(declaration.site):
        found = ", ".join(f"{user} on {name}" for user, name in users.items())
        yield Problem("site.nodes", found, "the same management.user on every control-plane node")


@rule(
    "cluster-file-bgp-owned-twice",
    bad={"cluster.file_bgp": {"peer": "172.30.1.1", "asn": 65101}},
    good={"cluster.file_bgp": {"peer": "172.30.1.1", "asn": 65101}, "cilium.owner": "installer"},
)
def the_file_s_bgp_is_the_installer_s(declaration: Declaration) -> Iterator[Problem]:
    """The file's BGP switch makes the installer set up BGP, beside this program's release: two owners."""
    site = declaration.site
    if site.cluster.file_bgp and site.cilium.owner != "installer":
        expected = "no BGP keys in the cluster file, because this program owns Cilium"
        yield Problem("site.cluster.file_bgp", str(site.cluster.file_bgp.peer), expected)


@rule(
    "cluster-file-bgp-peer-unknown",
    bad={"cluster.file_bgp": {"peer": "127.0.0.1", "asn": 65101}, "cilium.owner": "installer"},
    good={"cluster.file_bgp": {"peer": "172.30.1.1", "asn": 65101}, "cilium.owner": "installer"},
)
def the_file_s_peer_is_a_router_of_the_site(declaration: Declaration) -> Iterator[Problem]:
    """The vendor's template holds a placeholder, 127.0.0.1: a node that peers with itself announces to nobody."""
    declared = declaration.site.cluster.file_bgp
    addresses = [str(link.address) for _, link in declaration.links()]
    if declared and str(declared.peer) not in addresses:
        expected = f"a router's address on a rack's segment: {', '.join(addresses)}"
        yield Problem("site.cluster.file_bgp.peer", declared.peer, expected)
