"""Four racks with twelve workers: writes the site file, brings it up, verifies, and prints what it took.

`make bigger` runs it on a state folder of its own; it is a campaign, not a part of the tests.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.lab.site import Site, stack_with
from tests.unit.plan_sites import dev

RACKS, WORKERS = 4, 3
STEPS = (("pulumi", "up", "--yes", "--skip-preview", "--non-interactive"),)


def site_file(folder: Path) -> Path:
    """Write the dev site, grown to four racks in a chain of routers, and return the file."""
    return stack_with(grown(dev()), folder / "Pulumi.bigger.yaml")


def grown(dev: dict[str, Any]) -> dict[str, Any]:
    """Return the site with more racks: rack r behind router r, which is the neighbour of routers r-1 and r+1."""
    site = copy.deepcopy(dev)
    master = next(node for node in dev["nodes"] if node["role"] == "control-plane")
    site["racks"] = [_rack(number) for number in range(1, RACKS + 1)]
    site["routers"] = [_router(number) for number in range(1, RACKS + 1)]
    workers = [_worker(rack, place) for rack in range(1, RACKS + 1) for place in range(1, WORKERS + 1)]
    site["nodes"] = [{**master, "rack": "rack-1"}, *workers]
    site["security_groups"][0]["nodes"] = [node["name"] for node in site["nodes"]]
    return site


def _rack(number: int) -> dict[str, Any]:
    subnet, gateway = f"172.30.{number}.0/24", f"172.30.{number}.1"
    link = {"router": f"tor-{number}", "subnet": subnet, "address": gateway}
    return {"name": f"rack-{number}", "egress": "single", "links": [link]}


def _router(number: int) -> dict[str, Any]:
    neighbors = []
    for other in (number - 1, number + 1):
        if 1 <= other <= RACKS:
            first = 4 * min(number, other)
            mine, theirs = (first, first + 1) if number < other else (first + 1, first)
            neighbors.append(
                {
                    "name": f"tor-{other}",
                    "asn": 65100 + other,
                    "local": f"172.30.255.{mine}",
                    "remote": f"172.30.255.{theirs}",
                }
            )
    return {
        "name": f"tor-{number}",
        "platform": "frr" if number % 2 else "bird",
        "asn": 65100 + number,
        "managed": True,
        "management": {"address": f"192.168.250.{100 + number}", "user": "root"},
        "neighbors": neighbors,
    }


def _worker(rack: int, place: int) -> dict[str, Any]:
    number = (rack - 1) * WORKERS + place
    return {
        "name": f"worker-{number}",
        "role": "worker",
        "rack": f"rack-{rack}",
        "address": f"172.30.{rack}.{20 + place}",
        "management": {"address": f"192.168.250.{20 + number}", "user": "root"},
        "uplinks": [{"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}],
    }


def main() -> int:
    """Bring the bigger site up, verify it, print the times and the memory, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "state")
        begin = time.monotonic()
        try:
            site.good("up", "--site", str(site_file(Path(folder))))
            site.long(*STEPS[0])
            print(f"{RACKS * WORKERS} workers in {RACKS} racks: up and verified after {time.monotonic() - begin:.0f} s")
            begin = time.monotonic()
            verdict = site.verify()
            passed = len(verdict.document["checks"]) - len(verdict.not_passed())
            print(f"verify: {verdict.document['status']}, {passed} checks passed, {time.monotonic() - begin:.1f} s")
            print(subprocess.run(["free", "-m"], capture_output=True, text=True, check=True).stdout.splitlines()[1])
            return verdict.code
        finally:
            site.run("down")


if __name__ == "__main__":
    sys.exit(main())
