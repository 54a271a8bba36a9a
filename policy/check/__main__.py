"""Judge stacks and saved states by this pack; exits 0 (clean), 1 (violations) or 2 (could not judge)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..pack import POLICIES
from ..rules.lineage import BORN, HISTORY, RECORDED
from . import engine, report
from .history import history
from .stack import Unusable, declared
from .verdict import UNJUDGED, Verdict, verdict

PACK = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> int:
    """Judge every subject, print a table, write reports; whatever stops that is told and is no clean result."""
    arguments = _arguments(argv)
    try:
        verdicts = _judged(arguments)
        if arguments.report:
            report.write(arguments.report, verdicts, POLICIES)
        print(report.FORMS["policy.json"](verdicts, POLICIES) if arguments.json else report.table(verdicts, POLICIES))
    except Unusable as error:
        return _unjudged(str(error))
    except BrokenPipeError:
        raise  # nobody reads the answer
    except OSError as error:
        return _unjudged(f"{error.filename or 'standard output'} cannot be used: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no verdict
        return _unjudged(f"unexpected {type(error).__name__}: {error}")
    return report.outcome(verdicts)


def _unjudged(text: str) -> int:
    print(f"policy: {text}", file=sys.stderr)
    return UNJUDGED


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="policy", description=__doc__)
    add = parser.add_argument
    add("--project", type=Path, default=Path(), metavar="DIR", help="folder of Pulumi.yaml (default: here)")
    add("--stack", action="append", default=[], metavar="NAME", help="preview Pulumi.NAME.yaml; may be repeated")
    add(
        "--state",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="judge a state from `pulumi stack export`",
    )
    add("--past", action="append", type=Path, default=[], metavar="FILE", help="a state that only tells the past")
    add("--birth", type=Path, metavar="FILE", help="a cluster's live birth record, from `python -m underlay birth`")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a value in place of the stack file's")
    add("--config", type=Path, metavar="FILE", help="the pack's configuration, as --policy-pack-config takes it")
    add("--report", type=Path, metavar="DIR", help="write policy.json, policy.xml, policy.sarif and policy.md there")
    add("--json", action="store_true", help="print everything as JSON in place of the table")
    return parser.parse_args(argv)


def _judged(arguments: argparse.Namespace) -> list[Verdict]:
    if not arguments.stack and not arguments.state:
        raise Unusable("nothing to judge; name a stack (--stack) or a saved state (--state)")
    config, notes = _configuration(arguments)
    return [
        *(_stack(arguments, name, config, notes) for name in arguments.stack),
        *(_state(path, config, notes) for path in arguments.state),
    ]


def _configuration(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Return the pack's configuration with what is known of the past and of the live cluster."""
    config: dict[str, Any] = _json(arguments.config) if arguments.config else {}
    past = history(arguments.project, [*arguments.past, *arguments.state])
    for rule in (HISTORY.name, RECORDED.name):
        config[rule] = {"history": past.records, **_of(config, rule)}
    config[HISTORY.name] = {"complete": past.complete, **config[HISTORY.name]}
    if arguments.birth:
        config[BORN.name] = {"birth": _json(arguments.birth), **_of(config, BORN.name)}
    return config, past.notes


def _of(config: dict[str, Any], rule: str) -> dict[str, Any]:
    found = config.get(rule) or {}
    return {"enforcementLevel": found} if isinstance(found, str) else dict(found)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unusable(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise Unusable(f"{path} holds no JSON object")
    return found


def _stack(arguments: argparse.Namespace, name: str, config: dict[str, Any], notes: list[str]) -> Verdict:
    file = arguments.project / f"Pulumi.{name}.yaml"
    changes = dict(pair.partition("=")[::2] for pair in arguments.set)
    with engine.workshop() as folder:
        run = engine.preview(folder, declared(arguments.project, file, changes), PACK, config)
    said = [f"{key} was set for this check" for key in changes]
    return verdict(file.name, run, POLICIES, config, [*notes, *said])


def _state(path: Path, config: dict[str, Any], notes: list[str]) -> Verdict:
    with engine.workshop() as folder:
        run = engine.analyze(folder, path, PACK, config)
    return verdict(path.name, run, POLICIES, config, notes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
