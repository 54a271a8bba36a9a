"""What a node reads of an engine's and a mirror's files: counts and last alerts; hostile ones are bounded."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bpf import intrusion
from underlay.judge.evidence import IntrusionFacts

EVE: dict[str, Any] = {
    "timestamp": "2026-01-02T03:04:05.000000+0000",
    "event_type": "alert",
    "src_ip": "10.244.1.10",
    "src_port": 40000,
    "dest_ip": "10.244.2.10",
    "dest_port": 8080,
    "proto": "TCP",
    "payload": "c2VjcmV0",
    "alert": {"signature_id": 1000001, "signature": "probe of the admin page"},
}
SNORT = {
    "timestamp": "01/02-03:04:05.000000",
    "sid": 1000001,
    "msg": "probe of the admin page",
    "src_addr": "10.244.1.10",
    "src_port": 40000,
    "dst_addr": "10.244.2.10",
    "dst_port": 8080,
    "proto": "TCP",
}
STATS = {"event_type": "stats", "stats": {"capture": {"kernel_packets": 900, "kernel_drops": 3}}}


def read(tmp_path: Path, *lines: object, name: str = "eve.json") -> dict[str, Any]:
    text = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    (tmp_path / name).write_bytes(text)
    found = intrusion.facts(tmp_path, tmp_path / "mirror.json")
    IntrusionFacts.model_validate_json(json.dumps(found))
    return found


@pytest.mark.parametrize(("event", "name"), [(EVE, "eve.json"), (SNORT, "alert_json.txt")])
def test_alerts_are_counted_by_rule_and_the_last_one_is_told_without_a_payload(
    tmp_path: Path, event: dict[str, Any], name: str
) -> None:
    found = read(tmp_path, event, {**event, "timestamp": "later"}, STATS, name=name)
    (alert,) = found["alerts"]
    assert alert == {
        "rule": 1000001,
        "message": "probe of the admin page",
        "count": 2,
        "last": "later",
        "source": "10.244.1.10:40000",
        "target": "10.244.2.10:8080",
        "protocol": "TCP",
    }
    assert "c2VjcmV0" not in json.dumps(found)
    assert (found["engine"]["packets"], found["engine"]["lost"], found["unreadable"]) == (900, 3, 0)


def test_where_nothing_is_nothing_is_told(tmp_path: Path) -> None:
    found = intrusion.facts(tmp_path, tmp_path / "mirror.json")
    assert found == {"mirror": None, "engine": None, "alerts": [], "unreadable": 0}


HOSTILE: dict[str, bytes] = {
    "no JSON": b"{{{{",
    "another kind": b"[1, 2]",
    "nesting": b"[" * 40_000,
    "a long line": b'{"event_type": "alert", "x": "' + b"x" * 100_000 + b'"}',
    "no number": b'{"event_type": "alert", "alert": {"signature_id": "one"}}',
    "a huge number": b'{"event_type": "alert", "alert": {"signature_id": ' + b"9" * 50 + b"}}",
    "digits without end": b'{"event_type": "alert", "alert": {"signature_id": ' + b"9" * 5000 + b"}}",
    "true": b'{"event_type": "alert", "alert": {"signature_id": true}}',
    "bytes": bytes(range(128, 256)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_line_is_counted_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, EVE, HOSTILE[name], EVE)
    assert (found["unreadable"], found["alerts"][0]["count"]) == (1, 2)


def test_texts_cannot_steer_a_terminal_and_are_cut(tmp_path: Path) -> None:
    message = "\x1b[2J\x1b]0;title\x07 \u202e" + "x" * 3000
    odd = {**EVE, "src_ip": "\x1b[31m", "proto": ["TCP"], "alert": {"signature_id": 7, "signature": message}}
    (alert,) = read(tmp_path, odd)["alerts"]
    assert all(str(value).isprintable() and len(str(value)) <= 200 for value in alert.values())


def test_a_line_of_fifty_megabytes_costs_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    found = read_large(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["alerts"][0]["count"] == 1
    assert peak < 40 << 20


def read_large(tmp_path: Path) -> dict[str, Any]:
    with (tmp_path / "eve.json").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + json.dumps(EVE).encode() + b"\n" + b'{"event_type": "alert", "half')
    return intrusion.facts(tmp_path, tmp_path / "mirror.json")


def test_many_rules_are_told_by_their_latest_alerts(tmp_path: Path) -> None:
    events = [
        {**EVE, "timestamp": f"{number:05}", "alert": {"signature_id": number + 1, "signature": "x"}}
        for number in range(5000)
    ]
    found = read(tmp_path, *events)
    assert len(found["alerts"]) == intrusion.RULES


def test_what_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(json.dumps(EVE) + "\n", encoding="utf-8")
    (tmp_path / "eve.json").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "alert_json.txt")
    begun = time.monotonic()
    assert intrusion.facts(tmp_path, tmp_path / "mirror.json")["engine"] is None
    assert time.monotonic() - begun < 1


def test_a_mirror_tells_its_counters_and_a_lying_one_is_bounded(tmp_path: Path) -> None:
    told = {"seen": 5, "mirrored": 4, "failed": 1, "repairs": 0, "devices": ["eth0"], "errors": {"lxc1": "refused"}}
    (tmp_path / "mirror.json").write_text(json.dumps(told), encoding="utf-8")
    mirror = intrusion.facts(tmp_path, tmp_path / "mirror.json")["mirror"]
    assert {key: mirror[key] for key in ("seen", "mirrored", "failed")} == {"seen": 5, "mirrored": 4, "failed": 1}
    assert mirror["errors"] == ["lxc1: refused"]
    lies = {"seen": -1, "mirrored": "x", "failed": 1e300, "devices": {"a": 1}, "errors": ["\x1b"]}
    (tmp_path / "mirror.json").write_text(json.dumps(lies), encoding="utf-8")
    found = intrusion.facts(tmp_path, tmp_path / "mirror.json")
    IntrusionFacts.model_validate_json(json.dumps(found))
    assert found["mirror"]["seen"] == 0
