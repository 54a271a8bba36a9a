"""The nodes' ends, read from Cilium's objects: as declared, or as the Kubernetes API holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from underlay.plan.bgp import OVERRIDES
from underlay.plan.ends.end import End
from underlay.plan.ends.planned import NO_PASSWORD

Object = Mapping[str, Any]
HOLD, KEEPALIVE = 90, 30
"""Cilium's own timers where an object names none."""


def node_ends(objects: Iterable[Object], passwords: Mapping[str, str] | None) -> dict[str, dict[str, End]]:
    """Return by node, then by the router's address, what the node's end does.

    `passwords` holds a digest for each Secret by name; a Secret that is not there leaves Cilium's session without a
    password. None: Secrets were not read, so that nothing is known of passwords.
    """
    known = [*objects]
    configs = {str(one["metadata"]["name"]): one.get("spec") or {} for one in _of(known, "PeerConfig")}
    found: dict[str, dict[str, End]] = {}
    for node, instance in _instances(known):
        for peer in instance.get("peers") or ():
            named = (peer.get("peerConfigRef") or {}).get("name", "")
            common = _common(configs[named], known, passwords) if named in configs else End(tells=())
            own = {
                "asn": instance.get("localASN"),
                "peer_asn": peer.get("peerASN"),
                "address": peer.get("localAddress"),
                "router_id": str(instance.get("routerID") or ""),
            }
            found.setdefault(node, {})[str(peer.get("peerAddress", ""))] = common.model_copy(update=own)
    return found


def _of(objects: Iterable[Object], kind: str) -> Iterator[Object]:
    return (one for one in objects if one.get("kind") == f"CiliumBGP{kind}")


def _instances(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield each node with its instances: from the operator's own objects, or from what these are made of."""
    made = [*_of(objects, "NodeConfig")]
    for one in made:
        for instance in (one.get("spec") or {}).get("bgpInstances") or ():
            yield str(one["metadata"]["name"]), instance
    overrides = {str(one["metadata"]["name"]): one.get("spec") or {} for one in _of(objects, "NodeConfigOverride")}
    for one in () if made else _of(objects, "ClusterConfig"):
        spec = one.get("spec") or {}
        terms = (spec.get("nodeSelector") or {}).get("matchExpressions") or ()
        names = [name for term in terms if term.get("operator") == "In" for name in term.get("values") or ()]
        instances = spec.get("bgpInstances") or ()
        yield from ((name, _overridden(one, overrides.get(name, {}))) for name in names for one in instances)


def _overridden(instance: Object, override: Object) -> Object:
    """Return an instance as Cilium's operator gives it to a node with an override; of peers it takes the address."""
    own = next((one for one in override.get("bgpInstances") or () if one.get("name") == instance.get("name")), None)
    if own is None:
        return instance
    told = {key: own[key] for key in OVERRIDES if own.get(key) is not None}
    addresses = {one.get("name"): one.get("localAddress") for one in own.get("peers") or ()}
    peers = [{**one, "localAddress": addresses.get(one.get("name"))} for one in instance.get("peers") or ()]
    return {**instance, **told, "peers": peers}


def _common(spec: Object, objects: list[Object], passwords: Mapping[str, str] | None) -> End:
    """Return what a peer configuration decides."""
    timers, restart = spec.get("timers") or {}, spec.get("gracefulRestart") or {}
    families = spec.get("families") or ()
    secret = spec.get("authSecretRef")
    return End(
        password=None if passwords is None else passwords.get(secret, NO_PASSWORD) if secret else NO_PASSWORD,
        hold=timers.get("holdTimeSeconds", HOLD),
        keepalive=timers.get("keepAliveTimeSeconds", KEEPALIVE),
        hops=spec.get("ebgpMultihop") or 1,
        graceful=bool(restart.get("enabled")),
        families=tuple(sorted({f"{one.get('afi')}" for one in families if one.get("safi") == "unicast"})),
        tells=tuple(sorted(set(_told(families, objects)))),
    )


def _told(families: Iterable[Object], objects: list[Object]) -> Iterator[str]:
    """Yield the kinds of advertisement that a family's labels select; of services the kinds of addresses."""
    for family in families:
        wanted = ((family.get("advertisements") or {}).get("matchLabels") or {}).items()
        for one in _of(objects, "Advertisement"):
            labels = one["metadata"].get("labels") or {}
            if wanted and all(labels.get(key) == value for key, value in wanted):
                for told in one["spec"].get("advertisements") or ():
                    addresses = (told.get("service") or {}).get("addresses")
                    yield from map(str, addresses or (told.get("advertisementType"),))
