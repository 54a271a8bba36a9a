"""How machines are reached over SSH where nobody reaches them directly."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from underlay.model.base import Address, Model, Name, Port

User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Bastion(Model):
    """A jump host: it passes connections on and runs nothing; its host key is pinned in `hostKeys`."""

    name: Name
    """What messages, racks and `hostKeys` call it; no node or router has this name."""
    address: Address
    """Where SSH connects to first."""
    user: User
    """A user that may pass connections on; it needs no shell and no rights."""
    port: Port = 22
    """TCP port of SSH."""


class Ssh(Model):
    """How SSH reaches nodes and managed routers."""

    bastions: tuple[Bastion, ...] = ()
    """Jump hosts; they accept `bastionKey`, or `sshKey` where no such key is configured."""
    bastion: Name | None = None
    """The one before every machine whose rack names none; left out: these are reached directly."""
