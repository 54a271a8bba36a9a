"""One end of a BGP session, in terms that every platform shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from underlay.model.base import Model

Text = Annotated[str, Field(max_length=4096)]
Entries = tuple[Text, ...]
"""Prefixes of a filter, as `10.244.0.0/16{24,24}`: all parts of these lengths; `!` in front refuses them."""
EVERYTHING: Entries = ("everything",)
UNICAST: Entries = ("ipv4",)
"""The only family that pods and services have here."""


class End(Model):
    """What one end does; None where its configuration does not say it, or says it in a way that is not understood."""

    asn: int | None = None
    """Its own number."""
    peer_asn: int | None = None
    """The number that it expects of the other end."""
    address: Text | None = None
    """The address that it speaks from, where it names one."""
    password: Text | None = None
    """A digest of the password, or `none`."""
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


def entry(network: object, shortest: int, longest: int) -> str:
    """Return a filter's entry: the network alone where nothing else is meant."""
    length = int(str(network).rpartition("/")[2])
    return str(network) if shortest == longest == length else f"{network}{{{shortest},{longest}}}"
