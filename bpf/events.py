"""The kernel's own account of the probe's packets: watches addresses, and turns counters into rows with names."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bpf import backends, symbols
from bpf.backends import Loaded
from bpf.btf import read
from bpf.selection import Selection, select
from bpf.syscall import Table

POINTS = {1: "sent", 2: "received", 3: "dropped", 4: "refused", 5: "routed", 6: "resent", 7: "md5"}
FORMS = {0: "bare", 1: "vxlan", 2: "geneve", 3: "ipip", 4: "gre"}
FAULTS = {1: "required", 2: "unexpected", 3: "mismatch"}
"""What is wrong with a segment's TCP-MD5 signature."""
UNNAMED = "UNNAMED"
"""Reason of a drop where the kernel gives none."""
ICMP = 1
"""Protocol number."""
POD, MACHINE = 1, 2
"""Roles of a watched address."""
COUNTERS_OF_ONE, ADDRESSES_OF_ONE = 128, 4
"""Entries for one far pod: both directions by protocol, place and device; its address, its node's, a gateway's."""
LEAST, MOST = 16_384, 1_048_576
"""Entries of a table; the kernel sets their memory aside, some hundred bytes each."""
SPACES = 16
"""Network namespaces to count in at most: the node's own and its probe pod's are two."""
NUMBER, COUNT = struct.Struct("=I"), struct.Struct("=Q")
VALUE = struct.Struct("=QQQ")
"""`struct value` of events.h."""


class Key(NamedTuple):
    """`struct key` of events.h."""

    place: int
    netns: int
    ifindex: int
    source: int
    target: int
    detail: int
    point: int
    form: int
    protocol: int
    zero: int


KEY = struct.Struct("=QIIIIIBBBB")


class Events:
    """The programs, attached from construction until `close` or the end of the process."""

    def __init__(self, loaded: Loaded, selection: Selection, reasons: dict[int, str], tried: dict[str, str]) -> None:
        self.loaded = loaded
        self.selection = selection
        self.reasons = reasons
        self.tried = tried
        self.functions: dict[int, str] = {}
        sizes_ = {"counts": (KEY.size, VALUE.size), "watched": (4, 1), "spaces": (4, 1), "missed": (4, 8)}
        self.tables = {name: Table(loaded.tables[name], *sizes_[name]) for name in sizes_}

    def watch(self, addresses: Iterable[str], role: int) -> None:
        """Count packets of these addresses from now on."""
        for address in addresses:
            self.tables["watched"].put(socket.inet_aton(address), bytes([role]))

    def forget(self, addresses: Iterable[str]) -> None:
        """Count packets of these addresses no longer."""
        for address in addresses:
            self.tables["watched"].delete(socket.inet_aton(address))

    def enter(self, inode: int) -> None:
        """Count in this network namespace too."""
        self.tables["spaces"].put(NUMBER.pack(inode), b"\1")

    def counters(self) -> list[dict[str, Any]]:
        """Return every counter with numbers turned into names, the earliest first."""
        found = [(Key(*KEY.unpack(key)), VALUE.unpack(value)) for key, value in self.tables["counts"].items()]
        places = {key.place for key, _ in found if POINTS[key.point] == "dropped"} - self.functions.keys()
        self.functions |= symbols.functions(places)
        rows = [self._row(key, value) for key, value in found]
        return sorted(rows, key=lambda row: (row["first"], row["point"]))

    def clear(self) -> None:
        """Set every counter back to nothing."""
        self.tables["counts"].clear()

    def missed(self) -> int:
        """Return how many packets found the table of counters full."""
        return int(COUNT.unpack(self.tables["missed"].get(NUMBER.pack(0)) or bytes(8))[0])

    def close(self) -> None:
        """Take the programs out of the kernel."""
        self.loaded.close()

    def _row(self, key: Key, value: tuple[int, int, int]) -> dict[str, Any]:
        point = POINTS[key.point]
        return {
            "point": point,
            "form": FORMS[key.form],
            "netns": key.netns,
            "ifindex": key.ifindex,
            "source": _text(key.source),
            "target": _text(key.target),
            "protocol": key.protocol,
            **dict(zip(("count", "first", "last"), value)),  # noqa: B905 - nodes may have Python 3.9
            **self._details(point, key),
        }

    def _details(self, point: str, key: Key) -> dict[str, Any]:
        """Return what the fields `detail` and `place` mean at this point."""
        meanings: dict[str, Any] = {
            "dropped": lambda: {"reason": self._reason(key.detail), "function": self.functions[key.place]},
            "refused": lambda: {"icmp": [key.detail >> 8, key.detail & 255]},
            "routed": lambda: _routed(key),
            "resent": lambda: {"port": key.detail, "state": key.place},
            "md5": lambda: {"reason": FAULTS.get(key.detail, str(key.detail))},
        }
        return dict(meanings[point]()) if point in meanings else _carried(key)

    def _reason(self, number: int) -> str:
        """Return a reason's name."""
        if not self.selection.reasons:
            return UNNAMED
        return self.reasons.get(number, str(number)).replace("SKB_DROP_REASON_", "")


def _routed(key: Key) -> dict[str, Any]:
    gateway = key.place & 0xFFFFFFFF
    error = struct.unpack("i", struct.pack("I", key.detail))[0]
    return {"table": key.place >> 32, "gateway": _text(gateway) if gateway else None, "error": error}


def _carried(key: Key) -> dict[str, Any]:
    if key.form:
        return {"port": key.detail}
    return {"icmp": [key.detail >> 8, key.detail & 255]} if key.protocol == ICMP else {}


def sizes(targets: int) -> dict[str, int]:
    """Return how many entries the tables hold for a number of far pods."""
    return {
        "counts": min(MOST, max(LEAST, COUNTERS_OF_ONE * targets)),
        "watched": min(MOST, max(LEAST, ADDRESSES_OF_ONE * targets)),
        "spaces": SPACES,
        "missed": 1,
    }


def start(targets: int = 0, backend: str | None = None) -> Events:
    """Return attached programs that count in this process's network namespace, with room for so many far pods."""
    btf = read()
    selection = select(btf.prototype)
    loaded, tried = backends.load(btf, selection, sizes(targets), backend)
    events = Events(loaded, selection, btf.enum("skb_drop_reason"), tried)
    events.enter(own_namespace())
    return events


def own_namespace() -> int:
    """Return the inode of this process's network namespace."""
    return Path("/proc/self/ns/net").stat().st_ino


def _text(number: int) -> str:
    return socket.inet_ntoa(struct.pack("I", number))
