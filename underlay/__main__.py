"""`python3 -m underlay COMMAND`: what the program's resources run, and what people run by hand."""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches

from underlay.commands.ending import ended

COMMANDS = {
    "paths": "which way pods take, and what remains of it after each loss",
    "ends": "both ends of every BGP session, and what a router's own text has otherwise than planned",
    "matrix": "who reaches whom by the site's policies, and which rule decides",
    "groups": "what has to pass around nodes: a table, JSON, or lists for devices",
    "findings": "every rule, or the ones that are named",
    "render": "the Cilium release as preview renders it, and what would change",
    "review": "what a preview does, for those who review it",
    "pictures": "the site as pictures",
    "policy": "judge stacks and saved states by the policy pack",
    "verify": "prove the running site in the kernel of every node",
    "why": "follow one pod from declaration to packets",
    "drift": "compare each node with its declaration",
    "birth": "a running cluster's birth record, for the policy pack",
    "recover": "bring a stack back that was killed in the middle of an update",
    "schema": "JSON Schemas and the page of keys, made from the model",
    "install": "cluster file and installer; run by the stack, JSON on standard input",
    "ports": "let the site's adapter set checks and groups at ports; run by the stack, JSON on standard input",
    "ports-back": "let it give back what was there before; run by the stack, JSON on standard input",
    "lineage": "what was applied, and the cluster's birth; run by the stack",
    "wait-cilium": "until every node runs a ready agent; run by the stack",
    "wait-sessions": "until every BGP session is established; run by the stack",
}
"""What each command is for; its module is called like it."""
USAGE = "usage: python3 -m underlay COMMAND ...; COMMAND --help says more"


def module(name: str) -> str:
    """Return the module of a command."""
    return f"underlay.commands.{name.replace('-', '_')}"


def usage() -> str:
    """Return what there is, a line for each command."""
    return "\n".join([USAGE, *(f"  {name:14} {does}" for name, does in COMMANDS.items())])


def main(argv: list[str]) -> int:
    """Run the command named first; every failure ends in one message."""
    name = argv[0] if argv else ""
    if name in {"-h", "--help"}:
        return ended("underlay", _help)
    if name not in COMMANDS:
        print(usage(), *_unknown(name), sep="\n", file=sys.stderr)
        return 2
    return ended(name, lambda: int(importlib.import_module(module(name)).main(argv[1:])))


def _help() -> int:
    print(usage())
    return 0


def _unknown(name: str) -> list[str]:
    """Return what to say of a word that is no command; nothing where there is none."""
    meant = "".join(f"; perhaps {one} is meant" for one in get_close_matches(name, COMMANDS, 1))
    return [f"underlay: no command is called {name!r}{meant}"] if name else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
