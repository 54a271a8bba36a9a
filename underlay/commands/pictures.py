"""`python3 -m underlay pictures`: a site as drawings, as it is declared or as a verification has seen it."""

from __future__ import annotations

import argparse
from pathlib import Path

from underlay.commands import stack_file
from underlay.commands.common import say, site_option, written
from underlay.report.pictures import drawings

FOLDER = Path("build") / "pictures"


def main(argv: list[str]) -> int:
    """Write the pictures of a stack file's site."""
    parser = argparse.ArgumentParser(prog="underlay pictures", description="Draw a site.")
    site_option(parser)
    parser.add_argument("--report", type=Path, default=FOLDER, metavar="DIR", help=f"where to (default: {FOLDER})")
    arguments = parser.parse_args(argv)
    made = drawings(stack_file.site(arguments.site))
    with written(arguments.report):
        arguments.report.mkdir(parents=True, exist_ok=True)
        for one in made:
            (arguments.report / f"{one.name}.svg").write_text(one.svg, encoding="utf-8")
    say(f"pictures: {', '.join(str(arguments.report / f'{one.name}.svg') for one in made)}")
    return 0
