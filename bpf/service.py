"""What Cilium's own maps say of a service's address: the pods behind each of its ports; read only."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

from bpf.syscall import Table, pinned

PINS = Path("/sys/fs/bpf/tc/globals")
SERVICES, BACKENDS = "cilium_lb4_services_v2", "cilium_lb4_backends_v3"
SLOT, SERVICE, BACKEND = struct.Struct("=HBB2x"), struct.Struct("=IHHBBH"), struct.Struct("=4s2sBBHBB")
"""Behind address and port: slot, protocol, scope; a service's entry; a backend's (bpf/lib/lb.h of 1.19 and 1.20)."""
IDENTITY = struct.Struct("=I")
KEY = 6 + SLOT.size
ANY = 0
"""Protocol of entries where the agent does not tell protocols apart."""
MOST = 64
"""Pods of a service that are read and told; the others are counted."""
PROTOCOLS = {"tcp": 6, "udp": 17}


def ports(asked: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return the ports of the responders' service by name, with their protocol."""
    return {"tcp": (asked["port"], "tcp"), "udp": (asked["port"], "udp"), "http": (asked["web_port"], "tcp")}


def facts(address: str, ports: dict[str, tuple[int, str]], pins: Path = PINS) -> dict[str, Any]:
    """Return the pods behind a service's ports by name; None for a port without entry, no names without the maps."""
    try:
        with (
            pinned(pins / SERVICES, KEY, SERVICE.size) as services,
            pinned(pins / BACKENDS, 4, BACKEND.size) as backends,
        ):
            found = {name: _pods(services, backends, address, *where) for name, where in ports.items()}
    except FileNotFoundError:
        return {"kept": False, "ports": {}}
    return {"kept": True, "ports": found}


def key(address: str, port: int, protocol: int, slot: int = 0) -> bytes:
    """Return the key of a service's entry, or of one of its slots."""
    return socket.inet_aton(address) + struct.pack("!H", port) + SLOT.pack(slot, protocol, 0)


def _pods(services: Table, backends: Table, address: str, port: int, protocol: str) -> dict[str, Any] | None:
    for number in (PROTOCOLS[protocol], ANY):
        if head := services.get(key(address, port, number)):
            count = SERVICE.unpack(head)[1]
            slots = [services.get(key(address, port, number, slot)) for slot in range(1, min(count, MOST) + 1)]
            pods = [_pod(backends, SERVICE.unpack(slot)[0]) if slot else "no slot" for slot in slots]
            return {"count": count, "pods": pods}
    return None


def _pod(backends: Table, identity: int) -> str:
    entry = backends.get(IDENTITY.pack(identity))
    return socket.inet_ntoa(BACKEND.unpack(entry)[0]) if entry else f"no backend {identity}"
