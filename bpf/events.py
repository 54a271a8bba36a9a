"""The kernel's own account of the probe's packets: loads events.c, watches addresses, reads the counters."""

# ruff: noqa: ANN401 - bcc and pyroute2 carry no types

from __future__ import annotations

import pkgutil
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bpf.btf import Btf, macros, read

POINTS = {1: "sent", 2: "received", 3: "dropped", 4: "refused", 5: "routed"}
FORMS = {0: "bare", 1: "vxlan", 2: "geneve", 3: "ipip", 4: "gre"}
ICMP = 1
"""Protocol number."""
POD, MACHINE = 1, 2
"""Roles of a watched address."""
COUNTERS_OF_ONE, ADDRESSES_OF_ONE = 128, 4
"""Entries for one far pod: both directions by protocol, place and device; its address, its node's, a gateway's."""
LEAST, MOST = 16_384, 1_048_576
"""Entries of a table; the kernel sets their memory aside, some hundred bytes each."""
OPTIONAL = {"icmp_send": "HAVE_ICMP_SEND"}
"""Tracepoints that not every kernel has, and the macro that switches their program on."""


class Events:
    """The programs, attached from construction until `close` or the end of the process."""

    def __init__(self, btf: Btf, targets: int = 0) -> None:
        from bcc import BPF

        self.reasons = btf.enum("skb_drop_reason")
        self.optional = [name for name in OPTIONAL if btf.has_tracepoint(name)]
        text = (pkgutil.get_data("bpf", "events.c") or b"").decode()
        defined = self._macros(btf) | sizes(targets)
        self.bpf = BPF(text=text, cflags=[f"-D{name}={value}" for name, value in defined.items()])

    def watch(self, addresses: Iterable[str], role: int) -> None:
        """Count packets of these addresses from now on."""
        table = self.bpf["watched"]
        for address in addresses:
            table[table.Key(_number(address))] = table.Leaf(role)

    def forget(self, addresses: Iterable[str]) -> None:
        """Count packets of these addresses no longer."""
        table = self.bpf["watched"]
        for address in addresses:
            del table[table.Key(_number(address))]

    def enter(self, inode: int) -> None:
        """Count in this network namespace too."""
        table = self.bpf["spaces"]
        table[table.Key(inode)] = table.Leaf(1)

    def counters(self) -> list[dict[str, Any]]:
        """Return every counter with numbers turned into names, the earliest first."""
        rows = [self._row(key, value) for key, value in self.bpf["counts"].items()]
        return sorted(rows, key=lambda row: (row["first"], row["point"]))

    def clear(self) -> None:
        """Set every counter back to nothing."""
        self.bpf["counts"].clear()

    def missed(self) -> int:
        """Return how many packets found the table of counters full."""
        return sum(int(value.value) for value in self.bpf["missed"].values())

    def close(self) -> None:
        """Take the programs out of the kernel."""
        self.bpf.cleanup()

    def _macros(self, btf: Btf) -> dict[str, int]:
        found = macros(btf) | {OPTIONAL[name]: 1 for name in self.optional}
        if self.reasons:
            consumed = [number for number, name in self.reasons.items() if name == "SKB_CONSUMED"]
            found |= {"HAVE_REASONS": 1, "REASON_CONSUMED": consumed[0] if consumed else -1}
        return found

    def _row(self, key: Any, value: Any) -> dict[str, Any]:
        point = POINTS[key.point]
        return {
            "point": point,
            "form": FORMS[key.form],
            "netns": key.netns,
            "ifindex": key.ifindex,
            "source": _text(key.source),
            "target": _text(key.target),
            "protocol": key.protocol,
            "count": value.count,
            "first": value.first,
            "last": value.last,
            **self._details(point, key),
        }

    def _details(self, point: str, key: Any) -> dict[str, Any]:
        """Return what the fields `detail` and `place` mean at this point."""
        if point == "dropped":
            name = self.reasons.get(key.detail, str(key.detail)).replace("SKB_DROP_REASON_", "")
            return {"reason": name, "function": self._function(key.place)}
        if point == "refused":
            return {"icmp": [key.detail >> 8, key.detail & 255]}
        if point == "routed":
            gateway = key.place & 0xFFFFFFFF
            error = struct.unpack("i", struct.pack("I", key.detail))[0]
            return {"table": key.place >> 32, "gateway": _text(gateway) if gateway else None, "error": error}
        if key.form:
            return {"port": key.detail}
        return {"icmp": [key.detail >> 8, key.detail & 255]} if key.protocol == ICMP else {}

    def _function(self, place: int) -> str:
        """Return the kernel function at an address; the address itself where the kernel hides its symbols."""
        name = str(self.bpf.ksym(place).decode())
        return hex(place) if name == "[unknown]" else name


def sizes(targets: int) -> dict[str, int]:
    """Return how many counters and addresses the tables hold for a number of far pods."""
    return {
        "COUNTERS": min(MOST, max(LEAST, COUNTERS_OF_ONE * targets)),
        "ADDRESSES": min(MOST, max(LEAST, ADDRESSES_OF_ONE * targets)),
    }


def start(targets: int = 0) -> Events:
    """Return attached programs that count in this process's network namespace, with room for so many far pods."""
    events = Events(read(), targets)
    events.enter(own_namespace())
    return events


def own_namespace() -> int:
    """Return the inode of this process's network namespace."""
    return Path("/proc/self/ns/net").stat().st_ino


def _number(address: str) -> int:
    return int(struct.unpack("I", socket.inet_aton(address))[0])


def _text(number: int) -> str:
    return socket.inet_ntoa(struct.pack("I", number))
