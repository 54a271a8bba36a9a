"""A site's machines as namespaces, with the routes that the plan forecasts, and packets between all pods."""

from __future__ import annotations

import select
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar

from lab.fabric import connect, power, run_ip
from lab.hardware import SEGMENT, VIRTUAL_MAC, Cable, Hardware, hardware
from lab.namespaces import enter_network
from lab.routers import SYSCTLS
from underlay.model import Egress, Node, Site
from underlay.plan.paths import Kind, Loss, solve
from underlay.plan.paths.losses import WHOLE, State, after
from underlay.plan.paths.routes import Routes, spread
from underlay.plan.prerequisites import settings

T = TypeVar("T")
FLOWS = 24
"""Connections for each pair of pods: two next hops share them, and all take the same one once in 2**23 times."""
PORT = 5000
QUIET = 0.15
"""Seconds without a packet after which none is on its way any more; address resolution needs a few milliseconds."""
FORCED_BUFFER, WAITING = 33, 4 << 20
"""The option SO_RCVBUFFORCE, SO_RCVBUF for whom the system's limit does not bind, and bytes that wait in a receiver:
its ordinary 208 KiB are full after some 250 packets that nobody has read."""
MANAGEMENT = "mgmt0"
"""The port to the operator, which no packet of a pod takes."""
OURS = "186"
"""The number that routes of BGP have in the kernel."""


class Case(NamedTuple):
    """One loss and, where a gateway is shared, who has it."""

    loss: Loss | None
    holder: int


class World:
    """A site's machines as namespaces."""

    def __init__(self, site: Site) -> None:
        """Build and boot everything; routers hold no routes yet."""
        self.site, self.hardware = site, hardware(site)
        self.solution = solve(site)
        self.first = {rack.name: site.nodes_of(rack.name)[0].name for rack in self.solution.fabric.racks}
        power(self.hardware)
        for name in self.hardware.machines:
            self._inside(name, partial(self._boot, name))
        networks = site.addresses.pods.pools[0].subnets(new_prefix=site.addresses.pods.mask)
        self.networks = {node.name: str(network) for node, network in zip(site.nodes, networks, strict=False)}
        self.pods = {name: str(IPv4Network(network)[10]) for name, network in self.networks.items()}
        self.sockets = {node.name: self._inside(node.name, partial(self._pod, node)) for node in site.nodes}
        self._round = count()

    def _inside(self, name: str, work: Callable[[], T]) -> T:
        """Run something in a machine's network: a thread's network is its own."""
        result: list[T] = []

        def run() -> None:
            enter_network(name)
            result.append(work())

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return result[0]

    def _boot(self, name: str) -> None:
        machine = self.hardware.machines[name]
        connect(machine, self.hardware)
        if machine.kind == "node":
            node = self.site.node(name)
            # the last one is Cilium's own; see its loader
            wanted = settings(self.site, node) | {"net/ipv4/fib_multipath_use_neigh": "1"}
        else:
            lines = [line.partition(" = ") for line in SYSCTLS.splitlines()]
            wanted = {key.replace(".", "/"): value for key, _, value in lines}
        for pattern, value in wanted.items():
            for path in Path("/proc/sys").glob(pattern):
                path.write_text(value)

    def _pod(self, node: Node) -> list[socket.socket]:
        """Give a node its pod and the routes that Cilium would give it; return a receiver, then the senders."""
        address = self.pods[node.name]
        lines = [f"address add {address}/32 dev lo"]
        if self.site.cilium.direct_node_routes:
            others = (one for one in self.site.nodes_of(node.rack) if one.name != node.name)
            lines += [f"route add {self.networks[one.name]} via {one.address}" for one in others]
        run_ip(lines)
        return talkers(address)

    def cables(self, loss: Loss) -> Iterator[tuple[str, str]]:
        """Yield machine and port of everything that goes down with a loss."""
        return lost_ports(self.hardware, self.first, loss)

    def set_ports(self, loss: Loss | None, state: str) -> None:
        """Take the ports of a loss down or up."""
        ports: dict[str, list[str]] = {}
        for machine, port in self.cables(loss) if loss else ():
            ports.setdefault(machine, []).append(f"link set {port} {state}")
        for machine, lines in ports.items():
            run_ip(lines, machine)

    def install(self, loss: Loss | None) -> None:
        """Give each router the routes that the solver says it holds after a loss."""
        tables = {node.name: self.routes(node, loss) for node in self.site.nodes}
        for router in self.site.routers:
            lines = [
                f"route add {self.networks[node]} proto {OURS} {self.hops(router.name, self.site.node(node), table)}"
                for node, table in tables.items()
                if router.name in table
            ]
            run_ip([f"route flush proto {OURS}", *lines], router.name)

    def routes(self, node: Node, loss: Loss | None) -> Routes:
        """Return the routers' routes to one node's pods after a loss."""
        only_one = loss is not None and loss.kind in {Kind.UPLINK, Kind.AGENT}
        if only_one and node.name != self.first[loss.other if loss else ""]:
            return self._spread(node.rack, WHOLE)
        if loss and loss.kind is Kind.AGENT:
            return {}
        return self._spread(node.rack, after(loss) if loss else WHOLE)

    def _spread(self, rack: str, state: State) -> Routes:
        return spread(self.solution.fabric, self.solution.group(rack), state)[0]

    def hops(self, router: str, node: Node, table: Routes) -> str:
        """Return a router's next hops to a node's pods, in the words of `ip`."""
        if via := table[router].via:
            remotes = {peer.name: peer.remote for peer in self.site.router(router).neighbors}
            return " ".join(f"nexthop via {remotes[peer]}" for peer in via)
        link = next(link for link in self.site.rack(node.rack).links if link.router == router)
        return f"nexthop via {node.address_in(link.subnet)}"

    def give_gateways(self, case: Case) -> None:
        """Let one router have each shared gateway: alone with VRRP, as the one that the switch prefers with anycast."""
        for rack in self.site.racks:
            if holder := self.holder(rack.name, case):
                give(self, rack.name, holder)

    def holder(self, rack: str, case: Case) -> str:
        """Return the router that a shared gateway's packets reach; empty for other racks."""
        state = after(case.loss) if case.loss else WHOLE
        group = self.solution.group(rack)
        senders = state.senders(group)
        return senders[case.holder % len(senders)] if group.shared and senders else ""

    def arrivals(self) -> Counter[tuple[str, str]]:
        """Send on each connection of each pair once, and return how many packets arrived by pair."""
        mark = str(next(self._round))
        seen: Counter[tuple[str, str]] = Counter()
        for source, (_, *senders) in self.sockets.items():
            for target, address in self.pods.items():
                for sender in senders if source != target else ():
                    _send(sender, f"{mark} {source}", address)
            self._collect(mark, seen, 0.0)
        self._collect(mark, seen, QUIET)
        return seen

    def _collect(self, mark: str, seen: Counter[tuple[str, str]], patience: float) -> None:
        receivers = {sockets[0]: name for name, sockets in self.sockets.items()}
        while ready := select.select([*receivers], [], [], patience)[0]:
            for one in ready:
                told, _, source = one.recv(100).decode().partition(" ")
                if told == mark:
                    seen[source, receivers[one]] += 1


def talkers(address: str) -> list[socket.socket]:
    """Return a receiver and senders with a pod's address, made in the network of whoever calls."""
    ports = [PORT, *range(PORT + 1, PORT + 1 + FLOWS)]
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
    sockets[0].setsockopt(socket.SOL_SOCKET, FORCED_BUFFER, WAITING)
    for one, port in zip(sockets, ports, strict=True):
        one.bind((address, port))
        one.setblocking(False)
    return sockets


def lost_ports(hardware: Hardware, first: Mapping[str, str], loss: Loss) -> Iterator[tuple[str, str]]:
    """Yield machine and port of everything that goes down with a loss; `first` is the node that stands for a rack."""
    for cable in hardware.cables:
        ends = {(cable.owner, cable.port), (cable.far, cable.far_port)}
        match loss.kind:
            case Kind.ROUTER:
                yield from (end for end in ends if end[0] == loss.router and end[1] != MANAGEMENT)
            case Kind.LINK if {cable.owner, cable.far} == {loss.router, loss.other}:
                yield cable.owner, cable.port
            case Kind.RACK_LINK if end := _of_rack(cable, loss):
                yield end
            case Kind.UPLINK if cable.owner == first[loss.other] and _leads(cable, loss.router):
                yield cable.far, cable.far_port


def _send(sender: socket.socket, text: str, address: str) -> None:
    try:
        sender.sendto(text.encode(), (address, PORT))
    except OSError:
        return  # no route, or an earlier packet was answered with one that says so: it does not arrive


def _of_rack(cable: Cable, loss: Loss) -> tuple[str, str] | None:
    """Return the router's end of a cable that is part of its place in a rack."""
    if cable.owner == loss.router and cable.bridge == SEGMENT and cable.far == f"switch_{loss.other}":
        return cable.owner, cable.port
    return (cable.far, cable.far_port) if cable.far == loss.router and cable.bridge == loss.other else None


def _leads(cable: Cable, router: str) -> bool:
    return cable.far == router and cable.bridge != ""


def give(world: World, rack: str, holder: str) -> None:
    """Move a shared gateway."""
    declared = world.site.rack(rack)
    if declared.egress is Egress.VRRP:
        for link in declared.links:
            run_ip([f"address flush dev gw-{rack}", f"link set gw-{rack} down"], link.router)
        run_ip([f"link set gw-{rack} up", f"address add {declared.gateway}/32 dev gw-{rack}"], holder)
    switch = f"switch_{rack}"
    port = next(cable.far_port for cable in world.hardware.cables if (cable.owner, cable.far) == (holder, switch))
    entry = ["fdb", "replace", VIRTUAL_MAC, "dev", port, "master", "static", "sticky"]
    subprocess.run(["bridge", "-n", switch, *entry], check=True)
