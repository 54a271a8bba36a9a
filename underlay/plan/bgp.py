"""Cilium's BGP objects (cilium.io/v2): a cluster configuration per rack, a peer configuration, an advertisement.

A node has an object of its own only where it is declared to have another router id than its address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from underlay.model import Link, Node, Rack, Site

API_VERSION = "cilium.io/v2"
"""Of all of Cilium's kinds that are made here; policies have the same."""
INSTANCE = "underlay"
PEER_CONFIG = "underlay"
OVERRIDE_KIND, ADVERTISEMENT_KIND = "CiliumBGPNodeConfigOverride", "CiliumBGPAdvertisement"
ADVERTISEMENT = "underlay-pods"
"""It holds the services' addresses too; its name is older than they are."""
PASSWORD_SECRET = "underlay-bgp"  # noqa: S105 - the name of a Secret, not its content
LABELS = {"underlay/advertises": "pods"}
POOL = "underlay"
WHOLE = 31
"""Prefix length from which on Cilium gives away the first and the last address of a block too."""
CRDS = (
    *(
        f"ciliumbgp{kind}.cilium.io"
        for kind in ("advertisements", "clusterconfigs", "nodeconfigoverrides", "nodeconfigs", "peerconfigs")
    ),
    "ciliumloadbalancerippools.cilium.io",
)
OVERRIDES = {"routerID": "router id", "localASN": "AS", "localPort": "listening port"}
"""Field of an override → what it is called."""
EVERY_SERVICE = {"matchExpressions": [{"key": "underlay/advertised", "operator": "NotIn", "values": ["no"]}]}
"""Every service but those that say no; without a selector Cilium would advertise none."""


class Session(NamedTuple):
    """A BGP session of a node with a router of its rack, as the node sees it."""

    node: str
    peer: str
    address: str
    asn: int


def objects(site: Site) -> list[dict[str, Any]]:
    """Return the objects in the order in which they have to exist; the password's Secret comes before them."""
    configs = (_cluster_config(site, rack) for rack in _occupied(site))
    return [*_pools(site), _advertisement(site), _peer_config(site), *_overrides(site), *configs]


def sessions(site: Site) -> list[Session]:
    """Return the sessions of each node; links to routers that do not exist are left out."""
    return [
        Session(node.name, link.router, str(link.address), site.router(link.router).asn)
        for rack in site.racks
        for node in site.nodes_of(rack.name)
        for link in rack.links
        if link.router in site.router_names
    ]


def router_id_pool(site: Site) -> str | None:
    """Return the range from which Cilium gives router ids away; None: each node has its address, unless it says so."""
    control: Any = site.cilium.values.get("bgpControlPlane")
    allocation: Any = (control.get("routerIDAllocation") if isinstance(control, Mapping) else None) or {}
    return str(allocation.get("ipPool", "")) if allocation.get("mode") == "ip-pool" else None


def router_addresses(site: Site) -> list[str]:
    """Return the addresses at which routers answer nodes, each once."""
    return sorted({session.address for session in sessions(site)})


def address_at(link: Link, node: Node) -> IPv4Address:
    """Return the address by which a router knows a node; its own where a waiver lets it have none in their segment."""
    return node.address_in(link.subnet) or node.address


def _occupied(site: Site) -> list[Rack]:
    return [rack for rack in site.racks if site.nodes_of(rack.name)]


def _object(kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _pools(site: Site) -> list[dict[str, Any]]:
    """Return the pool of the addresses of services of type LoadBalancer, where the site has some."""
    blocks = [{"cidr": str(network)} for network in site.addresses.load_balancers]
    spec = {"blocks": blocks, "allowFirstLastIPs": "No"}
    return [_object("CiliumLoadBalancerIPPool", POOL, spec)] if blocks else []


def cluster_config(rack: str) -> str:
    """Return the name of the object that gives a rack's nodes their sessions."""
    return f"underlay-{rack}"


def usable(pool: IPv4Network) -> int:
    """Return how many addresses of a pool services may get: its first and last stay free, as `_pools` says."""
    return pool.num_addresses - (2 if pool.prefixlen < WHOLE else 0)


def _advertisement(site: Site) -> dict[str, Any]:
    """Return what the nodes advertise: their pods, and the services' addresses where the site has a pool of them."""
    marks = {"attributes": {"communities": {"standard": list(site.bgp.communities)}}} if site.bgp.communities else {}
    told: list[dict[str, Any]] = [{"advertisementType": "PodCIDR", **marks}]
    if site.addresses.load_balancers:
        service = {"addresses": ["LoadBalancerIP"]}
        told.append({"advertisementType": "Service", "service": service, "selector": EVERY_SERVICE, **marks})
    return _object(ADVERTISEMENT_KIND, ADVERTISEMENT, {"advertisements": told}, dict(LABELS))


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


def _overrides(site: Site) -> Iterator[dict[str, Any]]:
    """Yield what Cilium's operator changes of a node's instance: the router id alone, of nodes that declare one."""
    for node in site.nodes:
        if node.router_id:
            instance = {"name": INSTANCE, "routerID": str(node.router_id)}
            yield _object(OVERRIDE_KIND, node.name, {"bgpInstances": [instance]})


def overridden(spec: Mapping[str, Any]) -> list[str]:
    """Return in words what an override changes of a node's sessions; of instances that are not ours nothing."""
    told = []
    for instance in spec.get("bgpInstances") or ():
        if instance.get("name") == INSTANCE:
            told += [f"{word} {instance[key]}" for key, word in OVERRIDES.items() if instance.get(key) is not None]
            peers = [one for one in instance.get("peers") or () if one.get("localAddress")]
            told += [f"address {one['localAddress']} towards {one.get('name')}" for one in peers]
    return told


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
    return _object("CiliumBGPClusterConfig", cluster_config(rack.name), spec)
