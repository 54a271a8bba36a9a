"""What probes brought, as data: exchanges with pods, with another node itself, and with a service."""

from __future__ import annotations

from pydantic import Field

from underlay.judge.parts import Part, Text


class Exchange(Part):
    """One probe: what was sent, what came back, and the network's error."""

    sent: int
    received: int = 0
    bytes: int = 0
    ms: float | None = None
    source: Text | None = None
    by: Text | None = None
    """Own address of the pod that answered."""
    status: int = 0
    """Of an HTTP answer."""
    asked: int = 1
    """Exchanges that were tried; this is the last one."""
    error: Text | None = None
    origin: int = 0
    icmp: tuple[int, int] | None = None
    sender: Text | None = Field(default=None, alias="from")
    mtu: int = 0

    @property
    def passed(self) -> bool:
        """Say whether everything that was sent came back."""
        return self.error is None and self.received == self.sent > 0


class Asked(Part):
    """Exchanges with one target on another node."""

    node: Text
    address: Text

    def exchanges(self) -> dict[str, Exchange]:
        """Return the exchanges by kind."""
        return {}

    def failed(self) -> dict[str, Exchange]:
        """Return the exchanges that did not pass."""
        return {kind: exchange for kind, exchange in self.exchanges().items() if not exchange.passed}


class Probe(Asked):
    """All exchanges with one pod."""

    ping: Exchange
    full: Exchange
    tcp: Exchange
    udp: Exchange
    http: Exchange | None = None
    """None: nobody asked."""

    def exchanges(self) -> dict[str, Exchange]:
        """Return the exchanges by kind."""
        found = {"ping": self.ping, "full": self.full, "tcp": self.tcp, "udp": self.udp}
        return {**found, "http": self.http} if self.http else found


class Reach(Asked):
    """A connection from the probe pod to another node's own network."""

    port: int
    tcp: Exchange
    closed: bool
    """The far kernel refused by itself: nothing listens there, and the way is open."""
    ping: Exchange | None = None
    """Tried where the connection failed."""

    def exchanges(self) -> dict[str, Exchange]:
        """Return the exchanges by kind."""
        return {"tcp": self.tcp, "ping": self.ping} if self.ping else {"tcp": self.tcp}


class Served(Part):
    """What a service's address answered; each exchange is tried again, as the next one may meet another pod."""

    address: Text
    port: int
    web_port: int
    tcp: Exchange
    udp: Exchange
    http: Exchange

    def exchanges(self) -> dict[str, Exchange]:
        """Return the exchanges by kind."""
        return {"tcp": self.tcp, "udp": self.udp, "http": self.http}
