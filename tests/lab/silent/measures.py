"""Looks for the damage of a silent error at the site as it is: whether harm is seen, and the figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.lab.silent.world import CLIENT, World
from tests.lab.site import until
from underlay.judge.node_checks import FALLBACK, TUNNEL_KINDS
from underlay.plan.far_ends import RESPONDER_NAMESPACE
from underlay.plan.values import NAMESPACE

Seen = tuple[bool, str]
"""Whether harm is seen, and what was seen."""
NEAR, FAR, OTHER = "worker-2", "worker-3", "worker-1"
PLUG_IN = "/etc/cni/net.d/99-site.conflist"
LATE = 60.0
"""Seconds in which agents that are ready come to hold their devices as they are told."""
STALE = 150.0
"""Seconds until routers forget the routes of sessions that do not come back (graceful restart: 120)."""


def told(answers: Iterable[str]) -> str:
    """Return how often each answer came."""
    return ", ".join(f"{count} of {one}" for one, count in Counter(answers).items())


def pods_see_nodes(world: World) -> Seen:
    """Look whose address pods see of each other."""
    own, target = world.pods()[OTHER][1], world.pods()[FAR][1]
    answers = world.ask_from(OTHER, target)
    return any(one != own for one in answers), f"the pod {own} is seen by the far pod as {told(answers)}"


def the_client_sees_pods(world: World) -> Seen:
    """Look whose address the client outside sees of a pod: its node's, unless it is not masqueraded."""
    own, answers = world.pods()[OTHER][1], world.ask_from(OTHER, CLIENT)
    return any(one == own for one in answers), f"the pod {own} is seen outside as {told(answers)}, not as its node"


def nodes_have_tunnels(world: World) -> Seen:
    """Look for tunnel devices, and for the MTU that is left."""
    found = {}
    for node in world.ground.nodes:
        links = json.loads(world.inside(node, "ip", "-j", "-d", "link"))
        kinds = {link["ifname"]: link.get("linkinfo", {}).get("info_kind") for link in links}
        found[node] = [name for name, kind in kinds.items() if kind in TUNNEL_KINDS and name not in FALLBACK]
    world.renew()
    names, mtu = sorted({name for many in found.values() for name in many}), _mtu(world, OTHER)
    return (
        all(found.values()),
        f"{', '.join(names) or 'no tunnel'} on {sum(map(bool, found.values()))} nodes; new pods have MTU {mtu}",
    )


def _mtu(world: World, node: str) -> str:
    name = world.pods()[node][0]
    return world.kubectl("-n", RESPONDER_NAMESPACE, "exec", name, "--", "cat", "/sys/class/net/eth0/mtu").strip()


def new_pods_have_another_mtu(world: World) -> Seen:
    """Make the pods anew and look at their MTU."""
    world.renew()
    mtu = _mtu(world, OTHER)
    return mtu != "1500", f"new pods have MTU {mtu}, the uplinks 1500"


def the_kernel_forwards(world: World) -> Seen:
    """Look at what was compiled into the uplinks' programs."""
    assert world.ground.evidence
    reports = world.ground.evidence.nodes.values()
    hosts = [report.facts.cilium.host or {} for report in reports if report.facts.cilium]
    off = [host for host in hosts if host.get("eth0", {}).get("EnableBPFHostRouting") in (False, 0)]
    return bool(off), f"EnableBPFHostRouting is off on {len(off)} of {len(hosts)} nodes, BPF is declared"


def services_are_silent(world: World) -> Seen:
    """Ask the service's address from outside, until nobody answers: agents are ready before devices are as told."""
    address, found = world.service()["outside"], [""]

    def silent() -> bool:
        found[:] = world.client_asks(address, 80)
        return not answered(found)

    until(silent, LATE)
    count, answers = answered(found), found
    return not count, f"{count} of {len(answers)} connections of the client to a service are answered"


def _features(world: World) -> dict[str, object]:
    words = ("exec", world.agent(OTHER), "-c", "cilium-agent", "--", "cilium-dbg", "status", "-o", "json")
    found: dict[str, object] = json.loads(world.kubectl("-n", NAMESPACE, *words))["kube-proxy-replacement"]["features"]
    return found


def socket_load_balancing_is_on(world: World) -> Seen:
    """Ask the running agent."""
    said = _features(world).get("socketLB")
    return isinstance(said, dict) and bool(said.get("enabled")), f"the running agent says socketLB {json.dumps(said)}"


def node_ports_are_on(world: World) -> Seen:
    """Ask a node's port from outside."""
    answers = world.client_asks("172.30.1.12", int(world.service()["port"]))
    count = answered(answers)
    return count > 0, f"{count} of {len(answers)} connections to a node's port are answered, although it is off"


def agents_run_on(world: World) -> Seen:
    """Compare the ConfigMap with what agents were started with."""
    assert world.ground.evidence
    option = "enable-host-legacy-routing"
    meant = world.objects("-n", NAMESPACE, "configmap", "cilium-config")["data"][option]
    reports = world.ground.evidence.nodes.values()
    run = [(report.facts.cilium.options or {}).get(option) for report in reports if report.facts.cilium]
    return all(one != meant for one in run), f"{option}: {meant} in the ConfigMap, {told(map(str, run))} in the agents"


def routers_know_no_pods(world: World) -> Seen:
    """Wait until the routers forget, and count what is left."""
    found = _forgotten(world)
    return not any(found.values()), f"pod networks in the kernels of the routers: {found}"


def _forgotten(world: World) -> dict[str, int]:
    until(lambda: not any(_routes(world).values()), STALE)
    world.noted = world.verdict({})
    return _routes(world)


def _routes(world: World) -> dict[str, int]:
    found = {}
    for router in ("tor-a", "tor-b"):
        rows = json.loads(world.inside(router, "ip", "-j", "route", "show"))
        found[router] = sum(str(row.get("dst")).startswith("10.244.") for row in rows)
    return found


def the_other_rack_is_lost(world: World) -> Seen:
    """Ask a pod of the same rack, and one of the other."""
    _forgotten(world)
    pods = world.pods()
    near, far = (world.ask_from(NEAR, pods[name][1]) for name in (FAR, OTHER))
    return answered(near) > 0 == answered(far), f"same rack: {told(near)}; other rack: {told(far)}"


def answered(answers: Iterable[str]) -> int:
    """Return how many connections got an answer, which begins with an address."""
    return sum(one[:1].isdigit() for one in answers)


def another_plug_in_is_renamed(world: World) -> Seen:
    """Look for the other plug-in's file, which lay there when the agents started."""
    found = world.inside(OTHER, "ls", "/etc/cni/net.d").split()
    world.inside(OTHER, "sh", "-c", f"rm -f {PLUG_IN}*")
    return f"{Path(PLUG_IN).name}.cilium_bak" in found, f"in /etc/cni/net.d: {', '.join(found)}"
