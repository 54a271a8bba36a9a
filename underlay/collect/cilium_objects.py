"""Cilium's own objects as the Kubernetes API has them: what they hold, and what Cilium says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from underlay.collect.conditions import Object, condition, is_young
from underlay.failure import in_one_line
from underlay.judge.evidence import Applied, Trouble
from underlay.plan.bgp import ADVERTISEMENT_KIND, OVERRIDE_KIND

Lists = Mapping[str, Sequence[Object]]

KINDS = {
    "sessions": "CiliumBGPNodeConfig",
    "clusters": "CiliumBGPClusterConfig",
    "peers": "CiliumBGPPeerConfig",
    "advertisements": ADVERTISEMENT_KIND,
    "bgp_overrides": OVERRIDE_KIND,
    "pools": "CiliumLoadBalancerIPPool",
}
"""Lists of Cilium's objects, by the kind that the API leaves out of a list's items."""
APPLIED = ("clusters", "peers", "advertisements", "bgp_overrides", "pools")
"""Those that a site applies."""
COMPLAINTS = {
    "clusters": ("NoMatchingNode", "MissingPeerConfigs", "ConflictingClusterConfig"),
    "peers": ("MissingAuthSecret",),
    "sessions": ("BGPReconcileError",),
    "pools": ("PoolConflict",),
}
"""Conditions of Cilium 1.19 and 1.20 that complain where they are True; others, as a pool's counts, only tell."""
RETRYING = {"BGPReconcileError": timedelta(seconds=30)}
"""How long an agent may need to get over it: it tries again for 15 s, and writes its status every 5 s."""
LEFT = "cilium.io/IPsAvailable"
SHOWN = 300
"""Characters of a complaint or an error that a message shows."""


def applied(lists: Lists, errors: list[str]) -> tuple[Applied, ...]:
    """Return the objects of the kinds that a site applies, as far as these could be read."""
    try:
        told = (
            (KINDS[name], one["metadata"]["name"], one.get("spec") or {}, one["metadata"].get("labels") or {})
            for name in APPLIED
            for one in lists.get(name, ())
        )
        return tuple(Applied(kind=kind, name=name, spec=spec, labels=labels) for kind, name, spec, labels in told)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        errors.append(f"Cilium's objects: {in_one_line(error, SHOWN)}")
        return ()


def troubles(lists: Lists) -> tuple[Trouble, ...]:
    """Return the complaints of Cilium's objects; one that cannot be understood is left out."""
    return tuple(
        Trouble(
            kind=KINDS[name],
            name=_name(item),
            condition=kind,
            message=" ".join(str(found.get("message") or found.get("reason", "")).split())[:SHOWN],
            young=kind in RETRYING and is_young(found, RETRYING[kind]),
        )
        for name, kinds in COMPLAINTS.items()
        for item in lists.get(name, ())
        for kind, found in _true(item, kinds)
    )


def full(lists: Lists) -> tuple[str, ...]:
    """Return the names of the pools that say that they have no address left."""
    return tuple(_name(pool) for pool in lists.get("pools", ()) if condition(pool, LEFT).get("message") == "0")


def _true(item: Object, kinds: Iterable[str]) -> Iterator[tuple[str, Object]]:
    for kind in kinds:
        found = condition(item, f"cilium.io/{kind}")
        if found.get("status") == "True":
            yield kind, found


def _name(item: Object) -> str:
    return str(item.get("metadata", {}).get("name", ""))
