"""Who filters packets: nftables by netlink, the legacy table by its socket option; nothing is loaded."""

# ruff: noqa: ANN401 - bcc and pyroute2 carry no types

from __future__ import annotations

import ctypes
import os
import socket
import struct
from pathlib import Path
from typing import Any

HOOKS = {1: "input", 2: "forward", 3: "output"}
"""Hooks by their number in nftables and in the legacy table, whose chains bear the same names."""
TABLES = Path("/proc/net/ip_tables_names")
"""Legacy tables that exist; asking for another one would create it."""
GET_INFO, GET_ENTRIES = 64, 65
"""IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES."""
INFO = struct.Struct("32sI5I5III")
DROP = "drop"
VERDICTS: dict[int | None, str] = {-1: DROP, -2: "accept"}
"""Standard verdicts as the legacy table stores them."""
ALL, FAMILIES = 0, {1: "inet", 2: "ip"}
"""Number that asks nftables for every family, and the families whose chains see IPv4 packets."""

_libc = ctypes.CDLL(None, use_errno=True)


def chains() -> list[dict[str, Any]]:
    """Return the chains at these hooks: kind, table, chain, hook, policy, and how many rules drop."""
    return [*_nftables(), *_legacy()]


def _nftables() -> list[dict[str, Any]]:
    from pyroute2.nftables.main import NFTables

    with NFTables(nfgen_family=ALL) as nft:
        hooked = (chain for chain in nft.get_chains() if chain.get_attr("NFTA_CHAIN_HOOK"))
        found = [chain for chain in hooked if chain["nfgen_family"] in FAMILIES and _hook(chain) in HOOKS]
        rules = nft.get_rules() if found else []
    return [
        {
            "kind": "nftables",
            "table": f"{FAMILIES[chain['nfgen_family']]} {chain.get_attr('NFTA_CHAIN_TABLE')}",
            "chain": chain.get_attr("NFTA_CHAIN_NAME"),
            "hook": HOOKS[_hook(chain)],
            "policy": DROP if chain.get_attr("NFTA_CHAIN_POLICY") == 0 else "accept",
            "drops": sum(_drops(rule) for rule in rules if _same_chain(rule, chain)),
        }
        for chain in found
    ]


def _hook(chain: Any) -> int:
    return int(chain.get_attr("NFTA_CHAIN_HOOK").get_attr("NFTA_HOOK_HOOKNUM"))


def _same_chain(rule: Any, chain: Any) -> bool:
    """Say whether a rule is of a chain: tables of two families may bear one name, and so may their chains."""
    names = [(f"NFTA_RULE_{name}", f"NFTA_CHAIN_{own}") for name, own in (("TABLE", "TABLE"), ("CHAIN", "NAME"))]
    alike = all(rule.get_attr(ours) == chain.get_attr(theirs) for ours, theirs in names)
    return alike and rule["nfgen_family"] == chain["nfgen_family"]


def _drops(rule: Any) -> bool:
    return "NF_DROP" in str(rule.get_attr("NFTA_RULE_EXPRESSIONS")) or "'reject'" in str(rule)


def _legacy() -> list[dict[str, Any]]:
    """Return the legacy table's chains; a chain's policy is the verdict of its last entry."""
    if "filter" not in (TABLES.read_text().split() if TABLES.exists() else []):
        return []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        info = INFO.unpack(_option(sock, GET_INFO, b"filter".ljust(INFO.size, b"\0")))
        size = info[13]
        head = struct.pack("32sII", b"filter", size, 0)
        entries = _option(sock, GET_ENTRIES, head + bytes(size))[len(head) :]
    return [_chain(hook, list(_verdicts(entries, info[2 + at], info[7 + at]))) for at, hook in HOOKS.items()]


def _chain(hook: str, verdicts: list[int | None]) -> dict[str, Any]:
    return {
        "kind": "iptables-legacy",
        "table": "filter",
        "chain": hook.upper(),
        "hook": hook,
        "policy": VERDICTS.get(verdicts[-1], str(verdicts[-1])),
        "drops": sum(verdict == -1 for verdict in verdicts[:-1]),
    }


def _verdicts(entries: bytes, at: int, last: int) -> list[int | None]:
    """Return the standard verdict of each entry from one offset to another; None where the target is an extension."""
    found: list[int | None] = []
    while at <= last:
        target, following = struct.unpack_from("HH", entries, at + 88)
        name = entries[at + target + 2 : at + target + 31].rstrip(b"\0")
        found.append(struct.unpack_from("i", entries, at + target + 32)[0] if not name else None)
        at += following
    return found


def _option(sock: socket.socket, option: int, request: bytes) -> bytes:
    buffer = ctypes.create_string_buffer(request, len(request))
    length = ctypes.c_uint32(len(request))
    if _libc.getsockopt(sock.fileno(), socket.IPPROTO_IP, option, buffer, ctypes.byref(length)) != 0:
        raise OSError(ctypes.get_errno(), f"socket option {option}: {os.strerror(ctypes.get_errno())}")
    return buffer.raw[: length.value]
