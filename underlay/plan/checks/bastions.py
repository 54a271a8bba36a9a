"""Rules about bastions: each is known, apart from what it leads to, and the only one before a machine."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.access import bastion_of_rack, bastions_of_router
from underlay.plan.checks.fabric import owned
from underlay.plan.checks.registry import Declaration, Example, Problem, rule

JUMP = {"name": "jump-1", "address": "198.51.100.5", "user": "jump"}
OTHER = {"name": "jump-2", "address": "198.51.100.6", "user": "jump"}
ONE: Example = {"ssh": {"bastions": [JUMP], "bastion": "jump-1"}}
"""The example that is right: one bastion before every machine."""
SHARED = {
    "name": "rack-b",
    "egress": "vrrp",
    "gateway": "172.30.2.3",
    "links": [
        {"router": "tor-b", "subnet": "172.30.2.0/24", "address": "172.30.2.1"},
        {"router": "tor-a", "subnet": "172.30.2.0/24", "address": "172.30.2.2"},
    ],
}
"""A rack that shares a router with the other one."""


@rule("bastion-unknown", bad={"ssh": {"bastion": "jump-1"}}, good=ONE)
def bastions_are_declared(declaration: Declaration) -> Iterator[Problem]:
    """A name that leads nowhere would leave machines to be reached directly, past the door that was meant."""
    site = declaration.site
    known = [bastion.name for bastion in site.ssh.bastions]
    named = {"site.ssh.bastion": site.ssh.bastion}
    named |= {f"site.racks.{index}.bastion": rack.bastion for index, rack in enumerate(site.racks)}
    for where, name in named.items():
        if name and name not in known:
            yield Problem(where, name, f"a name in site.ssh.bastions: {', '.join(known) or 'none is declared'}")


@rule(
    "bastion-is-a-machine",
    bad={"ssh": {"bastions": [{**JUMP, "address": "192.168.250.11"}], "bastion": "jump-1"}},
    good=ONE,
)
def bastions_are_apart(declaration: Declaration) -> Iterator[Problem]:
    """A node or router that leads to the others is lost together with the way to repair it."""
    site = declaration.site
    owners = {address: owner for address, owner, _ in owned(declaration)}
    names = {*(node.name for node in site.nodes), *(router.name for router in site.routers)}
    for index, bastion in enumerate(site.ssh.bastions):
        where, expected = f"site.ssh.bastions.{index}", "a host that is no node and no router of this site"
        if bastion.name in names:
            yield Problem(f"{where}.name", bastion.name, expected)
        elif owner := owners.get(bastion.address):
            yield Problem(f"{where}.address", f"{bastion.address}, an address of {owner}", expected)


@rule(
    "bastion-ambiguous",
    bad={"ssh": {"bastions": [JUMP, OTHER], "bastion": "jump-1"}, "racks.1": {**SHARED, "bastion": "jump-2"}},
    good={**ONE, "racks.1": SHARED},
)
def routers_have_one_bastion(declaration: Declaration) -> Iterator[Problem]:
    """A router between racks is reached by one way; which of two is meant, nobody can tell."""
    site = declaration.site
    for index, router in enumerate(site.routers):
        names = bastions_of_router(site, router)
        if router.managed and len(names) > 1:
            racks = ", ".join(f"{rack.name}: {bastion_of_rack(site, rack)}" for rack, _ in site.links_of(router.name))
            yield Problem(f"site.routers.{index}", racks, "the same bastion, or none, for every rack of a router")


@rule("bastion-not-used", severity="warning", bad={"ssh": {"bastions": [JUMP]}}, good=ONE)
def bastions_are_used(declaration: Declaration) -> Iterator[Problem]:
    """A bastion before nothing was probably meant to be before something."""
    site = declaration.site
    named = {bastion_of_rack(site, rack) for rack in site.racks} | {site.ssh.bastion}
    for index, bastion in enumerate(site.ssh.bastions):
        if bastion.name not in named:
            fix = "Name it there, or take it away."
            expected = "its name in site.ssh.bastion or in a rack's bastion"
            yield Problem(f"site.ssh.bastions.{index}", f"{bastion.name} before no machine", expected, fix)
