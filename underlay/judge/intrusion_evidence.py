"""What a node says of intrusion detection, as data."""

from __future__ import annotations

from underlay.judge.parts import Many, Part, Text


class MirrorState(Part):
    """What a node's mirror tells of itself."""

    age: int
    """Seconds since it told so."""
    seen: int
    mirrored: int
    failed: int
    repairs: int
    devices: Many[Text]
    errors: Many[Text]


class EngineState(Part):
    """What an engine's file tells of the engine; None where it does not."""

    age: int
    """Seconds since something was written."""
    packets: int | None = None
    lost: int | None = None


class RuleAlerts(Part):
    """The alerts of one rule: how many, and the last one's ends."""

    rule: int
    message: Text
    count: int
    last: Text
    source: Text
    target: Text
    protocol: Text


class IntrusionFacts(Part):
    """What an intrusion detection engine and its mirror have written on the node."""

    mirror: MirrorState | None
    engine: EngineState | None
    alerts: Many[RuleAlerts]
    unreadable: int
