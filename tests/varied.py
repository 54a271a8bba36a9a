"""Sites of many shapes from a seed: racks of every egress, chains and spines, shared and own numbers; small ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Data = dict[str, Any]
EGRESS = ("single", "ecmp-link-state", "anycast-gateway", "vrrp")


class Builder:
    """Grows a site; addresses follow from counters."""

    def __init__(self, base: Data) -> None:
        """Start from everything of a site that is neither rack, router nor node."""
        self.site: Data = {**base, "racks": [], "routers": [], "nodes": [], "security_groups": []}
        self._links = self._segments = 0

    def router(self, name: str, asn: int) -> str:
        """Add a router and return its name."""
        number = len(self.site["routers"])
        management = {"address": f"192.168.{250 + number // 100}.{100 + number % 100}", "user": "root"}
        platform = "frr" if number % 2 else "bird"
        managed = {"managed": True, "management": management} if number < 100 else {"managed": False}
        self.site["routers"].append({"name": name, "platform": platform, "asn": asn, "neighbors": [], **managed})
        return name

    def join(self, one: str, other: str) -> None:
        """Add the link and the session between two routers."""
        by_name = {router["name"]: router for router in self.site["routers"]}
        first = 2 * self._links
        ends = [f"172.{28 + (first + n) // 65536}.{(first + n) // 256 % 256}.{(first + n) % 256}" for n in (0, 1)]
        self._links += 1
        for (mine, theirs), (local, remote) in zip([(one, other), (other, one)], [ends, ends[::-1]], strict=True):
            session = {"name": theirs, "asn": by_name[theirs]["asn"], "local": local, "remote": remote}
            by_name[mine]["neighbors"].append(session)

    def rack(self, egress: str, routers: list[str], nodes: int) -> str:
        """Add a rack with nodes and return its name."""
        name = f"rack-{len(self.site['racks']) + 1}"
        shared = egress in {"anycast-gateway", "vrrp"}
        subnets = [self._segment()] * len(routers) if shared else [self._segment() for _ in routers]
        links = [
            {"router": router, "subnet": f"{subnet}.0/24", "address": f"{subnet}.{number + 1}"}
            for number, (router, subnet) in enumerate(zip(routers, subnets, strict=True))
        ]
        gateway = {"gateway": f"{subnets[0]}.254"} if shared else {}
        self.site["racks"].append({"name": name, "egress": egress, "links": links, **gateway})
        for place in range(nodes):
            self._node(name, list(dict.fromkeys(subnets)), 11 + place)
        return name

    def _segment(self) -> str:
        self._segments += 1
        return f"172.{16 + self._segments // 256}.{self._segments % 256}"

    def _node(self, rack: str, subnets: list[str], place: int) -> None:
        number = len(self.site["nodes"])
        several = len(subnets) > 1
        uplinks = [
            {"name": f"eth{at}", "mtu": 1500, "source_destination_check": "disabled"}
            | ({"address": f"{subnet}.{place}"} if several else {})
            for at, subnet in enumerate(subnets)
        ]
        self.site["nodes"].append(
            {
                "name": f"n{number + 1}",
                "role": "worker" if number else "control-plane",
                "rack": rack,
                "address": f"{subnets[0]}.{place}",
                "management": {"address": f"192.168.{128 + number // 200}.{number % 200 + 1}", "user": "root"},
                "uplinks": uplinks,
            }
        )

    def done(self) -> Data:
        """Return the site; the API's address is that of the first node."""
        self.site["cluster"] = {
            **self.site["cluster"],
            "api": {"address": self.site["nodes"][0]["address"], "port": 6443},
        }
        return self.site


def base(dev: Data, *, direct: bool) -> Data:
    """Return the dev site's other keys with ranges that hold grown sites."""
    addresses = {
        "pods": {"pools": ["10.64.0.0/12"], "mask": 24},
        "services": "10.96.0.0/16",
        "out_of_band": "192.168.128.0/17",
        "fabric": ["172.28.0.0/15"],
        "external": [],
    }
    return {**dev, "addresses": addresses, "cilium": {**dev["cilium"], "direct_node_routes": direct}}


def varied(dev: Data, seed: int) -> Data:
    """Return a site of a random shape: two to four racks, up to eight routers, up to eight nodes."""
    dice = random.Random(seed)
    site = Builder(base(dev, direct=dice.random() < 0.4))
    SHAPES[seed % len(SHAPES)](site, dice)
    return site.done()


def _leaves(site: Builder, dice: random.Random, number: int, numbering: str) -> list[list[str]]:
    """Add racks, each with routers of its own, and return these rack by rack."""
    racks = []
    for rack in range(number):
        egress = dice.choice(EGRESS)
        count = 1 if egress == "single" else dice.choice([2, 2, 3]) if number < 3 else 2
        first = 65101 + 10 * rack
        asns = {"own": [first + at for at in range(count)], "rack": [first] * count, "all": [65100] * count}[numbering]
        leaves = [site.router(f"leaf-{rack + 1}{'abc'[at]}", asn) for at, asn in enumerate(asns)]
        site.rack(egress, leaves, dice.choice([1, 2, 2]))
        racks.append(leaves)
    return racks


def _spine(site: Builder, dice: random.Random) -> None:
    numbering = dice.choice(["own", "own", "rack", "rack", "all"])
    spines = [site.router(f"spine-{number + 1}", 65001) for number in range(dice.choice([1, 2, 2]))]
    inner = dice.random() < 0.5
    for leaves in _leaves(site, dice, dice.choice([2, 3]), numbering):
        for leaf in leaves:
            for spine in spines if dice.random() < 0.8 else dice.sample(spines, 1):
                site.join(leaf, spine)
        if inner:
            _ring(site, leaves)


def _ring(site: Builder, routers: list[str]) -> None:
    for one, other in pairwise(routers):
        site.join(one, other)


def _chain(site: Builder, dice: random.Random) -> None:
    inner = dice.random() < 0.3
    routers = [
        site.router(f"tor-{number + 1}", 65101 if inner else 65101 + number) for number in range(dice.choice([2, 3, 4]))
    ]
    _ring(site, routers)
    if dice.random() < 0.4 and len(routers) > 2:
        site.join(routers[-1], routers[0])
    for router in routers[:: 1 if dice.random() < 0.7 else 2]:
        site.rack("single", [router], dice.choice([1, 2]))


def _pair(site: Builder, dice: random.Random) -> None:
    """Add two routers that serve all racks together, and a third one behind them with a rack of its own."""
    same = dice.random() < 0.5
    pair = [site.router("core-a", 65101), site.router("core-b", 65101 if same else 65102)]
    if dice.random() < 0.6:
        _ring(site, pair)
    for _ in range(dice.choice([1, 2, 3])):
        site.rack(dice.choice(EGRESS[1:]), pair, dice.choice([1, 2]))
    if dice.random() < 0.7:
        site.router("edge", 65103)
        for core in pair if dice.random() < 0.7 else pair[:1]:
            site.join(core, "edge")
        site.rack("single", ["edge"], dice.choice([1, 2]))


def _nodes_like_a_router(site: Builder, dice: random.Random) -> None:
    """Add routers of which one has the nodes' own number."""
    routers = [site.router(f"tor-{number + 1}", 65101 + number) for number in range(2)]
    site.site["bgp"] = {**site.site["bgp"], "asn": 65101}
    _ring(site, routers)
    for router in routers if dice.random() < 0.5 else routers[:1]:
        site.rack("single", [router], 2)


Shape = Callable[[Builder, random.Random], None]
SHAPES: tuple[Shape, ...] = (_spine, _chain, _spine, _pair, _spine, _nodes_like_a_router)


def leaf_spine(dev: Data, racks: int, nodes: int, *, spines: int = 2) -> Data:
    """Return a fabric of racks with two routers of one number each, under spines."""
    site = Builder(base(dev, direct=False))
    tops = [site.router(f"spine-{number + 1}", 64999) for number in range(spines)]
    for rack in range(racks):
        pair = [site.router(f"leaf-{rack + 1}{side}", 65101 + rack) for side in "ab"]
        _ring(site, pair)
        for leaf in pair:
            for spine in tops:
                site.join(leaf, spine)
        site.rack("ecmp-link-state", pair, nodes)
    return site.done()
