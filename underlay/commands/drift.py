"""`python3 -m underlay drift`: compare nodes and policies with their declaration; only `--repair` changes anything."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from underlay.collect.gather import reached
from underlay.collect.look import Seen, look
from underlay.collect.policies import look_at_policies
from underlay.commands.common import BAD, UNKNOWN, Failure, judging, say
from underlay.commands.request import add_options, read_request
from underlay.model import Site
from underlay.plan.prerequisites import node_input
from underlay.plan.waivers import in_force
from underlay.remote import request
from underlay.report.columns import harmless


def main(argv: list[str]) -> int:
    """Look at all nodes of a stack at once, and at its policies, and say what differs."""
    parser = argparse.ArgumentParser(
        prog="underlay drift", description="Compare nodes and policies with their declaration."
    )
    add_options(parser)
    parser.add_argument("--node", action="append", metavar="NAME", help="look at this node only; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.add_argument("--repair", action="store_true", help="bring the nodes that differ back to their declaration")
    arguments = parser.parse_args(argv)
    return judging("drift", lambda: _drift(arguments))


def _drift(arguments: argparse.Namespace) -> int:
    asked = read_request(arguments)
    site = asked.site
    chosen = [node for node in site.nodes if not arguments.node or node.name in arguments.node]
    if unknown := sorted({*(arguments.node or ())} - {node.name for node in chosen}):
        raise Failure(f"no node is called {harmless(', '.join(unknown))}; the site has {_names(site)}")
    waived = in_force(asked.waivers, datetime.now(UTC).date())
    requests = {node.name: request("prepare_node", node_input(site, node, waived)) for node in chosen}
    there = reached(asked)
    seen = asyncio.run(look(there, asked.ssh.key, requests))
    if arguments.repair and (drifted := {one.node: requests[one.node] for one in seen if one.findings}):
        say("\n".join(_lines(seen)))
        again = {one.node: one for one in asyncio.run(look(there, asked.ssh.key, drifted, "apply"))}
        seen = [again.get(one.node, one) for one in seen]
    cluster = [look_at_policies(site, asked.kubeconfig)] if site.policies and not arguments.node else []
    say("\n".join([*_lines(seen), *(_of_policies(one) for one in cluster)]))
    if arguments.json:
        print(json.dumps([asdict(one) for one in (*seen, *cluster)]))
    return exit_code([*seen, *cluster])


def _of_policies(one: Seen) -> str:
    """Return what differs in the cluster's policies; only an update puts it right."""
    if one.error:
        return harmless(f"[policies-not-asked] cluster: {one.error}")
    told = [harmless(str(finding)) for finding in one.findings]
    return "\n".join([*told, f"policies: {len(told)} not as declared"])


def _names(site: Site) -> str:
    return ", ".join(node.name for node in site.nodes)


def exit_code(seen: Sequence[Seen]) -> int:
    """Return 3 where a node could not be asked, 1 where one has drifted, 0 where all are as declared."""
    return UNKNOWN if any(one.error for one in seen) else BAD if any(one.findings for one in seen) else 0


def _lines(seen: Sequence[Seen]) -> list[str]:
    lines = []
    for one in seen:
        lines += [harmless(str(finding)) for finding in one.findings]
        lines += [harmless(f"waived: {text}") for text in one.waived]
        lines += [harmless(f"[node-not-asked] {one.node}: {one.error}")] if one.error else []
    drifted, failed = sum(bool(one.findings) for one in seen), sum(bool(one.error) for one in seen)
    return [*lines, f"{len(seen)} nodes: {drifted} not as declared, {failed} could not be asked"]
