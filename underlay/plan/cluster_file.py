"""The installer's file `cluster-<name>.yaml`: its name and the keys that follow from the site."""

from __future__ import annotations

from underlay.model import Node, Site

NETWORK_MODE = "underlay"
"""What the vendor calls native routing."""
MASTERS = 3
"""The file has room for so many control-plane nodes: MASTER-1 to MASTER-3."""

Keys = dict[str, str | bool | int]

OWNED = (
    *(f"MASTER-{number}" for number in range(1, MASTERS + 1)),
    "EXTERNAL_LOAD_BALANCE_IP",
    "VIRTUAL_IP",
)
"""Keys of which the site decides whether they have a value at all."""
PASSWORD = "PASSWORD"  # noqa: S105 - the name of the key
"""Key of the masters' SSH password, in clear text: only the file itself may hold it."""


def file_name(site: Site) -> str:
    """Return the file's name, which the vendor derives from the cluster's."""
    return f"cluster-{site.cluster.name}.yaml"


def file_keys(site: Site) -> Keys:
    """Return the keys in the vendor's order; every other key of an existing file stays as it is."""
    return {
        "USERNAME": masters(site)[0].management.user,
        **{f"MASTER-{number}": str(node.address) for number, node in enumerate(masters(site), start=1)},
        **_entrance(site),
        "NETWORK_PROVIDER": "cilium",
        "CILIUM_IPV4POOL_CIDR": str(site.addresses.pods.native),
        **_bgp(site),
        **_load_balancers(site),
        "CILIUM_NETWORK_MODE": NETWORK_MODE,
        "PROXY_MODE": "ebpf" if site.cilium.kube_proxy_replacement else "iptables",
    }


def empty_keys(site: Site) -> list[str]:
    """Return the keys that have no value in an existing file: of masters that are gone, of the other entrance."""
    return [key for key in OWNED if key not in file_keys(site)]


def masters(site: Site) -> list[Node]:
    """Return the control-plane nodes in the order of the declaration."""
    return [node for node in site.nodes if node.role == "control-plane"]


def _entrance(site: Site) -> Keys:
    address = site.cluster.api.address
    if any(node.address == address for node in masters(site)):
        return {"ACCESS_EXTERNAL_LOAD_BALANCE": False, "VIRTUAL_IP": str(address)}
    return {"ACCESS_EXTERNAL_LOAD_BALANCE": True, "EXTERNAL_LOAD_BALANCE_IP": str(address)}


def _load_balancers(site: Site) -> Keys:
    pools = site.addresses.load_balancers
    return {"LOAD_BALANCER_CIDR": str(pools[0])} if pools else {}


def _bgp(site: Site) -> Keys:
    """Return the vendor's own BGP switch: off, unless declared; two owners of BGP would undo each other."""
    declared = site.cluster.file_bgp
    if declared is None:
        return {"CILIUM_BGP_ENABLE": False}
    return {
        "CILIUM_BGP_ENABLE": True,
        "CILIUM_BGP_PEER_ADDRESS": str(declared.peer),
        "CILIUM_BGP_PEER_ASN": declared.asn,
    }
