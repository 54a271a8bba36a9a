"""The installer's file `cluster-<name>.yaml`: its name and the keys that follow from the site."""

from __future__ import annotations

from underlay.model import Node, Site

MASTERS = 3
"""The file has room for so many control-plane nodes: MASTER-1 to MASTER-3."""

Keys = dict[str, str | bool]


OWNED = (*(f"MASTER-{number}" for number in range(1, MASTERS + 1)), "EXTERNAL_LOAD_BALANCE_IP", "VIRTUAL_IP")
"""Keys of which the site decides whether they are in the file at all."""


def file_name(site: Site) -> str:
    """Return the file's name, which the vendor derives from the cluster's."""
    return f"cluster-{site.cluster.name}.yaml"


def file_keys(site: Site) -> Keys:
    """Return the keys in the vendor's order; every other key of an existing file stays as it is."""
    return {
        "USERNAME": _masters(site)[0].management.user,
        **{f"MASTER-{number}": str(node.address) for number, node in enumerate(_masters(site), start=1)},
        **_entrance(site),
        "NETWORK_PROVIDER": "cilium",
        "CILIUM_IPV4POOL_CIDR": str(site.addresses.pods.native),
        "CILIUM_BGP_ENABLE": False,  # this program owns the BGP objects; two owners would undo each other
        "CILIUM_NETWORK_MODE": "underlay",
        "PROXY_MODE": "ebpf" if site.cilium.kube_proxy_replacement else "iptables",
    }


def absent_keys(site: Site) -> list[str]:
    """Return the keys that an existing file must not have: of masters that are gone, of the other kind of entrance."""
    return [key for key in OWNED if key not in file_keys(site)]


def _masters(site: Site) -> list[Node]:
    return [node for node in site.nodes if node.role == "control-plane"]


def _entrance(site: Site) -> Keys:
    address = site.cluster.api.address
    if any(node.address == address for node in _masters(site)):
        return {"ACCESS_EXTERNAL_LOAD_BALANCE": False, "VIRTUAL_IP": str(address)}
    return {"ACCESS_EXTERNAL_LOAD_BALANCE": True, "EXTERNAL_LOAD_BALANCE_IP": str(address)}
