"""`python3 -m underlay COMMAND`: what the program's resources run, and what people run by hand."""

from __future__ import annotations

import importlib
import sys

from underlay.commands.common import Failure

COMMANDS = {
    "install": "underlay.commands.install",
    "lineage": "underlay.commands.lineage",
    "wait-cilium": "underlay.commands.wait_cilium",
    "wait-sessions": "underlay.commands.wait_sessions",
    "verify": "underlay.commands.verify",
    "drift": "underlay.commands.drift",
    "why": "underlay.commands.why",
    "recover": "underlay.commands.recover",
    "policy": "underlay.commands.policy",
    "birth": "underlay.commands.birth",
    "findings": "underlay.commands.findings",
    "render": "underlay.commands.render",
    "paths": "underlay.commands.paths",
    "review": "underlay.commands.review",
    "pictures": "underlay.commands.pictures",
    "schema": "underlay.commands.schema",
}


def main(argv: list[str]) -> int:
    """Run the command named first; every failure ends in one message."""
    name = argv[0] if argv else ""
    if name not in COMMANDS:
        print(f"usage: python3 -m underlay {{{','.join(COMMANDS)}}}", file=sys.stderr)
        return 2
    try:
        code: int = importlib.import_module(COMMANDS[name]).main(argv[1:])
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
