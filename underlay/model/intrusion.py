"""Network intrusion detection: which engine, where it looks, and by which rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from underlay.model.base import Model, Name, NodeName, Word

Interface = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,15}$")]


class Capture(StrEnum):
    """Where an engine gets its packets from."""

    UPLINK = "uplink"
    POD_LINKS = "pod-links"
    SWITCH_MIRROR = "switch-mirror"


class Engine(StrEnum):
    """Which engine reads them."""

    SURICATA = "suricata"
    SNORT3 = "snort3"
    OTHER = "other"


class Limits(Model):
    """What an engine may take of each node."""

    cpu: Annotated[int, Field(ge=100, le=256_000)] = 1000
    """Thousandths of a processor."""
    memory: Annotated[int, Field(ge=128, le=1_048_576)] = 1024
    """Mebibytes."""


class IntrusionDetection(Model):
    """An engine on the nodes that reads pods' packets and writes alerts; it never stops a packet."""

    capture: Capture = Capture.UPLINK
    """`uplink`: what passes the nodes' interfaces; `pod-links`: a mirror ahead of Cilium's programs, which copies what
    pods send and what comes in by the uplinks; `switch-mirror`: what a switch copies to an interface of the node."""
    engine: Engine
    """`suricata` and `snort3` get their configuration from here; `other` is any image that keeps the contract."""
    image: Annotated[str, Field(pattern=r"^[!-~]+$")]
    """The engine's image."""
    rules: tuple[Word, ...] = ()
    """Rules, one each, in the engine's own language; `$HOME_NET` is the pod pools."""
    rules_from: Name | None = None
    """A ConfigMap in the namespace `underlay-ids` with further `.rules` files that somebody else keeps up to date."""
    interface: Interface | None = None
    """Of a switch mirror: the interface at which the copies arrive; no uplink."""
    nodes: tuple[NodeName, ...] = ()
    """Nodes that get an engine; none named: every node."""
    command: tuple[Word, ...] = ()
    """Of another engine: what its container runs, where the image's own command is not meant."""
    limits: Limits = Limits()
    """The engine's share of each node, where its defaults are not meant."""
