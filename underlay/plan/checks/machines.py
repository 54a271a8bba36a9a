"""Rules about reaching machines over SSH: a pinned host key for each, and an address for each managed router."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from underlay.model import Platform
from underlay.model.host_keys import FIX
from underlay.plan.checks.registry import REMOVED, Declaration, Problem, rule


@rule(
    "host-key-missing",
    bad={"hostKeys.tor-b": REMOVED},
    good={"hostKeys.tor-b": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIAuTmYsVf5WIS4PHCfzjA98ZLtDj2Kqcy/EcAsj+ASm"},
)
def host_keys_are_pinned(declaration: Declaration) -> Iterator[Problem]:
    """Without a pinned key anybody on the way can answer for the machine."""
    site = declaration.site
    machines = [*(node.name for node in site.nodes), *(router.name for router in site.routers if router.managed)]
    for name in (*machines, *(bastion.name for bastion in site.ssh.bastions)):
        if not declaration.host_keys.get(name):
            yield Problem(f"hostKeys.{name}", "nothing", "its public key, as in ssh-ed25519 AAAA", FIX)


@rule(
    "router-management-missing",
    bad={"routers.1.management": REMOVED},
    good={"routers.1.managed": False, "routers.1.management": REMOVED},
)
def managed_routers_have_an_address(declaration: Declaration) -> Iterator[Problem]:
    """A router that is to be configured has to be reached."""
    for index, router in enumerate(declaration.site.routers):
        if router.managed and not router.management:
            fix = "Declare it, or set managed to false."
            yield Problem(f"site.routers.{index}.management", "nothing", "address and user for SSH", fix)


@rule(
    "router-platform-rendered-only",
    bad={"routers.1.platform": "vrp"},
    good={"routers.1.platform": "vrp", "routers.1.managed": False},
)
def managed_routers_can_be_configured(declaration: Declaration) -> Iterator[Problem]:
    """What nobody has run against the real thing is a file for people to read, not a change over SSH."""
    for index, router in enumerate(declaration.site.routers):
        if router.managed and router.platform is Platform.VRP:
            fix = "Its configuration is then rendered as the stack's output `routers`."
            yield Problem(f"site.routers.{index}.managed", "true with platform vrp", "false", fix)


@rule(
    "management-outside-out-of-band",
    bad={"nodes.3.management.address": "198.51.100.7"},
    good={"nodes.3.management.address": "192.168.250.7"},
)
def management_is_out_of_band(declaration: Declaration) -> Iterator[Problem]:
    """A machine that is reached elsewhere is cut off by the first mistake in the fabric."""
    network = declaration.site.addresses.out_of_band
    for where, address in _managed(declaration):
        if network and address not in network:
            yield Problem(where, address, f"an address in {network}", "Or leave site.addresses.out_of_band out.")


@rule(
    "management-in-pod-pool",
    bad={"addresses.out_of_band": REMOVED, "routers.1.management.address": "10.244.7.7"},
    good={"addresses.out_of_band": REMOVED, "routers.1.management.address": "198.51.100.7"},
)
def management_is_no_pod(declaration: Declaration) -> Iterator[Problem]:
    """Cilium takes an address of the pool for a pod and may give it to one."""
    for where, address in (*_managed(declaration), *_bastions(declaration)):
        for pool in declaration.site.addresses.pods.pools:
            if address in pool:
                yield Problem(where, address, f"an address outside the pod pool {pool}")


def _managed(declaration: Declaration) -> Iterator[tuple[str, IPv4Address]]:
    for index, node in enumerate(declaration.site.nodes):
        yield f"site.nodes.{index}.management.address", node.management.address
    for index, router in enumerate(declaration.site.routers):
        if router.management:
            yield f"site.routers.{index}.management.address", router.management.address


def _bastions(declaration: Declaration) -> Iterator[tuple[str, IPv4Address]]:
    for index, bastion in enumerate(declaration.site.ssh.bastions):
        yield f"site.ssh.bastions.{index}.address", bastion.address
