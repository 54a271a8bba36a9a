"""What an intrusion detection engine and its mirror have written on this node: counts and last alerts, no payload.

The files are other programs' and may hold anything: their ends are read, long lines are passed over, texts are cut.
"""

# ruff: noqa: ANN401 - JSON is of any type

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

LOGS = Path("/var/log/underlay-ids")
STATE = Path("/run/underlay-ids/mirror.json")
FILES = ("eve.json", "alert_json.txt")
"""Where engines write: the name of Suricata and of the contract, and Snort's."""
MOST, LINE = 4 << 20, 64 << 10
"""Bytes of a file's end that are read, and of a line."""
RULES, TEXT = 100, 200
"""Rules told, those of the latest alerts, and letters of a text."""
LARGEST = 1 << 62
NUMBERS = ("seen", "mirrored", "failed", "repairs")


def facts(logs: Path = LOGS, state: Path = STATE) -> dict[str, Any]:
    """Return how the mirror is, how the engine is, and its alerts by rule; None for what is not there."""
    return {"mirror": _mirror(state), **_engine(logs)}


def _mirror(path: Path) -> dict[str, Any] | None:
    data, written = _end(path)
    if data is None:
        return None
    told = _object(data)
    devices, errors = told.get("devices"), told.get("errors")
    return {
        "age": _age(written),
        **{name: _number(told.get(name)) for name in NUMBERS},
        "devices": [_text(one) for one in devices[:RULES]] if isinstance(devices, list) else [],
        "errors": [f"{_text(name)}: {_text(why)}" for name, why in _mapping(errors).items()][:RULES],
    }


def _engine(logs: Path) -> dict[str, Any]:
    """Return the engine's numbers and alerts out of the file that was written last."""
    ends = [end for name in FILES if (end := _end(logs / name))[0] is not None]
    if not ends:
        return {"engine": None, "alerts": [], "unreadable": 0}
    data, written = max(ends, key=lambda end: end[1])
    found = _Events()
    for line in _lines(data or b""):
        found.take(line)
    return {
        "engine": {"age": _age(written), **found.numbers},
        "alerts": sorted(found.alerts.values(), key=lambda row: row["last"], reverse=True)[:RULES],
        "unreadable": found.unreadable,
    }


class _Events:
    """What the lines of a file come to."""

    def __init__(self) -> None:
        self.alerts: dict[int, dict[str, Any]] = {}
        self.numbers: dict[str, int | None] = {"packets": None, "lost": None}
        self.unreadable = 0

    def take(self, line: bytes) -> None:
        """Count a line: an alert, the engine's own numbers, or nothing of interest."""
        event = _object(line) if len(line) <= LINE else {}
        kind = event.get("event_type")
        if not event:
            self.unreadable += 1
        elif kind == "stats":
            self._numbers(event)
        elif kind in ("alert", None):
            self._alert(event)

    def _numbers(self, event: dict[str, Any]) -> None:
        capture = _mapping(_mapping(event.get("stats")).get("capture"))
        if capture:
            packets, lost = capture.get("kernel_packets"), capture.get("kernel_drops")
            self.numbers = {"packets": _number(packets), "lost": _number(lost)}

    def _alert(self, event: dict[str, Any]) -> None:
        """Count an alert of Suricata's shape, which is the contract's, or of Snort's."""
        inner = event.get("alert")
        alert = inner if isinstance(inner, dict) else event
        rule = _number(alert.get("signature_id", alert.get("sid")))
        if not rule or (rule not in self.alerts and len(self.alerts) >= 10 * RULES):
            self.unreadable += 1
            return
        source, target = (_address(event, side) for side in (("src_ip", "src_addr"), ("dest_ip", "dst_addr")))
        self.alerts[rule] = {
            "rule": rule,
            "message": _text(alert.get("signature", alert.get("msg", ""))),
            "count": self.alerts.get(rule, {"count": 0})["count"] + 1,
            "last": _text(event.get("timestamp", ""), 40),
            "source": source,
            "target": target,
            "protocol": _text(event.get("proto", ""), 16),
        }


def _address(event: dict[str, Any], names: tuple[str, str]) -> str:
    """Return an end of an alert, with its port where it has one."""
    host = next((_text(event[name], 45) for name in names if name in event), "")
    ports = [f"{name.partition('_')[0]}_port" for name in names]
    port = next((_number(event[name]) for name in ports if name in event), 0)
    return f"{host}:{port}" if port else host


def _end(path: Path) -> tuple[bytes | None, float]:
    """Return the end of a plain file and when it was written; None where there is none."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            about = os.fstat(fd)
            if stat.S_ISREG(about.st_mode):
                return os.pread(fd, MOST, max(0, about.st_size - MOST)), about.st_mtime
        finally:
            os.close(fd)
    return None, 0.0


def _lines(data: bytes) -> list[bytes]:
    """Return whole lines: the first may have been cut, and the last may still be written."""
    lines = data.split(b"\n")[:-1]
    return [line for line in (lines[1:] if len(data) >= MOST else lines) if line.strip()]


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST else 0


def _text(value: Any, most: int = TEXT) -> str:
    """Return a text of printable letters only, cut; nothing for what is none."""
    text = value[:most] if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _age(written: float) -> int:
    return min(LARGEST, max(0, int(time.time() - written)))
