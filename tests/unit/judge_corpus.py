"""The evidence of any site where all is well, made from its declaration, for the corpus of sites."""

from __future__ import annotations

from typing import Any

from tests.unit.judge_site import HOST, LXC, POD, PROTOCOLS, SERVICE, agent_pod, counter, exchanges, healthy
from underlay.model import HostRouting, Node, Site
from underlay.plan.ends import Read, declared_ends
from underlay.plan.verification import Expected

Data = dict[str, Any]
KEYS = {"rp_filter": 2, "forwarding": 1, "ignore_routes_with_linkdown": 1}
NIC = ({"name": "cil_from_netdev"}, {"name": "cil_to_netdev", "hook": "egress"})


class Corpus:
    """A site's healthy evidence."""

    def __init__(self, site: Site, expected: Expected) -> None:
        """Give each node the next part of the pools, as Cilium does."""
        self.site, self.expected = site, expected
        self.ends: Read = declared_ends(site)
        pods = site.addresses.pods
        networks = (network for pool in pods.pools for network in pool.subnets(new_prefix=pods.mask))
        self.networks = {node.name: next(networks) for node in site.nodes}
        self.pods = {name: str(network[5]) for name, network in self.networks.items()}
        self.numbers = {node.name: number for number, node in enumerate(site.nodes)}
        self.usual = healthy()

    def evidence(self) -> Data:
        """Return what everybody says."""
        managed = [router.name for router in self.site.routers if router.managed]
        return {
            "taken": "2026-01-02T03:04:05Z",
            "seconds": 4.2,
            "survey": {
                "nodes": {node.name: self._seen(node) for node in self.site.nodes},
                "dns": [str(self.site.dns)],
                "service": {"address": SERVICE, "pods": [*self.pods.values()]},
                "edited": [],
                "daemon": [],
                "revision": self.usual["survey"]["revision"],
            },
            "nodes": {node.name: self._report(node) for node in self.site.nodes},
            "routers": {name: self._router(name) for name in managed},
            "errors": {},
        }

    def _seen(self, node: Node) -> Data:
        ends = self.ends.nodes[node.name]
        sessions = [{"address": to, "asn": end.peer_asn, "state": "established"} for to, end in ends.items()]
        return {
            **self.usual["survey"]["nodes"]["worker-1"],
            "sessions": sessions,
            "pod_cidrs": [str(self.networks[node.name])],
            "probe": self.pods[node.name],
            "ends": {to: end.model_dump() for to, end in ends.items()},
        }

    def _ways(self, node: Node, other: str) -> list[tuple[str, str]]:
        """Return device and next hop of each way to another node's pods."""
        rack = self.site.rack(node.rack)
        far = self.site.node(other)
        if self.site.cilium.direct_node_routes and far.rack == node.rack:
            hops = [(far.address, subnet) for subnet in rack.subnets if far.address in subnet]
        else:
            hops = [(hop, subnet) for hop in rack.gateways for subnet in rack.subnets if hop in subnet]
        names = {uplink.name: uplink.address or node.address for uplink in node.uplinks}
        return [(next(name for name, own in names.items() if own in subnet), str(hop)) for hop, subnet in hops]

    def _report(self, node: Node) -> Data:
        number, own = self.numbers[node.name], self.pods[node.name]
        others = self.expected.partners(node.name)
        link = {uplink.name: place for place, uplink in enumerate(node.uplinks, 3)}
        rows = [row for other in others for protocol in PROTOCOLS for row in self._rows(node, other, protocol, link)]
        return {
            **self.usual["nodes"]["worker-1"],
            "host": node.name,
            "namespace": HOST + number,
            "pod": self._pod(number, own),
            "facts": self._facts(node, others, link),
            "probes": [{"node": other, "address": self.pods[other], **self._pod_exchanges(node)} for other in others],
            **self._beyond(node),
            "counters": rows,
            "dns": {
                "server": str(self.site.dns),
                "name": "kubernetes.default.svc.cluster.local",
                "answers": [str(self.site.addresses.services[1])],
                "asked": 1,
                "ms": 1.5,
            },
        }

    def _packet(self, node: Node) -> int:
        return self.site.cilium.mtu or min(uplink.mtu for uplink in node.uplinks)

    def _pod(self, number: int, own: str) -> Data:
        link = {"device": "eth0", "ifindex": 8, "mtu": self._packet(self.site.nodes[number]), "host_ifindex": LXC}
        return {"address": own, "namespace": POD + number} | link

    def _rows(self, node: Node, other: str, protocol: int, link: dict[str, int]) -> list[Data]:
        number, there = self.numbers[node.name], (self.pods[node.name], self.pods[other], protocol)
        back = (there[1], there[0], protocol)
        found = []
        for device, hop in self._ways(node, other):
            place: Data = {"ifindex": link[device]}
            found += [counter("sent", number, *there, **place), counter("received", number, *back, **place)]
            found += [counter("routed", number, *there, gateway=hop, table=254, **place)]
        return found

    def _pod_exchanges(self, node: Node) -> Data:
        return exchanges(self.pods[node.name], self._packet(node))

    def _beyond(self, node: Node) -> Data:
        """Return what the service, a far pod and a far node answered, as on the usual site."""
        usual, other = self.usual["nodes"]["worker-1"], self.expected.following(node.name)
        own = {kind: item | {"by": self.pods[node.name]} for kind, item in self._pod_exchanges(node).items()}
        served = {"service": usual["service"] | {kind: own[kind] for kind in ("tcp", "udp", "http")}}
        if other is None:
            return served | {"from_node": None, "to_node": None}
        far = {"node": other, "address": self.pods[other]}
        return served | {
            "from_node": far | exchanges(str(node.address), self._packet(node)),
            "to_node": usual["to_node"] | {"node": other, "address": str(self.site.node(other).address)},
        }

    def _facts(self, node: Node, others: tuple[str, ...], link: dict[str, int]) -> Data:
        bpf = self.site.cilium.host_routing is HostRouting.BPF
        home = {"type": "unicast", "device": "lxc1", "table": 254}
        names = [*link, "lxc1"]
        program = {"hook": "ingress", "kind": "tcx", "id": 1}
        sysctls = {"ip_forward": 1, "all/rp_filter": 0}
        sysctls |= {f"{name}/{key}": value for name in names for key, value in KEYS.items()}
        mtus = {uplink.name: uplink.mtu for uplink in node.uplinks} | {"lxc1": self._packet(node)}
        numbers = link | {"lxc1": LXC}
        usual = self.usual["nodes"]["worker-1"]["facts"]
        gateways = self.site.rack(node.rack).gateways
        return {
            **usual,
            "links": [
                {"name": name, "ifindex": numbers[name], "kind": None, "mtu": mtus[name], "up": True} for name in names
            ],
            "addresses": [str(node.address)],
            "programs": {name: [program | one for one in NIC] for name in link}
            | {"lxc1": [program | {"name": "cil_from_contai"}]},
            "routes": [{"target": "default", "table": 254, "hops": [str(hop) for hop in gateways]}],
            "lookups": [
                {"target": self.pods[other], "out": way, "forwarded": way, "back": dict.fromkeys(link, home)}
                for other in others
                for device, hop in self._ways(node, other)[:1]
                for way in [{"type": "unicast", "device": device, "gateway": hop, "table": 254}]
            ],
            "sysctls": sysctls,
            "neighbours": [],
            "bgp": [{"local": str(node.address), "remote": to} for to in self.ends.nodes[node.name]],
            "service": {"kept": True, "ports": dict.fromkeys(("tcp", "udp", "http"), self._behind())},
            "policies": usual["policies"] | {"pods": [agent_pod(node.name, self.pods[node.name])]},
            "cilium": usual["cilium"]
            | {
                "host": {name: {"TunnelProtocol": 0, "EnableBPFHostRouting": bpf} for name in link},
                "options": dict(self.expected.options),
            },
        }

    def _behind(self) -> Data:
        return {"count": len(self.pods), "pods": [*self.pods.values()]}

    def _router(self, name: str) -> Data:
        plan = self.expected.router(name)
        hops = {
            str(network): [str(hop) for hop in self.expected.next_hops(name, node)]
            for node, network in self.networks.items()
        }
        known = {prefix: found for prefix, found in hops.items() if found}
        daemons = ("zebra", "bgpd") if plan.platform.value == "frr" else ("bird",)
        ends = {to: end.model_dump() for to, end in self.ends.routers[name].items()}
        ranges = {to: end.model_dump() for to, end in self.ends.ranges.get(name, {}).items()}
        return {
            **self.usual["routers"]["tor-a"],
            "processes": [{"name": daemon, "state": "S"} for daemon in daemons],
            "sessions": [
                {"address": str(one.address), "asn": one.asn, "state": "established"} for one in plan.sessions
            ],
            "table": known,
            "kernel": [
                {"target": prefix, "type": "unicast", "gateway": hop}
                for prefix, found in known.items()
                for hop in found
            ],
            "configuration": {"ends": ends, "ranges": ranges},
            "neighbours": [],
            "ports": [],
            "echoes": {self.pods[node]: True for node in self.expected.echoing(name)},
        }
