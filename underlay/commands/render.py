"""Render a stack's Cilium release as its preview does, and say what is wrong and what would change."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from underlay.chart.gate import Passed, gate
from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.commands import stack_file
from underlay.commands.common import Failure, say, text_of
from underlay.plan.chart.difference import Change, differences
from underlay.plan.chart.objects import AGENT, CONFIG
from underlay.plan.chart.source import chosen
from underlay.plan.values import NAMESPACE

RUNNING = {
    "ConfigMap": f"/api/v1/namespaces/{NAMESPACE}/configmaps/{CONFIG}",
    "DaemonSet": f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{AGENT}",
}
"""What is compared of a running release."""


def main(argv: list[str]) -> int:
    """Print findings and changes; not zero where the release would be refused."""
    arguments = _arguments(argv)
    release = _release(Path(arguments.stack_file), arguments.chart)
    changes = _changes(arguments, release) if release.chart else ()
    if arguments.objects:
        print(yaml.safe_dump_all(release.objects, sort_keys=False), end="")
    elif arguments.json:
        found = [one.to_json() for one in release.findings]
        print(json.dumps({"findings": found, "changes": [one.to_json() for one in changes]}))
    else:
        print("\n".join(map(str, [*release.findings, *changes])) or "nothing to say")
    return 1 if release.findings else 0


def _changes(arguments: argparse.Namespace, release: Passed) -> Sequence[Change]:
    """Return what changes towards a release from what it is to be compared with; nothing where none was rendered."""
    before: Sequence[Mapping[str, Any]] | None = None
    if arguments.against:
        before = _release(Path(arguments.against), arguments.chart).objects
    elif arguments.running:
        before = running(Path(arguments.running))
    if before is None or not release.objects:
        return ()
    return differences(before, release.objects, running=bool(arguments.running))


def running(kubeconfig: Path) -> list[Mapping[str, Any]]:
    """Return the running release's configuration and DaemonSet; nothing where there is none."""
    try:
        api = ClusterApi(text_of(kubeconfig))
        found = {kind: api.get(path) for kind, path in RUNNING.items()}
    except Unanswered as error:
        raise Failure(f"the running release cannot be read by {kubeconfig}: {error}") from None
    return [{"kind": kind, **one} for kind, one in found.items() if one]


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="underlay render", description=__doc__)
    parser.add_argument("stack_file", metavar="FILE", help="stack file, as in Pulumi.dev.yaml")
    parser.add_argument("--chart", metavar="REFERENCE", help="another place of the chart than the stack file's")
    parser.add_argument("--objects", action="store_true", help="print the rendered objects as YAML")
    parser.add_argument("--json", action="store_true", help="print findings and changes as JSON")
    before = parser.add_mutually_exclusive_group()
    before.add_argument("--against", metavar="FILE", help="an older stack file: say what changes from it")
    before.add_argument("--running", metavar="KUBECONFIG", help="a cluster: say what changes from what runs there")
    return parser.parse_args(argv)


def _release(path: Path, chart: str | None) -> Passed:
    site = stack_file.site(path)
    reference = chosen(site, chart or stack_file.config(path).get(stack_file.CHART) or "")
    if site.cilium.owner != "release":
        say(f"{path}: the vendor's installer owns Cilium, so nothing is rendered")
    elif not reference:
        raise Failure(f"{path} names no chart; name one by --chart")
    return gate(site, reference)
