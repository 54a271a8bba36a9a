"""`python3 -m underlay why`: the chain from the declaration to a pod's packets, and its first broken link in words."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from urllib.parse import quote

from underlay.collect.cluster_api import ClusterApi, Unanswered, Unreached
from underlay.collect.gather import Request, gather
from underlay.commands.common import BAD, UNKNOWN, Failure, judging, say
from underlay.commands.request import add_options, read_request
from underlay.judge.verdict import Status
from underlay.judge.why import Chain, chain
from underlay.plan.ends import planned
from underlay.report.columns import harmless

SIGNS = {Status.PASS: "ok   ", Status.FAIL: "BROKEN", Status.ERROR: "unread", Status.SKIPPED: "-    "}
SECONDS = 15.0
"""For the Kubernetes API to say where a pod is."""
LONGEST = 160
"""Letters of what was seen at one link."""


def main(argv: list[str]) -> int:
    """Say for one pod, by address or NAMESPACE/NAME, where its chain breaks first."""
    parser = argparse.ArgumentParser(prog="underlay why", description="Follow a pod from declaration to packets.")
    parser.add_argument("pod", help="its address, or NAMESPACE/NAME")
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print the chain as JSON on standard output")
    arguments = parser.parse_args(argv)
    return judging("why", lambda: _why(arguments))


def _why(arguments: argparse.Namespace) -> int:
    request = read_request(arguments)
    address = _address(arguments.pod, request)
    found = chain(request.expected, gather(request, say), address, planned(request.site))
    say("\n".join(lines(found)))
    if arguments.json:
        print(json.dumps(asdict(found)))
    return exit_code(found)


def exit_code(found: Chain) -> int:
    """Return 0 where every link holds, 1 where one is broken, 3 where one could not be read."""
    broken = found.broken
    return 0 if broken is None else BAD if broken.status is Status.FAIL else UNKNOWN


def lines(found: Chain) -> list[str]:
    """Return the chain as text: a line for each link, then the first broken one, then the causes."""
    shown = [f"{SIGNS[link.status]:6}  {link.what}: {link.seen[:LONGEST]}" for link in found.links]
    broken = found.broken
    word = "broken" if broken and broken.status is Status.FAIL else "unread"
    end = f"first {word} link: {broken.what}: {broken.seen[:LONGEST]}" if broken else "every link holds"
    told = [f"cause: {sentence}" for sentence in found.causes]
    return [harmless(line) for line in (f"why {found.subject}", *shown, end, *told)]


def _address(pod: str, request: Request) -> IPv4Address:
    try:
        return IPv4Address(pod)
    except AddressValueError:
        pass
    namespace, slash, name = pod.partition("/")
    if not slash:
        raise Failure(f"{harmless(pod)!r} is no address; expected one, or NAMESPACE/NAME of a pod")
    return _of_pod(namespace, name, request)


def _of_pod(namespace: str, name: str, request: Request) -> IPv4Address:
    try:
        with ClusterApi(request.kubeconfig, SECONDS) as api:
            pods = api.items(f"/api/v1/namespaces/{quote(namespace, safe='')}/pods")
    except (Unreached, Unanswered) as error:
        raise Failure(f"the Kubernetes API does not say where pod {harmless(name)} is: {error}") from None
    found = next((_addresses(pod["status"]) for pod in pods if pod["metadata"]["name"] == name), [])
    if not found:
        there = ", ".join(pod["metadata"]["name"] for pod in pods[:10]) or "none"
        raise Failure(f"no pod {harmless(name)} with an address in namespace {harmless(namespace)}; there: {there}")
    try:
        return next(IPv4Address(one) for one in found if ":" not in one)
    except (StopIteration, AddressValueError):
        told = harmless(", ".join(found))
        raise Failure(f"pod {harmless(name)} has no IPv4 address, but {told}; the underlay carries IPv4") from None


def _addresses(status: Mapping[str, Any]) -> list[str]:
    """Return a pod's addresses, of both IP versions where it has both."""
    both = [str(one["ip"]) for one in status.get("podIPs") or () if one.get("ip")]
    return both or [str(one) for one in [status.get("podIP")] if one]
