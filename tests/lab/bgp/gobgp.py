"""The nodes' end as GoBGP alone speaks it: the daemon that Cilium's agent holds, with what Cilium's objects say."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from lab.paths import cache
from underlay.model import Node, Site
from underlay.plan.bgp import sessions

LISTENS = ("--api-hosts=127.0.0.1:50051", "--pprof-disable")
GLOBAL = """\
[global.config]
as = {asn}
router-id = "{address}"
port = -1
"""
NEIGHBOR = """
[[neighbors]]
[neighbors.config]
neighbor-address = "{remote}"
peer-as = {remote_asn}
{password}
[neighbors.transport.config]
local-address = "{local}"
[neighbors.timers.config]
connect-retry = {retry}
hold-time = {hold}
keepalive-interval = {keepalive}
idle-hold-time-after-reset = 5
{restart}
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
{family}
"""
"""Five seconds of idleness are Cilium's own (pkg/bgp/gobgp/server.go)."""
RESTART = "[neighbors.graceful-restart.config]\nenabled = true\nnotification-enabled = true\nrestart-time = {seconds}"
FAMILY = "[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true"


def program(name: str) -> Path:
    """Return the path of gobgpd, or of its client; `python3 -m lab.toolchain --only gobgp` makes both."""
    return cache() / "bin" / name


def configuration(site: Site, node: Node, password: str) -> str:
    """Return the daemon's configuration for a node."""
    text = GLOBAL.format(asn=site.bgp.asn, address=node.router_id or node.address)
    timers, restart = site.bgp.timers, site.bgp.graceful_restart
    links = {link.router: link for link in site.rack(node.rack).links}
    for session in sessions(site):
        if session.node == node.name:
            text += NEIGHBOR.format(
                remote=session.address,
                remote_asn=session.asn,
                local=node.address_in(links[session.peer].subnet),
                password=f'auth-password = "{password}"' if password else "",
                retry=timers.connect_retry,
                hold=timers.hold,
                keepalive=timers.keepalive,
                restart=RESTART.format(seconds=restart.restart) if restart else "",
                family=FAMILY if restart else "",
            )
    return text


def states(node: str) -> dict[str, str]:
    """Return the state of a node's sessions by the router's address; empty while the daemon does not answer."""
    peers = _peers(node)
    return {name: STATES.get(peer["state"].get("session_state"), "idle") for name, peer in peers.items()}


def since(node: str) -> dict[str, str]:
    """Return since when each session of a node is up, in the daemon's own words."""
    return {name: str(peer["timers"]["state"].get("uptime")) for name, peer in _peers(node).items()}


def ages(node: str) -> dict[str, float]:
    """Return for how many seconds each session of a node is up, where it is."""
    up = {name: peer["timers"]["state"].get("uptime") or {} for name, peer in _peers(node).items()}
    return {name: time.time() - float(told["seconds"]) for name, told in up.items() if "seconds" in told}


def reset(node: str, address: str) -> None:
    """Let a node end a session; it comes back by itself."""
    command = ["ip", "netns", "exec", node, str(program("gobgp")), "neighbor", address, "reset"]
    subprocess.run(command, capture_output=True, check=False)


def _peers(node: str) -> dict[str, Any]:
    command = ["ip", "netns", "exec", node, str(program("gobgp")), "neighbor", "-j"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    peers = json.loads(done.stdout or "[]") if not done.returncode else []
    return {str(peer["conf"]["neighbor_address"]): peer for peer in peers or []}


STATES = {1: "idle", 2: "connect", 3: "active", 4: "opensent", 5: "openconfirm", 6: "established"}
"""The API's numbers."""
