"""Commands on one SSH connection: one that the machine has no room for yet is asked for again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import asyncssh
import pytest

from underlay.collect import ssh


class Connection:
    """A connection that has no room for some tries."""

    def __init__(self, refused: int) -> None:
        self.refused, self.asked = refused, 0

    async def create_process(self, *_: Any, **__: Any) -> str:
        """Refuse as OpenSSH does beyond `MaxSessions`, or start."""
        self.asked += 1
        if self.asked <= self.refused:
            raise asyncssh.ChannelOpenError(2, "open failed")
        return "started"


def start(connection: Connection) -> object:
    machine = ssh.Machine("tor-a", "192.0.2.1", 22, "root", "")
    shell = ssh.Shell(machine, cast("asyncssh.SSHClientConnection", connection))
    return asyncio.run(shell.start("true"))


def test_a_command_waits_until_others_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "AGAIN", 0.001)
    connection = Connection(refused=7)
    assert (start(connection), connection.asked) == ("started", 8)


def test_a_machine_that_never_has_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "AGAIN", 0.001)
    monkeypatch.setattr(ssh, "ROOM", 0.02)
    with pytest.raises(asyncssh.ChannelOpenError, match="open failed"):
        start(Connection(refused=100_000))
