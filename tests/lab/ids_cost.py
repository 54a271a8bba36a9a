"""`make intrusion-cost`: what the mirror and an engine cost a stream, as pairs with their spread, on the small fabric.

The stream runs from a pod over its node to the router, as for `make cost`; all machines share the cores, the engine
too, which on nodes of their own would have its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from lab.toolchain import ensure
from tests.lab.ids_ground import Detection, extend
from tests.lab.load import PORT, SERVER, Kind, answers, measure
from tests.lab.minifabric import Fabric, fabric
from tests.lab.minisite import GATEWAYS
from tests.lab.paired import Ratio, ratio

PAIRS = 8
STREAM = Kind(0, 1)
CASES = {
    "the mirror, nobody reads": ("pod-links", False),
    "the mirror and Suricata": ("pod-links", True),
    "Suricata at the uplink": ("uplink", True),
}
"""What is at work in one half of each pair: capture point, and whether an engine reads."""


def compare(lab: Fabric, capture: str, *, engine: bool, pairs: int = PAIRS) -> Ratio:
    """Return a bulk stream's rate with detection at work, by the rate without it."""
    return ratio([_pair(lab, capture, engine=engine, first=number % 2 == 0) for number in range(pairs)])


def _pair(lab: Fabric, capture: str, *, engine: bool, first: bool) -> tuple[float, float]:
    rates = {}
    for at_work in (first, not first):
        with tempfile.TemporaryDirectory() as folder:
            detection = Detection(lab, Path(folder), capture=capture) if at_work else None
            if detection:
                detection.start() if engine else detection.start_mirror()
            rates[at_work] = measure(lab.machines["pod1"].words(), GATEWAYS["node1"], STREAM).rate
            if detection:
                detection.stop()
    return rates[True], rates[False]


def rows(lab: Fabric) -> list[tuple[str, str, str]]:
    """Return each case with the sender's offload, and its ratio in words."""
    server = lab.machines["tor"].start("python3", "-c", SERVER, str(PORT))
    found = []
    try:
        answers(lab.machines["pod1"].words(), GATEWAYS["node1"])
        for offload in ("on", "off"):
            lab.machines["pod1"].run("ethtool", "-K", "eth0", "tso", offload, "gso", offload)
            for name, (capture, engine) in CASES.items():
                found.append((name, offload, compare(lab, capture, engine=engine).text))
                print(f"| {' | '.join(found[-1])} |", flush=True)
    finally:
        server.kill()
        server.communicate()
    return found


def main() -> int:
    """Print the table."""
    ensure(["engine"])
    print(
        f"rate with : rate without, {PAIRS} pairs each; load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    )
    print("| at work | sender's offload | ratio |\n|---|---|---|", flush=True)
    with fabric() as lab:
        extend(lab)
        rows(lab)
    return 0


if __name__ == "__main__":
    sys.exit(main())
