"""Whether the site was under load, and its pods were replaced, while verdicts were taken: counters and identities."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LEAST = 1_000_000
"""Bytes that each sink has to take while verdicts are taken; a stream that runs sends four times as many a second."""
REVISION = "deployment.kubernetes.io/revision"


class Workloads(NamedTuple):
    """The deployments by name with the number of their roll-outs, and the identities of all pods."""

    revisions: dict[str, int]
    pods: set[str]


Proof = tuple[str, list[str]]
"""What happened, for the figures, and what did not happen."""


def received(space: str, sinks: Iterable[str]) -> dict[str, int]:
    """Return the bytes that each sink's pod has taken, by its own network's counter."""
    words = ("--", "python3", "-c", "print(open('/proc/net/dev').read())")
    return {sink: counted(kubectl("-n", space, "exec", f"deployment/{sink}", *words)) for sink in sinks}


def counted(devices: str) -> int:
    """Return the received bytes of all devices but the loopback in the kernel's table of devices."""
    rows = [line.partition(":") for line in devices.splitlines() if ":" in line]
    return sum(int(counters.split()[0]) for name, _, counters in rows if name.strip() != "lo")


def traffic(before: Mapping[str, int], after: Mapping[str, int]) -> Proof:
    """Tell how much each sink has taken between two looks."""
    grown = {sink: after[sink] - before[sink] for sink in before}
    lacking = [f"{sink} took {taken} bytes; expected {LEAST}" for sink, taken in grown.items() if taken < LEAST]
    return f" with {min(grown.values()) / 1e6:.0f} MB or more to each sink", lacking


def workloads(space: str) -> Workloads:
    """Return deployments and pods as the API shows them."""
    items: list[dict[str, Any]] = json.loads(kubectl("-n", space, "get", "deployments,pods", "-o", "json"))["items"]
    deployments = [item["metadata"] for item in items if item["kind"] == "Deployment"]
    return Workloads(
        {one["name"]: int(one["annotations"][REVISION]) for one in deployments},
        {item["metadata"]["uid"] for item in items if item["kind"] == "Pod"},
    )


def replaced(before: Workloads, after: Workloads) -> Proof:
    """Tell how often deployments were rolled out between two looks, and which were not, or whose pods stayed."""
    rolled = {name: after.revisions[name] - count for name, count in before.revisions.items()}
    lacking = [f"{name} was not rolled out again" for name, count in rolled.items() if count < 1]
    stayed = before.pods & after.pods
    lacking += [f"{len(stayed)} of {len(before.pods)} pods were never replaced"] if stayed else []
    return f" with {sum(rolled.values())} roll-outs of {len(rolled)} deployments", lacking


def kubectl(*words: str, text: str = "") -> str:
    """Return what kubectl prints; the program ends where it fails."""
    done = subprocess.run(["kubectl", *words], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
