"""What policies judge of a declaration, and what has to be verified again when it changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from underlay.model import Site
from underlay.plan import responders
from underlay.plan.bgp import objects, sessions
from underlay.plan.checks.transitions import IDENTITY
from underlay.plan.cluster_file import NETWORK_MODE
from underlay.plan.digest import digest
from underlay.plan.first_release import excused
from underlay.plan.intrusion import objects as intrusion
from underlay.plan.lineage import Lineage, changed_from, record
from underlay.plan.policies import policy_objects
from underlay.plan.values import helm_values
from underlay.plan.waivers import Waiver, changes, in_force


def cluster_facts(site: Site, waivers: Sequence[Waiver], past: Lineage) -> dict[str, Any]:
    """Return what policies judge: declared facts, all known at preview."""
    values, now = helm_values(site), record(site)
    before = changed_from(past, now)
    return {
        "clusterName": site.cluster.name,
        "origin": site.cluster.origin.value,
        "networkMode": NETWORK_MODE,
        "routingMode": values["routingMode"],
        "podPool": [str(pool) for pool in site.addresses.pods.pools],
        "podMask": site.addresses.pods.mask,
        "nativeRoutingCidr": values["ipv4NativeRoutingCIDR"],
        "ciliumOwner": site.cilium.owner,
        "ciliumVersion": site.cilium.version,
        "kubernetesVersion": site.cluster.kubernetes,
        "api": str(site.cluster.api.address),
        "bgpRouters": bgp_routers(site),
        "waivers": [waiver.model_dump(mode="json", exclude_none=True) for waiver in waivers],
        "lineage": now.plain(),
        **({"changedFrom": before.plain()} if before else {}),
    }


def let_pass(waivers: Sequence[Waiver], past: Lineage, today: date) -> dict[str, Any]:
    """Return what the cluster's own answer may break today: changes of its identity, and rules with their reasons."""
    waived = excused(in_force(waivers, today), past)
    return {"allowed": changes(IDENTITY, waivers, today), **({"waived": waived} if waived else {})}


def bgp_routers(site: Site) -> list[dict[str, Any]]:
    """Return the routers' side of every session: where a router answers nodes, as which AS, and which AS it expects."""
    expected = dict.fromkeys((session.address, session.asn) for session in sessions(site))
    return [{"address": address, "asn": asn, "nodeAsn": site.bgp.asn} for address, asn in expected]


def what_matters(site: Site) -> list[str]:
    """Return digests of everything in the cluster whose change makes an earlier verdict worthless."""
    custom = [*objects(site), *policy_objects(site)]
    engines = [digest(item) for item in intrusion.everything(site)]
    return [digest(helm_values(site)), digest(custom), digest(responders.daemons(site)), *engines]
