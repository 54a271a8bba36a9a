"""Damage that shows when something happens: routers spread anew, a node restarts or joins, a rule is added."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.balanced import OUTSIDE, Answer, Balanced, moved
from tests.lab.silent.measures import OTHER, Seen, answered, told
from tests.lab.silent.table import cases
from tests.lab.silent.world import World
from tests.lab.site import running, until
from tests.oracle.space import declare
from underlay.plan.policies import policy_objects
from underlay.plan.values import NAMESPACE

NODE = "worker-3"
FLOWS = 1000
REVIVE = 45.0
"""Seconds that an agent has to come back; a healthy one takes ten."""
EVERY = {"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["x"]}]}


def flows_move_with_the_router(world: World) -> Seen:
    """Send the same flows in by one node and then by another, as routers do that spread anew."""
    made = Balanced(running())
    with tempfile.TemporaryDirectory() as folder:
        try:
            made.start(Path(folder))
            address = made.serve(Path(folder), "spread")[OUTSIDE]
            by = [_entering(world, made, address, node) for node in ("172.30.1.11", "172.30.1.12")]
        finally:
            world.inside("tor-a", "sh", "-c", f"ip route del {address}/32 metric 1 || true")
            made.stop()
    count = moved(by[0], by[1])
    return count > FLOWS // 2, f"{count} of {FLOWS} flows get another backend when they enter by another node"


def _entering(world: World, made: Balanced, address: str, node: str) -> list[Answer]:
    made.forget()
    world.inside(
        "tor-a", "sh", "-c", f"ip route del {address}/32 metric 1; ip route add {address}/32 via {node} metric 1"
    )
    return made.flows(OUTSIDE, address, FLOWS)


def a_told_cluster_address_is_silent(world: World) -> Seen:
    """Tell the routers the service's cluster address by hand, and ask it from outside."""
    address = world.service()["cluster"]
    wanted = {"advertisementType": "Service", "service": {"addresses": ["ClusterIP"]}, "selector": EVERY}
    metadata = {"name": "by-hand", "labels": {"underlay/advertises": "pods"}}
    item = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumBGPAdvertisement",
        "metadata": metadata,
        "spec": {"advertisements": [wanted]},
    }
    world.kubectl("apply", "-f", "-", text=json.dumps(item))
    try:
        there = until(lambda: address in world.inside("client", "ip", "route"), 30)
        answers = world.client_asks(address, 80)
        world.noted = world.verdict({})
    finally:
        world.kubectl("delete", "ciliumbgpadvertisement", "by-hand")
    way = "has a route" if there else "has no route, because the routers' filters take planned networks alone"
    return not answered(answers), f"the client {way}; its connections: {told(answers)}"


def a_restarted_node_stays_without_agent(world: World) -> Seen:
    """Power-cycle a node, as the old programs answer at the cluster address as long as it runs."""
    world.run(sys.executable, "-m", "lab", "restart", NODE)
    begun = time.monotonic()
    back = until(lambda: bool(world.agent(NODE)) and time.monotonic() - begun > 15, REVIVE)
    world.noted = world.verdict({})
    return not back, f"{NODE}: {'the agent is back' if back else f'no agent {REVIVE:.0f} s after a restart'}"


def join_anew(world: World) -> None:
    """Let a node join anew: its record of the pool is taken away, and its agent restarts."""
    world.kubectl("delete", "ciliumnode", NODE)
    words = ("pod", "-l", "k8s-app=cilium", f"--field-selector=spec.nodeName={NODE}", "--now")
    world.kubectl("-n", NAMESPACE, "delete", *words)


def a_new_node_gets_no_pods(world: World) -> Seen:
    """Let a node join anew and wait for its share of the pool."""
    join_anew(world)
    back = until(lambda: bool(_share(world)), REVIVE)
    world.noted = world.verdict({})
    return not back, f"{NODE} joins: networks for its pods: {_share(world) or 'none'} after {REVIVE:.0f} s"


def _share(world: World) -> list[str]:
    items = world.objects("ciliumnodes")["items"]
    return [
        one
        for item in items
        if item["metadata"]["name"] == NODE
        for one in item["spec"].get("ipam", {}).get("podCIDRs", ())
    ]


def a_new_node_loses_the_api(world: World) -> Seen:
    """Let a node join anew and ask the API server from it."""
    join_anew(world)
    until(lambda: bool(_share(world)), REVIVE)
    lost = until(lambda: not _reaches_api(world), REVIVE)
    world.noted = world.verdict({})
    way = world.inside(NODE, "ip", "route", "get", "172.30.1.11").split("\n")[0]
    return lost, f"{NODE} has {_share(world)}; it {'no longer reaches' if lost else 'reaches'} the API: {way}"


def _reaches_api(world: World) -> bool:
    line = "import socket; socket.create_connection(('172.30.1.11', 6443), 2)"
    return "yes" in world.inside(NODE, "sh", "-c", f'python3 -c "{line}" 2>/dev/null && echo yes || echo no')


def a_node_loses_its_own_address(world: World) -> Seen:
    """Give a node a rule that sends the fabric's traffic by the gateway, and ask the node by its own address."""
    local = [line.split(":")[0] for line in world.inside(OTHER, "ip", "rule").splitlines() if "lookup local" in line]
    world.inside(
        OTHER,
        "sh",
        "-c",
        "ip route add default via 172.30.1.1 table 250; ip rule add pref 50 to 172.30.0.0/16 lookup 250",
    )
    try:
        lost = "100% packet loss" in world.inside("tor-a", "sh", "-c", "ping -c 3 -W 1 172.30.1.12 || true")
        world.noted = world.verdict({"cilium.l7_proxy": True})
    finally:
        world.inside(OTHER, "sh", "-c", "ip rule del pref 50; ip route flush table 250")
    return (
        lost,
        f"the table of own addresses is asked at {', '.join(local)}; {OTHER} {'is lost' if lost else 'answers'}",
    )


def nodes_lose_their_routers(world: World) -> Seen:
    """Apply the policy of nodes that forgets BGP, and count the sessions that are left."""
    case = next(one for one in cases() if one.measure == nodes_lose_their_routers.__name__)
    items = policy_objects(declare(case.bad).site)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    world.kubectl("apply", "-f", "-", text=text)
    try:
        until(lambda: _sessions(world) == 0, 60)
        left = _sessions(world)
        world.noted = world.verdict({"cilium.host_firewall": True})
    finally:
        world.kubectl("delete", "-f", "-", text=text)
    return left == 0, f"{left} of 4 sessions of nodes are established"


def _sessions(world: World) -> int:
    items = world.objects("ciliumbgpnodeconfigs")["items"]
    peers = [
        peer
        for item in items
        for one in item.get("status", {}).get("bgpInstances", ())
        for peer in one.get("peers", ())
    ]
    return sum(peer.get("peeringState") == "established" for peer in peers)
