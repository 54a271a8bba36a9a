"""Do FRR and BIRD learn what the plan forecasts? The rendered configurations run in namespaces, beside a BIRD per node.

`python -m tests.lab.routing COUNT [SEED]` takes the dev site and that many accepted ones from a seed on. Every router
starts with the configuration that the plan renders for it, each node's speaker with the sessions that Cilium would
have. When all is still, each router's kernel is compared with the forecast: pod network by pod network, next hop by
next hop; then again after the loss of each link between routers and of each router's daemon.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain, count, islice

from lab.namespaces import Flag, Kind, enter_network, mount, unshare
from lab.paths import cache
from tests.lab.forwarding import accepted
from tests.lab.world import World
from tests.unit.plan_sites import site as dev_site
from underlay.model import Node, Platform, Router, Site
from underlay.plan.paths import Kind as Lost
from underlay.plan.paths import Loss
from underlay.plan.paths.losses import losses
from underlay.plan.routers import PASSWORD_MARK, router_text

PATIENCE = 60.0
"""Seconds until a difference counts: sessions that no link tells of end with the hold time, 9 seconds."""
FRR = "-A 127.0.0.1 -z {run}/zserv --vty_socket {run} -i {run}/{daemon}.pid -f {run}/{daemon}.conf"
BRIEF = "router bgp {asn}\n bgp graceful-restart restart-time 1\nexit\n"
"""Neighbours would keep the routes of a daemon that ended for 120 seconds: what is compared is how it is afterwards."""
RECOVERY = 400.0
"""Seconds until all is as before: after an error a daemon waits before it tries again, longer each time."""
NODE = """\
router id {id};
protocol device {{ }}
protocol static {{ ipv4; route {network} blackhole; }}
"""
NODE_SESSION = """\
protocol bgp {{
    local {local} as {asn};
    neighbor {remote} as {remote_asn};
    direct;
    password "{password}";
    connect retry time 1; connect delay time 1; error wait time 1, 2;
    ipv4 {{ import none; export where source = RTS_STATIC; next hop self; }};
}}
"""
Table = dict[str, set[str]]
PASSWORD = "secret"  # noqa: S105 - nobody else is there


class Speakers:
    """Every router and node of a world with its daemons."""

    def __init__(self, world: World) -> None:
        """Start all of them below the lab's tree, whose /run is this process's own."""
        self.world, self.root = world, cache() / "noderoot"
        for folder in ("run", "var/tmp"):
            mount("tmpfs", self.root / folder, "tmpfs", data="mode=1777")
        self.daemons: dict[str, list[subprocess.Popen[bytes]]] = {}
        for router in world.site.routers:
            self.start(router)
        for node in world.site.nodes:
            self.start_node(node)

    def start_node(self, node: Node) -> None:
        """Start a node's speaker."""
        self._bird(node.name, self._node(node))

    def start(self, router: Router) -> None:
        """Start a router with the configuration that is rendered for it."""
        text = self.text(router)
        if router.platform is Platform.BIRD:
            self._bird(router.name, f"router id {router_id(self.world.site, router.name)};\n{text}")
        else:
            self._frr(router.name, f"frr defaults traditional\n{text}\n{BRIEF.format(asn=router.asn)}")

    def text(self, router: Router) -> str:
        """Return what a router is given."""
        return router_text(self.world.site, router).replace(PASSWORD_MARK, PASSWORD)

    def stop(self, name: str) -> None:
        """End a router's BGP daemon, which tells its neighbours; what FRR's other daemon did without it, it undoes.

        A killed one tells nobody: neighbours that know graceful restarts keep its routes for the time it asked for.
        """
        self._end(self.daemons[name].pop())

    def stop_all(self, name: str) -> None:
        """Kill what is left of a machine's daemons."""
        while self.daemons[name]:
            self._end(self.daemons[name].pop())

    def _end(self, running: subprocess.Popen[bytes]) -> None:
        running.terminate()
        running.wait()

    def _node(self, node: Node) -> str:
        site = self.world.site
        text = NODE.format(id=node.address, network=self.world.networks[node.name])
        for link in site.rack(node.rack).links:
            addresses = {"local": node.address_in(link.subnet), "remote": link.address}
            numbers = {"asn": site.bgp.asn, "remote_asn": site.router(link.router).asn}
            text += NODE_SESSION.format(password=PASSWORD, **addresses, **numbers)
        return text

    def _file(self, name: str, file: str, text: str) -> None:
        folder = self.root / "run" / name
        folder.mkdir(exist_ok=True, mode=0o777)
        folder.chmod(0o777)
        (folder / file).write_text(text)

    def _bird(self, name: str, text: str) -> None:
        self._file(name, "bird.conf", text)
        self._run(name, ["/usr/sbin/bird", "-f", "-c", f"/run/{name}/bird.conf", "-s", f"/run/{name}/bird.ctl"])

    def _frr(self, name: str, text: str) -> None:
        for daemon, content in (("zebra", ""), ("bgpd", text)):
            self._file(name, f"{daemon}.conf", content)
            self._run(name, [f"/usr/lib/frr/{daemon}", *FRR.format(run=f"/run/{name}", daemon=daemon).split()])

    def _run(self, name: str, command: list[str], *, rooted: bool = True) -> None:
        def enter() -> None:
            enter_network(name)
            if rooted:
                os.chroot(self.root)
                os.chdir("/")

        log = (self.root / "run" / name / "log").open("ab")
        running = subprocess.Popen(command, preexec_fn=enter, stdout=log, stderr=log)  # noqa: PLW1509 - one thread
        self.daemons.setdefault(name, []).append(running)


def router_id(site: Site, name: str) -> str:
    """Return an address that only this router has."""
    number = [router.name for router in site.routers].index(name)
    return f"192.0.2.{number + 1}"


def learned(router: str, pool: str) -> Table:
    """Return the pod networks in a router's kernel with their next hops."""
    command = ["ip", "-n", router, "-j", "route", "show", "root", pool]
    found: Table = {}
    for route in json.loads(subprocess.run(command, capture_output=True, check=True).stdout):
        hops = route.get("nexthops", [route])
        found[route["dst"]] = {hop["gateway"] for hop in hops if "gateway" in hop}
    return found


def expected(world: World, router: str, loss: Loss | None) -> Table:
    """Return the same as forecast."""
    tables = {node: world.routes(node, loss) for node in world.site.nodes}
    return {
        world.networks[node.name]: {*world.hops(router, node, table).split()} - {"nexthop", "via"}
        for node, table in tables.items()
        if router in table
    }


def differences(world: World, loss: Loss | None, patience: float = PATIENCE) -> list[str]:
    """Wait until every router's kernel is as forecast; return what still differs when patience ends."""
    end, pool = time.monotonic() + patience, str(world.site.addresses.pods.native)
    while True:
        found = []
        for router in world.site.routers:
            want, have = expected(world, router.name, loss), learned(router.name, pool)
            for network in want.keys() | have.keys():
                if want.get(network) != have.get(network):
                    text = f"forecast {want.get(network)}, kernel {have.get(network)}"
                    found.append(f"{loss or 'nothing lost'}: {router.name} ({router.platform}), {network}: {text}")
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.5)


def cases(world: World) -> Iterator[Loss]:
    """Yield the losses that change what routers tell each other."""
    kinds = {Lost.LINK, Lost.BGP}
    yield from (loss for loss in losses(world.solution.fabric) if loss.kind in kinds)


def check(site: Site) -> tuple[int, list[str]]:
    """Compare a site in its whole state and after each loss."""
    world = World(site)
    speakers = Speakers(world)
    found, number = differences(world, None), 1
    for loss in cases(world):
        if loss.kind is Lost.BGP:
            speakers.stop(loss.router)
        world.set_ports(loss, "down")
        found += differences(world, loss)
        world.set_ports(loss, "up")
        for name in {loss.router, loss.other} - {""}:  # they would wait before they try again
            speakers.stop_all(name)
            speakers.start(site.router(name))
        found += [f"after {loss}: {text}" for text in differences(world, None, RECOVERY)]
        number += 1
    return number, found


def isolated(name: str, site: Site) -> int:
    """Check a site in a child with networks and processes of its own; return 1 where something differs."""
    begin = time.monotonic()
    child = os.fork()
    if not child:
        unshare(Kind.NET | Kind.MOUNT | Kind.PID)
        if os.fork():
            os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))  # the first process of its kind is not ended otherwise
        mount("", "/", flags=Flag.RECURSIVE | Flag.PRIVATE)
        mount("tmpfs", "/run", "tmpfs")
        number, found = check(site)
        platforms = ", ".join(f"{router.name} {router.platform} {router.asn}" for router in site.routers)
        text = f"{name}: {platforms}: {number} states, {len(found)} differences, {time.monotonic() - begin:.0f} s"
        print("\n  ".join([text, *found]), flush=True)
        os._exit(1 if found else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(argv: list[str]) -> int:
    """Check the dev site, and a number of accepted sites from a seed on."""
    number, first = int(argv[0]), int(argv[1]) if len(argv) > 1 else 0
    sampled = ((f"seed {seed}", site) for seed, site in islice(accepted(count(first)), number))
    failed = sum(isolated(name, site) != 0 for name, site in chain([("dev site", dev_site())], sampled))
    print(f"{failed} sites differ", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
