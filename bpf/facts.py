"""The node's network as the kernel holds it: links, programs, routes, look-ups, sysctls, neighbours; read only."""

# ruff: noqa: ANN401 - bcc and pyroute2 carry no types

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bpf import cilium, filters, intrusion, policies, programs, service

SYSCTL = Path("/proc/sys/net/ipv4")
CONFIGURED = ("forwarding", "rp_filter", "accept_local", "ignore_routes_with_linkdown")
"""Sysctls of each interesting device."""
POD_LINKS = ("lxc",)
CILIUM_LINKS = ("cilium_",)
CILIUM_PROGRAMS = "cil_"
TYPES = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
NEIGHBOUR = {
    1: "incomplete",
    2: "reachable",
    4: "stale",
    8: "delay",
    16: "probe",
    32: "failed",
    64: "noarp",
    128: "permanent",
}
MOST = 300
"""Routes and neighbours reported at most."""
LOCAL_TABLE = 255
YOUNG, AGAIN = 4.0, 0.3
"""Seconds that a new pod link may be without a program, and between two looks: agents attach it after they made it."""
BGP, ESTABLISHED = 179, "01"
"""BGP's port, and the state of an open connection in /proc/net/tcp."""
LOOKS = 3
"""How often that table is read."""

T = TypeVar("T")


class Facts:
    """One reading; each part that fails is an entry of `errors`, the others stay."""

    def __init__(self, ipr: Any, uplinks: Iterable[str]) -> None:
        self.ipr = ipr
        self.uplinks = tuple(uplinks)
        self.names: dict[int, str] = {}
        self.errors: list[str] = []

    def read(
        self,
        pod: dict[str, Any],
        targets: list[dict[str, str]],
        options: Sequence[str] = (),
        front: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return all facts: `pod` is the probe pod's `address` and `host_ifindex`, targets are the remote pods.

        `options` are the names of the agent's options that are wanted, `front` is the service whose pods Cilium's
        maps are asked for; None where nobody asks.
        """
        parts: dict[str, Callable[[], Any]] = {
            "links": self._links,
            "addresses": self._addresses,
            "programs": self._programs,
            "routes": self._routes,
            "rules": self._rules,
            "lookups": lambda: [self._lookups(pod, target) for target in targets],
            "sysctls": self._sysctls,
            "neighbours": self._neighbours,
            "bgp": bgp_connections,
            "filters": filters.chains,
            "cilium": partial(cilium.facts, options),
            "intrusion": intrusion.facts,
            "policies": policies.facts,
            "service": lambda: service.facts(front["address"], service.ports(front)) if front else None,
        }
        return {name: self._try(name, part) for name, part in parts.items()}

    def _try(self, name: str, part: Callable[[], Any]) -> Any:
        try:
            return part()
        except Exception as error:  # noqa: BLE001 - one part that cannot be read must not hide the others
            self.errors.append(f"{name}: {type(error).__name__}: {error}")
            return None

    def _links(self) -> list[dict[str, Any]]:
        links = [_link(message) for message in self.ipr.get_links()]
        self.names = {link["ifindex"]: link["name"] for link in links}
        return links

    def _addresses(self) -> list[str]:
        messages = self.ipr.get_addr(family=socket.AF_INET)
        return self._most("addresses", sorted({message.get_attr("IFA_LOCAL") for message in messages}))

    def _programs(self) -> dict[str, list[dict[str, Any]]]:
        """Return the programs of each device of interest; a pod link that has just come is given time."""
        watched = {index: name for index, name in self.names.items() if name in self.uplinks or _is_cilium(name)}
        deadline = time.monotonic() + YOUNG
        found = self._attached(watched)
        while bare := {
            i: name for i, name in watched.items() if name.startswith(POD_LINKS) and _is_bare(found.get(name))
        }:
            if time.monotonic() > deadline:
                break
            time.sleep(AGAIN)
            found = {name: found[name] for name in found if name not in bare.values()} | self._attached(bare)
        return found

    def _attached(self, devices: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
        """Return the programs of devices by name; one that has gone meanwhile is left out."""
        found = {}
        for index, name in devices.items():
            try:
                found[name] = programs.attached(self.ipr, index)
            except Exception as error:
                if getattr(error, "errno", getattr(error, "code", None)) != errno.ENODEV:
                    raise
        return found

    def _routes(self) -> list[dict[str, Any]]:
        messages = self.ipr.get_routes(family=socket.AF_INET)
        routes = [self._route(message) for message in messages]
        return self._most("routes", [route for route in routes if route["table"] != LOCAL_TABLE])

    def _route(self, message: Any) -> dict[str, Any]:
        target = message.get_attr("RTA_DST")
        return {
            "target": f"{target}/{message['dst_len']}" if target else "default",
            "type": TYPES.get(message["type"], str(message["type"])),
            "device": self.names.get(message.get_attr("RTA_OIF")),
            "gateway": message.get_attr("RTA_GATEWAY"),
            "hops": [hop.get_attr("RTA_GATEWAY") for hop in message.get_attr("RTA_MULTIPATH") or ()],
            "table": message.get_attr("RTA_TABLE"),
            "protocol": message["proto"],
        }

    def _rules(self) -> list[dict[str, Any]]:
        wanted = {"priority": "FRA_PRIORITY", "table": "FRA_TABLE", "mark": "FRA_FWMARK", "source": "FRA_SRC"}
        messages = self.ipr.get_rules(family=socket.AF_INET)
        return [{name: message.get_attr(attribute) for name, attribute in wanted.items()} for message in messages]

    def _lookups(self, pod: dict[str, Any], target: dict[str, str]) -> dict[str, Any]:
        """Ask the kernel for three ways: ours to the far pod, our pod's to it, and its packets' to our pod."""
        address, ours = target["address"], pod["address"]
        uplinks = {name: index for index, name in self.names.items() if name in self.uplinks}
        inside = pod.get("host_ifindex")
        return {
            "target": address,
            "out": self._lookup(dst=address),
            "forwarded": self._lookup(dst=address, src=ours, iif=inside) if inside else None,
            "back": {name: self._lookup(dst=ours, src=address, iif=index) for name, index in uplinks.items()},
        }

    def _lookup(self, **query: Any) -> dict[str, Any]:
        try:
            return self._route(self.ipr.route("get", **query)[0])
        except Exception as error:  # noqa: BLE001 - pyroute2 raises its own class; a refusal is an answer here
            number = getattr(error, "code", None)
            return {"error": number, "message": os.strerror(number) if number else str(error)}

    def _sysctls(self) -> dict[str, int]:
        devices = [
            "all",
            "default",
            *(name for name in self.names.values() if name in self.uplinks or _is_cilium(name)),
        ]
        devices += [name for name in self.names.values() if name not in devices and name != "lo"]
        paths = ["ip_forward", *(f"conf/{device}/{key}" for device in devices for key in CONFIGURED)]
        return {
            path.removeprefix("conf/"): int((SYSCTL / path).read_text()) for path in paths if (SYSCTL / path).exists()
        }

    def _neighbours(self) -> list[dict[str, Any]]:
        messages = self.ipr.get_neighbours(family=socket.AF_INET)
        found = [
            {
                "address": message.get_attr("NDA_DST"),
                "device": self.names.get(message["ifindex"]),
                "state": NEIGHBOUR.get(message["state"], str(message["state"])),
            }
            for message in messages
            if message["state"] != 64
        ]
        return self._most("neighbours", found)

    def _most(self, part: str, found: list[T]) -> list[T]:
        """Return as many entries as a report holds; how many are left out is an error, not a silence."""
        if len(found) > MOST:
            self.errors.append(f"{part}: {len(found) - MOST} of {len(found)} left out")
        return found[:MOST]


def pod_facts(ipr: Any, address: str) -> dict[str, Any]:
    """Return the link of a pod that holds an address, read inside the pod's namespace; `host_ifindex` is its peer."""
    holder = next(m["index"] for m in ipr.get_addr(family=socket.AF_INET) if m.get_attr("IFA_LOCAL") == address)
    message = ipr.get_links(holder)[0]
    return {
        "address": address,
        "namespace": Path("/proc/self/ns/net").stat().st_ino,
        "device": message.get_attr("IFLA_IFNAME"),
        "ifindex": holder,
        "mtu": message.get_attr("IFLA_MTU"),
        "host_ifindex": message.get_attr("IFLA_LINK"),
    }


def bgp_connections(table: Path = Path("/proc/net/tcp")) -> list[dict[str, str]]:
    """Return the established TCP connections of BGP: Cilium's own status of a session may be minutes old.

    The kernel hands the table out in pages, and while others come and go a page may repeat a row, or leave one out.
    """
    rows = [line.split() for _ in range(LOOKS) for line in table.read_text().splitlines()[1:]]
    ends = [(row[1].split(":"), row[2].split(":")) for row in rows if row[3] == ESTABLISHED]
    found = [
        {"local": _address(local[0]), "remote": _address(remote[0])}
        for local, remote in ends
        if BGP in (int(local[1], 16), int(remote[1], 16))
    ]
    return list({tuple(one.values()): one for one in found}.values())


def _address(text: str) -> str:
    return socket.inet_ntoa(int(text, 16).to_bytes(4, sys.byteorder))


def _link(message: Any) -> dict[str, Any]:
    info = message.get_attr("IFLA_LINKINFO")
    return {
        "name": message.get_attr("IFLA_IFNAME"),
        "ifindex": message["index"],
        "kind": info.get_attr("IFLA_INFO_KIND") if info else None,
        "mtu": message.get_attr("IFLA_MTU"),
        "up": message.get_attr("IFLA_OPERSTATE") in ("UP", "UNKNOWN"),
        "master": message.get_attr("IFLA_MASTER") or 0,
        "lower": message.get_attr("IFLA_LINK") or 0,
    }


def _is_bare(programs_: list[dict[str, Any]] | None) -> bool:
    """Say whether a device is there without a program of Cilium's; a mirror's comes sooner."""
    return programs_ is not None and not any(program["name"].startswith(CILIUM_PROGRAMS) for program in programs_)


def _is_cilium(name: str) -> bool:
    return name.startswith(POD_LINKS + CILIUM_LINKS)
