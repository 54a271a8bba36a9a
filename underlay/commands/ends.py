"""`python3 -m underlay ends`: both ends of every BGP session, as rendered or as a router's own text says."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from underlay.commands import stack_file
from underlay.commands.common import BAD, UNKNOWN, Failure, judging, site_option, text_of
from underlay.model import Site
from underlay.plan.ends import UNTRIED, declared_ends, differences, planned, unread
from underlay.report.columns import harmless


@dataclass(frozen=True)
class Found:
    """What came out of the comparison."""

    sessions: int
    differences: list[dict[str, str]]
    unread: list[str]
    untried: list[str]
    """Of which routers the text was read by a reader that has seen no router."""


def main(argv: list[str]) -> int:
    """Compare the ends; 1 where one is not as planned, 3 where something could not be compared."""
    parser = argparse.ArgumentParser(prog="underlay ends", description="Compare both ends of every BGP session.")
    site_option(parser)
    parser.add_argument(
        "--router",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a router's running configuration in place of the rendered one; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args(argv)
    return judging("ends", lambda: _ends(arguments))


def _ends(arguments: argparse.Namespace) -> int:
    site = stack_file.site(arguments.site)
    found = _compared(site, dict(_text(site, given) for given in arguments.router))
    print("\n".join(_lines(found)) if not arguments.json else json.dumps(asdict(found), indent=2))
    return BAD if found.differences else UNKNOWN if found.unread else 0


def _text(site: Site, given: str) -> tuple[str, str]:
    """Return a router's name and text; an empty one is a file that was not written, and says nothing of the router."""
    name, equals, path = given.partition("=")
    known = [router.name for router in site.routers]
    if name not in known or not equals:
        raise Failure(f"--router {harmless(given)}: expected NAME=FILE with one of {', '.join(known)}")
    text = text_of(Path(path))
    if not text.strip():
        raise Failure(f"--router {harmless(given)}: the file is empty; expected the configuration that {name} runs")
    return name, text


def _compared(site: Site, texts: dict[str, str]) -> Found:
    """Compare all but the passwords, which the site does not hold: there has to be one."""
    sessions, read = planned(site), declared_ends(site, texts, lambda _: "one")
    told = [
        {"wrong": one.wrong, "router": one.router, "peer": one.peer, "aspect": one.aspect, "sentence": one.sentence}
        for one in differences(sessions, read)
    ]
    return Found(len(sessions), told, unread(sessions, read), _untried(site))


def _untried(site: Site) -> list[str]:
    """Return a sentence for each router whose platform's reader has seen no router's text yet."""
    return [
        f"{router.name}: platform {router.platform} is read as the vendor documents it, which was not tried on a router"
        for router in site.routers
        if router.platform in UNTRIED
    ]


def _lines(found: Found) -> list[str]:
    sentences = [*found.untried, *(one["sentence"] for one in found.differences), *found.unread]
    end = f"{found.sessions} sessions: {len(found.differences)} differences, {len(found.unread)} not understood"
    return [harmless(line) for line in (*sentences, end)]
