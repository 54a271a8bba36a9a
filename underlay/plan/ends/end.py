"""One end of a BGP session, in terms that every platform shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import Field

from underlay.model.base import Model

Text = Annotated[str, Field(max_length=4096)]
Entries = tuple[Text, ...]
"""Prefixes of a filter, as `10.244.0.0/16{24,24}`: all parts of these lengths; `!` in front refuses them."""
EVERYTHING: Entries = ("everything",)
UNICAST: Entries = ("ipv4",)
"""The only family that pods and services have here."""
UNKNOWN = "?"
"""Stands in a filter for what is not understood; the filter as a whole is not known then."""
SOON, NEVER = "within a minute", "by hand only"
"""When a session comes back that its limit has ended."""
LONGEST = 4095
"""Seconds of a restart that a peer can ask for at most (RFC 4724, section 3)."""
Secret = Callable[[str], str]
"""Makes of a password what may be kept of it: readers give it what they parsed, so that nothing else holds it."""


class End(Model):
    """What one end does; None where its configuration does not say it, or says it in a way that is not understood."""

    asn: int | None = None
    """Its own number."""
    peer_asn: int | None = None
    """The number that it expects of the other end."""
    address: Text | None = None
    """The address that it speaks from, where it names one."""
    router_id: Text | None = None
    """Of a node: its BGP identifier; empty where it is the node's own address."""
    password: Text | None = None
    """What `Secret` made of the password, or `none`."""
    hold: int | None = None
    """Seconds that it proposes."""
    keepalive: int | None = None
    """Seconds."""
    hops: int | None = None
    """How many hops away the other end may be: 1 is on the same segment."""
    shut: bool | None = None
    """Switched off by hand."""
    graceful: bool | None = None
    """A node: asks routers to keep its routes while it restarts. A router: does so."""
    families: Entries | None = None
    takes: Entries | None = None
    """What its filter lets in."""
    tells: Entries | None = None
    """What its filter lets out; of a node: kinds of advertisement."""
    limit: int | None = None
    """Prefixes after which it ends the session; 0: none."""
    again: Text | None = None
    """When it lets the session come back then; `SOON` also where no limit ends it."""
    further: Entries | None = None
    """Limits beside that one."""
    retry: int | None = None
    """Seconds between its attempts to connect."""
    passive: bool | None = None
    """Waits for the other end to connect."""
    keeps: int | None = None
    """Seconds for which it keeps the routes of a restarting peer at most."""
    stays: bool | None = None
    """Leaves the session down once an error has ended it."""
    doubts: Entries = ()
    """Keywords of statements that may change any of this, and are not understood."""


def entry(network: object, shortest: int, longest: int) -> str:
    """Return a filter's entry: the network alone where nothing else is meant."""
    length = int(str(network).rpartition("/")[2])
    return str(network) if shortest == longest == length else f"{network}{{{shortest},{longest}}}"


def whole(text: str) -> int | None:
    """Return a whole number; None for anything else, so that a word out of place spoils one value only."""
    return int(text) if re.fullmatch("[0-9]{1,10}", text) else None


def as_number(text: str) -> int | None:
    """Return an AS number, also one that is written as two halves."""
    high, _, low = text.rpartition(".")
    first, second = whole(high or "0"), whole(low)
    return None if first is None or second is None else (first << 16) + second


def is_address(text: str) -> bool:
    """Tell whether a text is an IPv4 address, so that no other word is taken for a neighbour's name."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def network_in(text: str) -> str:
    """Return an IPv4 network without host bits; nothing for any other text."""
    try:
        return str(IPv4Network(text, strict=False)) if "/" in text else ""
    except ValueError:
        return ""
