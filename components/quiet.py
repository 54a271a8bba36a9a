"""The SDK's own log without values: it writes a stack's outputs, secrets in the clear, into all that records events."""

from __future__ import annotations

from pulumi import Resource, log

VALUES = ", props="
"""Before a stack's or a component's outputs in a line for debugging (`register_resource_outputs` in the SDK)."""
say = log.debug


def keep_values_back() -> None:
    """Let the SDK say everything for debugging but values; before anything is registered."""
    log.debug = _debug


def _debug(
    msg: str, resource: Resource | None = None, stream_id: int | None = None, ephemeral: bool | None = None
) -> None:
    say(msg.partition(VALUES)[0], resource, stream_id, ephemeral)
