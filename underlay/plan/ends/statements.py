"""Statements of a session that are read, or that change nothing which is planned; any other one is a doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable

Words = tuple[str, ...]
KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")
"""What may be repeated of a statement: it can be a password's in a notation that nobody here knows."""

FRR_READ = {
    "activate", "distribute-list", "ebgp-multihop", "filter-list", "graceful-restart", "graceful-restart-disable",
    "graceful-restart-helper", "local-as", "maximum-prefix", "maximum-prefix-out", "passive", "password", "peer-group",
    "prefix-list", "remote-as", "route-map", "shutdown", "timers", "ttl-security", "update-source",
}  # fmt: skip
FRR_HARMLESS = {
    "addpath-tx-all-paths", "addpath-tx-bestpath-per-AS", "advertisement-interval", "bfd", "capability dynamic",
    "capability extended-nexthop", "capability fqdn", "capability software-version", "description",
    "disable-addpath-rx", "disable-connected-check", "disable-link-bw-encoding-ieee", "enforce-first-as",
    "enforce-multihop", "extended-optional-parameters", "interface", "next-hop-self", "nexthop-local",
    "send-community", "sender-as-path-loop-detection", "soft-reconfiguration", "solo", "tcp-mss",
}  # fmt: skip
"""What says how soon or how much is told and kept, and neither whether a session is up nor which networks pass."""
BIRD_READ = {
    "connect retry time", "direct", "disable after cease", "disable after error", "disabled", "graceful restart",
    "hold time", "ipv4", "keepalive time", "local", "multihop", "neighbor", "passive", "password",
}  # fmt: skip
BIRD_HARMLESS = {
    "advertise hostname", "bfd", "check link", "connect delay time", "debug", "description", "dynamic name",
    "error forget time", "error wait time", "free bind", "interface", "ipv6", "long lived graceful restart",
    "long lived stale time", "mrtdump", "prefer older", "router id", "setkey", "source address", "startup hold time",
    "strict bind",
}  # fmt: skip
CHANNEL_READ = {"export", "import", "receive limit"}
CHANNEL_HARMLESS = {"add paths", "debug", "next hop self"}
FRR = FRR_READ | FRR_HARMLESS
BIRD = BIRD_READ | BIRD_HARMLESS
CHANNEL = CHANNEL_READ | CHANNEL_HARMLESS


def doubts(statements: Iterable[Words], known: set[str]) -> tuple[str, ...]:
    """Return the keyword of each statement that begins with nothing known."""
    told = [words for words in statements if words and not _begins(words, known)]
    return tuple(sorted({words[0] if KEYWORD.fullmatch(words[0]) else "?" for words in told}))


def _begins(words: Words, known: set[str]) -> bool:
    return any(" ".join(words[:length]) in known for length in (1, 2, 3, 4))
