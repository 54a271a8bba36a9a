"""Which bastion stands before which machine."""

from __future__ import annotations

from collections.abc import Mapping

from underlay.model import Bastion, Rack, Router, Site
from underlay.plan.once import per_site


def bastion_of_rack(site: Site, rack: Rack) -> str | None:
    """Return the name of the bastion before a rack; None where it is reached directly."""
    return rack.bastion or site.ssh.bastion


def bastions_of_router(site: Site, router: Router) -> tuple[str | None, ...]:
    """Return what the racks of a router name, each once; more than one contradict each other."""
    named = (bastion_of_rack(site, rack) for rack, _ in site.links_of(router.name))
    return tuple(dict.fromkeys(named)) or (site.ssh.bastion,)


@per_site
def bastions(site: Site) -> Mapping[str, Bastion]:
    """Return the bastion before each node and router by the machine's name; who is reached directly is left out."""
    known = {bastion.name: bastion for bastion in site.ssh.bastions}
    racks = {rack.name: bastion_of_rack(site, rack) for rack in site.racks}
    named = {node.name: racks.get(node.rack) for node in site.nodes}
    named |= {router.name: bastions_of_router(site, router)[0] for router in site.routers}
    return {machine: known[name] for machine, name in named.items() if name in known}
