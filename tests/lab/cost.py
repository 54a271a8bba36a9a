"""Measure what the verifier costs a node, by both backends, and print it as a table: `make cost`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.lab.conversation import BACKENDS, Conversation
from tests.lab.load import PORT, SERVER, Kind, answers
from tests.lab.load import measure as loaded
from tests.lab.minifabric import Fabric, fabric
from tests.lab.minimachine import Machine
from tests.lab.minisite import GATEWAYS
from tests.lab.paired import Ratio, ratio
from underlay.collect.package import program

BOUNDS = {"seconds": 3.0, "cpu_seconds": 3.0, "peak_mib": 250, "ns_watched": 500, "ns_foreign": 500}
"""Seconds of the node's whole part and the processor's share of them, memory while attaching, nanoseconds per event."""
LOST = 0.05
"""Share of a stream's rate that the programs may cost; exceeded where the whole interval lies beyond, offload on."""
PAIRS = 10
RUN = "import runpy, sys; sys.path.insert(0, '/run/verifier.pyz'); runpy.run_path('/run/cost.py', run_name='__main__')"
MEASURING = Path(__file__).with_name("node_cost.py")
"""The part that runs on the node."""


def measure(lab: Fabric, backend: str) -> dict[str, Any]:
    """Return what one verification and the programs cost on node1."""
    lab.verify(backend)
    report = lab.reports["node1"]
    found = events(lab.machines["node1"], backend)
    return found | {
        "seconds": report.seconds,
        "cpu_seconds": report.cpu_seconds,
        "session_mib": report.evidence.peak_mib,
    }


def events(machine: Machine, backend: str) -> dict[str, Any]:
    """Return the node's own measurement."""
    machine.path("/run/verifier.pyz").write_bytes(program())
    machine.path("/run/cost.py").write_bytes(MEASURING.read_bytes())
    return dict(json.loads(machine.run("python3", "-I", "-c", RUN, backend)))


def throughput(lab: Fabric, backend: str, offload: str, pairs: int = PAIRS) -> Ratio:
    """Return a bulk stream's rate while the programs are attached on its node, by the rate without them.

    It runs from a pod over its node to the router: all machines share one kernel, so a stream through both nodes
    would pass the programs sixteen times a packet, and here it is four times; on a node of its own it is three. With
    `offload` off every packet of 1,500 bytes passes by itself; nodes have it on.
    """
    server = lab.machines["tor"].start("python3", "-c", SERVER, str(PORT))
    try:
        lab.machines["pod1"].run("ethtool", "-K", "eth0", "tso", offload, "gso", offload)
        answers(lab.machines["pod1"].words(), GATEWAYS["node1"])
        return ratio([_pair(lab, backend, number % 2 == 0) for number in range(pairs)])
    finally:
        lab.machines["pod1"].run("ethtool", "-K", "eth0", "tso", "on", "gso", "on")
        server.kill()
        server.communicate()


def _pair(lab: Fabric, backend: str, first: bool) -> tuple[float, float]:
    """Return the rate with programs and the one without, measured in this order or the other."""
    rates = {}
    for attached in (first, not first):
        talk = Conversation(lab.host("node1"), "node1", backend) if attached else None
        if talk:
            talk.begin()
        rates[attached] = loaded(lab.machines["pod1"].words(), GATEWAYS["node1"], Kind(0, 1)).rate
        if talk:
            talk.end()
    return rates[True], rates[False]


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the least of each number: whatever else runs on the machine can only add to it."""
    first = rows[0]
    numbers = {key: min(row[key] for row in rows) for key, value in first.items() if isinstance(value, int | float)}
    names = [key for key, value in first.items() if isinstance(value, dict)]
    return first | numbers | {key: {name: min(row[key][name] for row in rows) for name in first[key]} for key in names}


def over(found: dict[str, Any], *, crowded: bool = False) -> list[str]:
    """Return what is above its bound; on a crowded machine the clock says nothing, only the processor's time."""
    values = found | {key: found[key]["all"] for key in ("ns_watched", "ns_foreign")}
    bounds = {key: bound for key, bound in BOUNDS.items() if key != "seconds" or not crowded}
    return [f"{key} {values[key]}; at most {bound}" for key, bound in bounds.items() if values[key] > bound]


def busy() -> bool:
    """Say whether more processes want to run than the machine has cores."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures, one column for each backend."""
    flat = [{key: _text(value) for key, value in row.items()} for row in rows]
    lines = [" | ".join([key, *(row[key] for row in flat)]) for key in flat[0]]
    return "\n".join(f"| {line} |" for line in lines)


def _text(value: object) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)


def main() -> int:
    """Print the least of three measurements of each backend, and the machine's load."""
    with fabric() as lab:
        rows = [best([measure(lab, backend) for _ in range(3)]) for backend in BACKENDS]
        ratios = {(name, offload): throughput(lab, name, offload) for name in BACKENDS for offload in ("on", "off")}
    print(table(rows))
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, object {_object_kib()} KiB in the zip")
    for (backend, offload), found in ratios.items():
        print(f"{backend}: bulk stream with programs : without, offload {offload}, {PAIRS} pairs: {found.text}")
    wrong = [f"{row['backend']}: {sentence}" for row in rows for sentence in over(row)]
    wrong += [
        f"{name}: a stream's rate falls by more than 5 %" for name in BACKENDS if ratios[name, "on"].high < 1 - LOST
    ]
    print("\n".join(wrong) or "every bound is kept")
    return 1 if wrong else 0


def _object_kib() -> int:
    return len(program()) // 1024


if __name__ == "__main__":
    sys.exit(main())
