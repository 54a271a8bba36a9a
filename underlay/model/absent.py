"""Keys of BGP that people know from elsewhere and that no part of the site has: what holds in their place."""

from __future__ import annotations

from collections.abc import Mapping

PAGE = "docs/decisions/0010-what-bgp-does-not-declare.md"
HOPS = "A node's routers answer in its own segment, so a session crosses no hop"
PREFERENCE = "All nodes tell the same, and eBGP carries no local preference"
AGGREGATES = "Declare `aggregates` at a router, which discards what nobody has"
ONE_NUMBER = "All nodes have `bgp.asn`"
DIALS = "Nodes dial and do not listen, from their address in the router's segment"
IDENTIFIER = "Declare it at a node; a router keeps the one that it has"

ABSENT: Mapping[str, str] = {
    "multihop": HOPS,
    "ebgpmultihop": HOPS,
    "ttlsecurity": HOPS,
    "localpreference": PREFERENCE,
    "localpref": PREFERENCE,
    "aggregationlength": AGGREGATES,
    "aggregationlengthipv4": AGGREGATES,
    "localasn": ONE_NUMBER,
    "localport": DIALS,
    "localaddress": DIALS,
    "routerid": IDENTIFIER,
}
"""Key in lower case without hyphens and underscores → what to know; the page says why."""


def instead(key: str) -> str:
    """Return what holds in place of a key that is not there on purpose; nothing for any other."""
    told = ABSENT.get(key.lower().replace("_", "").replace("-", ""))
    return f"{told}: {PAGE}." if told else ""
