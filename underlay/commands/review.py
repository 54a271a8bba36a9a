"""`python3 -m underlay review`: a preview as one page for people, in Markdown and in HTML."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from underlay.commands import engine, stack_file
from underlay.commands.common import BAD, Failure, judging, say, text_of, written
from underlay.model import Site
from underlay.report.page import Page, Picture
from underlay.report.page_html import html
from underlay.report.page_markdown import markdown
from underlay.report.pictures import drawings
from underlay.report.review.answers import Case
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.page import review
from underlay.report.review.preview import Unreadable, read_preview
from underlay.report.review.ways import moved

FOLDER = Path("build") / "review"
MARKDOWN, HTML, ANSWERS = "review.md", "review.html", "review.json"


def main(argv: list[str]) -> int:
    """Write the pages; 0 where the preview may be applied, 1 where it is refused, 3 where there is none to review."""
    arguments = _arguments(argv)
    return judging("review", lambda: _reviewed(arguments))


def _reviewed(arguments: argparse.Namespace) -> int:
    site, name = _site(arguments), arguments.stack or "unnamed"
    case = _case(arguments, site)
    page = review(case, name, [] if site is None else [Picture(one.title, one.svg) for one in drawings(site)])
    _write(arguments.report, page, case.answered)
    say(f"review: {arguments.report / MARKDOWN} for a comment, {arguments.report / HTML} for a browser")
    if arguments.json:
        print(json.dumps(case.answered))
    else:
        print("\n".join(f"{question} {text}" for question, text in case.answered.items()))
    return BAD if case.judged.errors or case.judged.stops or case.judged.failures else 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="underlay review", description="Show a preview to those who review it.")
    add = parser.add_argument
    add("--stack", metavar="NAME", help="the stack; without --events its preview is made now, by `pulumi`")
    add("--events", type=Path, metavar="FILE", help="what `pulumi preview --json` has printed")
    add(
        "--event-log",
        type=Path,
        metavar="FILE",
        help="what `pulumi preview --event-log FILE` has written, in its stead or besides",
    )
    add("--policy", type=Path, metavar="FILE", help="policy.json of `underlay policy --report`")
    add("--policy-pack", metavar="DIR", help="ask this pack too, where the preview is made now")
    add("--against", type=Path, metavar="FILE", help="the former stack file, to compare ways and ranges with")
    add("--site", type=Path, metavar="FILE", help="the stack file (default: the stack's own)")
    add("--report", type=Path, default=FOLDER, metavar="DIR", help=f"where the pages go (default: {FOLDER})")
    add("--json", action="store_true", help="print questions and answers as JSON on standard output")
    return parser.parse_args(argv)


def _case(arguments: argparse.Namespace, site: Site | None) -> Case:
    files = [path for path in (arguments.events, arguments.event_log) if path]
    texts = [text_of(path) for path in files] or [_preview(arguments)]
    try:
        preview = read_preview(*texts)
    except Unreadable as error:
        raise Failure(f"{', '.join(map(str, files)) or 'the preview'}: {error}") from None
    try:
        said = judged(preview, text_of(arguments.policy) if arguments.policy else "")
    except (ValueError, AttributeError) as error:
        raise Failure(f"{arguments.policy} is no result of `underlay policy`: {error}") from None
    compared = moved(stack_file.site(arguments.against), site) if arguments.against and site else None
    return Case(changes(preview), said, compared)


def _site(arguments: argparse.Namespace) -> Site | None:
    """Return the declared site; None where no file is named, or where it is refused, which the findings say."""
    path = arguments.site or (engine.stack_file(arguments.stack) if arguments.stack else None)
    if path is None or not path.exists():
        return None
    try:
        return stack_file.site(path)
    except Failure:
        return None


def _preview(arguments: argparse.Namespace) -> str:
    """Return what the engine says of a stack now, policies included."""
    if not arguments.stack:
        raise Failure("nothing to review; name a stack (--stack) or what its preview has printed (--events)")
    words = ["preview", "--json", *engine.config_file()]
    words += ["--policy-pack", arguments.policy_pack] if arguments.policy_pack else []
    say(f"review: previews stack {arguments.stack}")
    done = engine.run(*words, stack=arguments.stack, more={"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "1"})
    if done.returncode and not done.stdout.strip():
        raise Failure(f"`pulumi preview` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _write(folder: Path, page: Page, answered: Mapping[str, str]) -> None:
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKDOWN).write_text(markdown(page), encoding="utf-8")
        (folder / HTML).write_text(html(page), encoding="utf-8")
        (folder / ANSWERS).write_text(json.dumps(answered, indent=2) + "\n", encoding="utf-8")
