"""Fabrics for the examples of rules about paths: the dev site grown by a third router, tor-c, with its sessions."""

from __future__ import annotations

from underlay.plan.checks.registry import Example

Data = dict[str, object]

NUMBERS = {"tor-a": 65101, "tor-b": 65102, "tor-c": 65103}
TWO_ROUTERS = (
    {"router": "tor-b", "subnet": "172.30.2.0/24", "address": "172.30.2.1"},
    {"router": "tor-c", "subnet": "172.30.2.0/24", "address": "172.30.2.2"},
)


def three(*links: tuple[str, str], number: int = 0, redundant: bool = True) -> Example:
    """Return a fabric of tor-a, tor-b and tor-c with these links, all of one number if it is given.

    Rack-b has tor-b and tor-c as its routers where it is redundant, else tor-b alone.
    """
    numbers = {name: number or own for name, own in NUMBERS.items()}
    sessions: dict[str, list[Data]] = {name: [] for name in NUMBERS}
    for at, (one, other) in enumerate(links):
        near, far = f"172.30.255.{4 * at + 8}", f"172.30.255.{4 * at + 9}"
        sessions[one].append({"name": other, "asn": numbers[other], "local": near, "remote": far})
        sessions[other].append({"name": one, "asn": numbers[one], "local": far, "remote": near})
    routers: Data = {f"routers.{at}.asn": numbers[name] for at, name in enumerate(("tor-a", "tor-b"))}
    routers |= {f"routers.{at}.neighbors": sessions[name] for at, name in enumerate(("tor-a", "tor-b"))}
    third = {
        "name": "tor-c",
        "platform": "frr",
        "asn": numbers["tor-c"],
        "managed": False,
        "neighbors": sessions["tor-c"],
    }
    rack = {"racks.1.egress": "anycast-gateway", "racks.1.links": [*TWO_ROUTERS], "racks.1.gateway": "172.30.2.254"}
    return {**routers, "routers.2": third, **(rack if redundant else {})}


A_B, A_C, B_C = ("tor-a", "tor-b"), ("tor-a", "tor-c"), ("tor-b", "tor-c")
