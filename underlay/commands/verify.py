"""`python3 -m underlay verify`: collect evidence from the running site and say what is broken, where and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from underlay.collect.gather import gather
from underlay.commands.common import BAD, UNKNOWN, judging, say, written
from underlay.commands.request import add_options, read_request
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.plan.bgp import objects
from underlay.plan.ends import planned
from underlay.plan.policies.enforcement import enforcement
from underlay.plan.verification import EVIDENCE
from underlay.report.document import document
from underlay.report.evidence import files, run_id, secrets_of, write
from underlay.report.terminal import show

EXIT = {Status.PASS: 0, Status.FAIL: BAD, Status.ERROR: UNKNOWN, Status.SKIPPED: UNKNOWN}
SHORTENED = ("notes", "alerts", "checks", "lost", "causes")
"""Lists of the verdict in the order in which they lose entries where it would be too long."""
LONGEST = 150_000
"""Bytes of JSON on standard output at most: the engine keeps them in its state."""


def main(argv: list[str]) -> int:
    """Verify the site that the input describes."""
    arguments = _arguments(argv)
    return judging("verify", lambda: _verify(arguments))


def _verify(arguments: argparse.Namespace) -> int:
    request = read_request(arguments)
    evidence = gather(request, say)
    site = request.site
    verdict = judge(request.expected, evidence, planned(site), enforcement(site), objects(site))
    old = (datetime.now(UTC) - evidence.taken).total_seconds()
    show(verdict, sys.stderr, old)
    if arguments.json:
        print(_short(verdict))
    if arguments.report:
        secrets = secrets_of((request.ssh.key, request.ssh.bastion_key), request.kubeconfig)
        with written(arguments.report):
            write(arguments.report, files(request.site, verdict, evidence, secrets))
        say(f"verify: run {run_id(verdict)}, evidence in {arguments.report}")
    return EXIT[verdict.status]


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="underlay verify", description="Prove the underlay in the kernel.")
    add_options(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the verdict as JSON on standard output; the table goes to standard error in any case",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        default=os.environ.get(EVIDENCE),
        help=f"write verdict and evidence there; {EVIDENCE} in the environment says the same",
    )
    return parser.parse_args(argv)


def _short(verdict: Verdict) -> str:
    """Return the verdict as JSON; where it would be too long, entries of lists are left out, and how many is said."""
    content = document(verdict)
    if len(text := json.dumps(content)) <= LONGEST:
        return text
    left: dict[str, int] = dict.fromkeys(SHORTENED, 0)
    content["left_out"] = left
    _keep(content, "checks", [check for check in content["checks"] if check["status"] != Status.PASS.value])
    for name in SHORTENED:
        while content[name] and len(json.dumps(content)) > LONGEST:
            _keep(content, name, content[name][: len(content[name]) // 2])
    return json.dumps(content)


def _keep(content: dict[str, Any], name: str, kept: list[Any]) -> None:
    content["left_out"][name] += len(content[name]) - len(kept)
    content[name] = kept
