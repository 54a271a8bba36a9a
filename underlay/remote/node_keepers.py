"""Who brings a node's routes back: a file for each service that is at work there, in the form that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System
from underlay.remote.node_files import File

NUMBER = "85"
"""Routing protocol, and metric, of our routes: by it they are told from everybody else's, and replace nobody's."""

SCRIPT = """\
#!/bin/sh
{head}
# Gives the kernel the fabric's routes when an interface comes up; a next hop whose interface is not up yet comes later.
give() {{
    to=$1 all= near=
    shift
    for hop in "$@"; do
        all="$all nexthop via $hop"
        case "$(ip -4 route get "$hop" 2>/dev/null)" in *" via "* | "") ;; *) near="$near nexthop via $hop" ;; esac
    done
    ip -4 route replace "$to" proto {number} metric {number} $all 2>/dev/null && return
    [ -z "$near" ] || ip -4 route replace "$to" proto {number} metric {number} $near
}}
{lines}exit 0
"""
NETWORK_FILE = re.compile(r"^NETWORK_FILE=(\S+)$", re.MULTILINE)
UNIT = """\
{head}
[Unit]
Description=Routes of the fabric
Wants=network-online.target
After=network-online.target
Before=kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/underlay/routes
"""
WANTED = "{head}\n[Unit]\nWants=underlay-routes.service\n"
RELOAD = ["systemctl", "daemon-reload"]


def keepers(system: System, data: Input) -> list[File]:
    """Return the files that bring the routes back on this node; none where the routes are not ours.

    All that are read get one, as a service at work may leave the uplinks to another; each gives the same routes.
    """
    if not data["routes"]:
        return []
    return [file for keeper in (_hooks, _networkd, _unit) for file in keeper(system, data)]


def routes_are_kept(system: System, data: Input) -> Iterator[Trouble]:
    """Require something that brings routes back: what only the kernel knows is gone after a restart."""
    if data["routes"] and not keepers(system, data):
        expected = "ifupdown, NetworkManager, systemd-networkd or systemd at work"
        fix = "Declare `routes: node` for the rack, and give the node its routes in its image."
        yield Trouble("routes-not-kept", "the node's network service", "none that is known", expected, fix)


def _head(data: Input) -> str:
    return f"{data['mark']}\n# {data['owner']}"


def _script(data: Input) -> str:
    lines = "".join(f"give {to} {' '.join(hops)}\n" for to, hops in data["routes"].items())
    return SCRIPT.format(head=_head(data), number=NUMBER, lines=lines)


def _file(path: str, text: str, needs: str, after: list[str] | None = None, mode: str = "644") -> File:
    return {"path": path, "text": text, "needs": needs, "after": after or [], "mode": mode}


def _hooks(system: System, data: Input) -> Iterator[File]:
    """Yield a script for each service that runs scripts when an interface comes up."""
    for sign, path in (
        ("run/network/ifstate", "/etc/network/if-up.d/underlay"),
        ("run/NetworkManager", "/etc/NetworkManager/dispatcher.d/90-underlay"),
    ):
        if system.there(sign):
            yield _file(path, _script(data), sign, mode="755")


def _networkd(system: System, data: Input) -> Iterator[File]:
    """Yield a part of the uplink's own file; several next hops are no matter of one interface, and left to a unit."""
    if any(len(hops) > 1 for hops in data["routes"].values()):
        return
    for uplink in data["uplinks"]:
        index = system.text(f"sys/class/net/{uplink}/ifindex").strip()
        if found := NETWORK_FILE.search(system.text(f"run/systemd/netif/links/{index}")):
            name = found[1].rpartition("/")[2]
            parts = [
                f"[Route]\nDestination={to}\nGateway={hops[0]}\nProtocol={NUMBER}\nMetric={NUMBER}\n"
                for to, hops in data["routes"].items()
            ]
            path = f"/etc/systemd/network/{name}.d/90-underlay.conf"
            text = "\n".join([_head(data), *parts])
            yield _file(path, text, "run/systemd/netif", ["networkctl", "reload"])
            return


def _unit(system: System, data: Input) -> Iterator[File]:
    """Yield what lets systemd run the script at each start."""
    sign, head = "run/systemd/system", _head(data)
    if system.there(sign):
        yield _file("/etc/underlay/routes", _script(data), sign)
        yield _file("/etc/systemd/system/underlay-routes.service", UNIT.format(head=head), sign, RELOAD)
        wanted = WANTED.format(head=head)
        yield _file("/etc/systemd/system/multi-user.target.d/90-underlay.conf", wanted, sign, RELOAD)


CHECKS: tuple[Check, ...] = (routes_are_kept,)
