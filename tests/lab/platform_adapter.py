"""A platform's adapter for the ports of one lab router: applies security groups as `python3 -m underlay ports` asks."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SIDES = {"ingress": ("to", "saddr"), "egress": ("from", "daddr")}
"""Seen from a node's port: which chain filters a direction, and where the other side's address stands."""


def main(router: str, nodes: list[str]) -> None:
    """Read what is asked, write the chains of these nodes' ports, and answer for each group."""
    asked = json.load(sys.stdin)
    for group in asked["groups"]:
        for port in group["ports"]:
            for direction in SIDES if port["node"] in nodes else ():
                _write(router, *_chain(port["node"], direction, group["allow"]))
    print(json.dumps({"ports": {}, "groups": {group["name"]: "applied" for group in asked["groups"]}}))


def _chain(node: str, direction: str, allow: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """Return a chain of a node's port, and its rules."""
    way, other = SIDES[direction]
    passes = [
        " ".join(["ip", other, line["network"], *(["ip", "protocol", line["protocol"]] if _narrow(line) else [])])
        for line in allow
        if line["direction"] == direction
    ]
    return f"{way}_{node.replace('-', '_')}", [*(f"{words} accept" for words in passes), "counter drop"]


def _narrow(line: dict[str, Any]) -> bool:
    return bool(line["protocol"] != "any")


def _write(router: str, chain: str, rules: list[str]) -> None:
    """Write a chain in one transaction."""
    place = f"bridge platform {chain}"
    lines = [f"flush chain {place}", *(f"add rule {place} {rule}" for rule in ("ether type arp accept", *rules))]
    words = [sys.executable, "-m", "lab", "shell", router, "nft", "\n".join(lines)]
    subprocess.run(words, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
