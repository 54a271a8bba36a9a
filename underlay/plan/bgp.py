"""Cilium's BGP objects (cilium.io/v2): a cluster configuration per rack, a peer configuration, an advertisement."""

from __future__ import annotations

from typing import Any, NamedTuple

from underlay.model import Rack, Site

API_VERSION = "cilium.io/v2"
INSTANCE = "underlay"
PEER_CONFIG = "underlay"
ADVERTISEMENT = "underlay-pods"
PASSWORD_SECRET = "underlay-bgp"  # noqa: S105 - the name of a Secret, not its content
LABELS = {"underlay/advertises": "pods"}
CRDS = tuple(
    f"ciliumbgp{kind}.cilium.io" for kind in ("advertisements", "clusterconfigs", "nodeconfigs", "peerconfigs")
)


class Session(NamedTuple):
    """A BGP session of a node with a router of its rack, as the node sees it."""

    node: str
    peer: str
    address: str
    asn: int


def objects(site: Site) -> list[dict[str, Any]]:
    """Return the objects in the order in which they have to exist; the password's Secret comes before them."""
    return [_advertisement(), _peer_config(site), *(_cluster_config(site, rack) for rack in _occupied(site))]


def sessions(site: Site) -> list[Session]:
    """Return the sessions of each node."""
    return [
        Session(node.name, link.router, str(link.address), site.router(link.router).asn)
        for rack in site.racks
        for node in site.nodes_of(rack.name)
        for link in rack.links
    ]


def _occupied(site: Site) -> list[Rack]:
    return [rack for rack in site.racks if site.nodes_of(rack.name)]


def _object(kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _advertisement() -> dict[str, Any]:
    spec = {"advertisements": [{"advertisementType": "PodCIDR"}]}
    return _object("CiliumBGPAdvertisement", ADVERTISEMENT, spec, dict(LABELS))


def _peer_config(site: Site) -> dict[str, Any]:
    timers = site.bgp.timers
    spec: dict[str, Any] = {
        "authSecretRef": PASSWORD_SECRET,
        "families": [{"afi": "ipv4", "safi": "unicast", "advertisements": {"matchLabels": dict(LABELS)}}],
        "timers": {
            "connectRetryTimeSeconds": timers.connect_retry,
            "holdTimeSeconds": timers.hold,
            "keepAliveTimeSeconds": timers.keepalive,
        },
    }
    if restart := site.bgp.graceful_restart:
        spec["gracefulRestart"] = {"enabled": True, "restartTimeSeconds": restart.restart}
    return _object("CiliumBGPPeerConfig", PEER_CONFIG, spec)


def _cluster_config(site: Site, rack: Rack) -> dict[str, Any]:
    peers = [
        {
            "name": link.router,
            "peerAddress": str(link.address),
            "peerASN": site.router(link.router).asn,
            "peerConfigRef": {"name": PEER_CONFIG},
        }
        for link in rack.links
    ]
    names = [node.name for node in site.nodes_of(rack.name)]
    selector = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": names}]}
    instance = {"name": INSTANCE, "localASN": site.bgp.asn, "peers": peers}
    spec = {"nodeSelector": selector, "bgpInstances": [instance]}
    return _object("CiliumBGPClusterConfig", f"underlay-{rack.name}", spec)
