"""What a router's kernel says of itself: packet filters that drop, and signatures of BGP segments that are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from underlay.judge.evidence import Filter, Port

REFUSING = ("drop", "reject")
"""Verdicts of nftables that end a packet."""
GROUP, COUNTERS = "TcpExt:", ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure")
"""Counters in /proc/net/netstat: no signature, one that nobody asked for, a wrong one."""


UP = {"UP", "UNKNOWN"}
"""What the kernel says of an interface that carries packets."""


def ports(text: str) -> tuple[Port, ...]:
    """Read `ip -json address`: interfaces with IPv4 addresses, and whether they carry packets."""
    return tuple(
        Port(
            name=link["ifname"],
            up="UP" in link.get("flags", ()) and link.get("operstate") in UP,
            networks=tuple(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if "local" in one),
        )
        for link in json.loads(text)
        if link.get("addr_info")
    )


def filters(text: str) -> tuple[Filter, ...] | None:
    """Read `nft --json list ruleset`: base chains whose policy or rules drop; None where there is no nftables."""
    if not text.strip():
        return None
    parts = json.loads(text)["nftables"]
    chains = [part["chain"] for part in parts if "chain" in part]
    rules = [part["rule"] for part in parts if "rule" in part]
    found = [_filter(chain, [rule for rule in rules if _within(rule, chain)]) for chain in chains if "hook" in chain]
    return tuple(one for one in found if one.rules or one.policy == "drop")


def _filter(chain: dict[str, Any], rules: list[dict[str, Any]]) -> Filter:
    return Filter(
        family=chain["family"],
        table=chain["table"],
        chain=chain["name"],
        hook=chain["hook"],
        policy=chain.get("policy", "accept"),
        rules=tuple(words for rule in rules if (words := " ".join(_words(rule["expr"])))),
    )


def _within(rule: dict[str, Any], chain: dict[str, Any]) -> bool:
    ours = (chain["family"], chain["table"], chain["name"])
    return (rule["family"], rule["table"], rule["chain"]) == ours


def _words(expressions: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what a rule matches and its verdict; nothing for a rule that lets packets go on."""
    verdict = next((word for part in expressions for word in REFUSING if word in part), "")
    if verdict:
        yield from (_match(part["match"]) for part in expressions if "match" in part)
        yield verdict


def _match(match: dict[str, Any]) -> str:
    left, right = match["left"], match["right"]
    field = left.get("payload") or left.get("meta") or left
    name = " ".join(str(field[key]) for key in ("protocol", "field", "key") if key in field) or json.dumps(left)
    prefix = right.get("prefix") if isinstance(right, dict) else None
    value = f"{prefix['addr']}/{prefix['len']}" if prefix else right if isinstance(right, str) else json.dumps(right)
    return f"{name} {value}" if match.get("op", "==") == "==" else f"{name} {match['op']} {value}"


def md5(text: str) -> dict[str, int]:
    """Read /proc/net/netstat twice: what was counted in between, by counter."""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith(GROUP)]
    if len(lines) != 4:
        raise ValueError("/proc/net/netstat was not read twice")
    before, after = (dict(zip(lines[at], lines[at + 1], strict=True)) for at in (0, 2))
    return {name: int(after[name]) - int(before[name]) for name in COUNTERS if name in after}
