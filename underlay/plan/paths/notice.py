"""How long a loss goes unnoticed: until then packets take the way that is gone, afterwards what the solution says."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from underlay.model import Bgp
from underlay.plan.paths.losses import Kind, Loss

AT_ONCE = 2.0
"""Seconds, at most, until kernels and routing daemons have acted on a port without carrier or an ended connection."""


class Way(StrEnum):
    """How something is lost, which decides who notices."""

    PORTS = "ports"
    """Its ports lose their carrier: kernels and daemons at the far ends see it."""
    ENDED = "ended"
    """The daemon ends, and its kernel closes the connections."""
    FROZEN = "frozen"
    """The daemon says nothing any more; its machine goes on forwarding by the routes that it has."""
    HUNG = "hung"
    """The machine forwards and answers nothing, while its ports keep their carrier."""


class Notice(NamedTuple):
    """When a loss is noticed, and by what."""

    seconds: float
    by: str
    loses: bool
    """Packets are lost until then."""
    nodes_notice: bool = True
    """False: nodes go on sending there, whatever routers know."""


def notice(bgp: Bgp, loss: Loss, way: Way) -> Notice:
    """Return when a loss is noticed."""
    hold, restart = float(bgp.timers.hold), bgp.graceful_restart
    match way:
        case Way.PORTS if loss.kind is Kind.UPLINK:
            return Notice(hold, "hold time of the node's session", loses=True)
        case Way.PORTS:
            return Notice(AT_ONCE, "the port's carrier", loses=True)
        case Way.FROZEN:
            return Notice(hold, "hold time", loses=False)
        case Way.HUNG:
            return Notice(hold, "hold time", loses=True, nodes_notice=False)
    if restart and loss.kind is Kind.AGENT:
        return Notice(float(restart.restart), "end of the graceful restart", loses=False)
    return Notice(AT_ONCE, "the closed connection", loses=True, nodes_notice=loss.kind is Kind.AGENT)
