"""`python3 -m underlay ends`: both ends of every BGP session, as rendered or as a router's own text says."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from underlay.commands import stack_file
from underlay.commands.common import Failure, text_of
from underlay.model import Site
from underlay.plan.ends import READERS, declared_ends, differences, planned, unread
from underlay.report.columns import harmless


@dataclass(frozen=True)
class Found:
    """What came out of the comparison."""

    sessions: int
    differences: list[dict[str, str]]
    unread: list[str]


def main(argv: list[str]) -> int:
    """Compare the ends; 1 where one is not as planned, 3 where a filter was not understood."""
    parser = argparse.ArgumentParser(prog="underlay ends", description="Compare both ends of every BGP session.")
    parser.add_argument("--site", type=Path, required=True, metavar="FILE", help="a stack file, as Pulumi.dev.yaml")
    parser.add_argument(
        "--router",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a router's running configuration (FRR, BIRD) in place of the rendered one; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args(argv)
    site = stack_file.site(arguments.site)
    found = _compared(site, dict(_text(site, given) for given in arguments.router))
    print("\n".join(_lines(found)) if not arguments.json else json.dumps(found.__dict__, indent=2))
    return 1 if found.differences else 3 if found.unread else 0


def _text(site: Site, given: str) -> tuple[str, str]:
    """Return a router's name and text."""
    name, _, path = given.partition("=")
    readable = [router.name for router in site.routers if router.platform in READERS]
    if name not in readable:
        raise Failure(f"--router {harmless(given)}: expected NAME=FILE with one of {', '.join(readable)}")
    return name, text_of(Path(path))


def _compared(site: Site, texts: dict[str, str]) -> Found:
    """Compare all but the passwords, which the site does not hold: there has to be one."""
    sessions, read = planned(site), declared_ends(site, texts, lambda _: "one")
    told = [
        {"wrong": one.wrong, "router": one.router, "peer": one.peer, "aspect": one.aspect, "sentence": one.sentence}
        for one in differences(sessions, read)
    ]
    return Found(len(sessions), told, unread(sessions, read))


def _lines(found: Found) -> list[str]:
    sentences = [*(one["sentence"] for one in found.differences), *found.unread]
    end = f"{found.sessions} sessions: {len(found.differences)} differences, {len(found.unread)} not understood"
    return [harmless(line) for line in (*sentences, end)]
