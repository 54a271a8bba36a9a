"""Bring this project's part of a router's configuration in (`apply`) or out (`remove`); touch no other part.

Input: {"site", "router", "platform", "text", "mark", "password"}, and {"waived": {rule: reason}} where something is.
Order: look, compare, check the syntax, keep a copy, apply, look again; what fails after that is taken back. What
another site has applied is a finding, and so is a session of the router's own that the text would take over; what this
site has applied under another name is taken over by `apply` and left alone by `remove`.
Output: {"findings", "changed", "diff"}, and {"waived"} where a finding was, without passwords.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from pathlib import Path
from typing import Any

from underlay.remote.bird import Bird
from underlay.remote.frr import Frr
from underlay.remote.machine import Trouble, read, report, unwritten
from underlay.remote.owner import Owner, is_anothers, left_alone, owner_in, refuse_another_site

PLATFORMS: dict[str, type[Frr | Bird]] = {"frr": Frr, "bird": Bird}
IN_USE = "router-neighbour-in-use"
TAKE = (
    "Take this out at the router, or waive the rule: then the site's filters, timers and password come in its place, "
    "until the site is destroyed. Nothing was changed."
)
PASSWORD = re.compile(r"[!#-\[\]-~]{1,80}")
"""TCP-MD5 takes 80 bytes; blanks, quotes and backslashes are read differently by different routers."""
TOLD = re.compile(r'(password\s+)("[^"]*"\S*|\S+)')
"""A password as a text tells it; to FRR semicolons and quotes are letters of it."""


def masked(text: str) -> str:
    """Return a text without the passwords in it."""
    return TOLD.sub(r"\1***", text)


def filled(data: dict[str, Any]) -> str:
    """Return the declared text with the password in its place."""
    text, password = str(data["text"]), str(data["password"])
    if data["mark"] in text and not PASSWORD.fullmatch(password):
        expected = "1 to 80 printable ASCII characters without blank, quote and backslash"
        raise Trouble("bgp-password-unusable", "bgpPassword", f"{len(password)} characters, not all allowed", expected)
    return text.replace(data["mark"], password)


def forwards(root: Path) -> None:
    """Refuse a router that does not route."""
    found = read(root / "proc/sys/net/ipv4/ip_forward").strip()
    if found != "1":
        fix = "Set net.ipv4.ip_forward=1 on the router."
        raise Trouble("router-does-not-forward", "net.ipv4.ip_forward", found or "nothing", "1", fix)


def work(action: str, data: dict[str, Any], root: Path = Path("/")) -> dict[str, Any]:
    """Do what was asked and return what changed."""
    router = PLATFORMS[data["platform"]](root)
    router.look()
    before, mine = router.own(), Owner(data["site"], data["router"])
    found = owner_in(before)
    if action == "apply":
        forwards(root)
        refuse_another_site("foreign-router-configuration", str(router.file), found, mine)
    elif is_anothers(found, mine):
        return left_alone(found, {"diff": []})
    text = filled(data) if action == "apply" else ""
    waived = _waived(router, text, data.get("waived", {})) if text else {}
    changed = router.change(text)
    lines = difflib.unified_diff(masked(before).splitlines(), masked(router.own()).splitlines(), "before", "after", n=1)
    return {"changed": [masked(line) for line in changed], "diff": [line.rstrip() for line in lines], **waived}


def _waived(router: Frr | Bird, text: str, excused: dict[str, str]) -> dict[str, Any]:
    """Refuse to take over sessions of the router's own; return them with its reason where a waiver excuses that."""
    if not (taken := router.taken(text)):
        return {}
    expected = "no session of the router's own with a neighbour that the site declares"
    trouble = Trouble(IN_USE, str(router.file), "; ".join(taken), expected, TAKE)
    if IN_USE not in excused:
        raise trouble
    return {"waived": [{**trouble.finding, "found": masked("; ".join(taken)), "reason": excused[IN_USE]}]}


def main(argv: list[str], root: Path = Path("/")) -> int:
    """Read the input, work, report."""
    data = json.load(sys.stdin)
    try:
        return report([], {"router": data["router"], **work(argv[0], data, root)})
    except Trouble as trouble:
        found = trouble
    except OSError as error:
        found = unwritten(error, root, "it goes on from what the router has")
    finding = {key: masked(value) for key, value in found.finding.items()}
    finding["where"] = f"{data['router']}, {finding['where']}"
    return report([finding], {"router": data["router"], "changed": []})
