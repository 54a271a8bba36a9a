"""Remote machines by SSH: one pinned host key each, no agent, no configuration file, constant commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import asyncssh

from underlay.model import Bastion, Management
from underlay.remote import become

CONNECT = 6.0
"""Seconds until a machine has to have answered and accepted the key."""

ROOM, AGAIN = 5.0, 0.1
"""Seconds for which a command waits for others on its connection, and between its tries (`MaxSessions`)."""


class Unreachable(Exception):
    """A machine could not be asked; the text says why and what to do."""


@dataclass(frozen=True)
class Machine:
    """Where a machine is reached, and how it proves who it is."""

    name: str
    address: str
    port: int
    user: str
    host_key: str
    via: Machine | None = None
    """The bastion through which it is reached."""
    key: str = field(default="", repr=False)
    """Its own private key; empty: the one of all machines."""

    def __str__(self) -> str:
        """Return what a message calls the place."""
        way = f" by way of bastion {self.via.name}" if self.via else ""
        return f"{self.user}@{self.address} port {self.port}{way}"


class Shell:
    """An open connection to one machine."""

    def __init__(self, machine: Machine, connection: asyncssh.SSHClientConnection) -> None:
        self.machine = machine
        self.connection = connection

    async def run(self, command: str, limit: int, data: bytes = b"") -> tuple[int | None, str, str]:
        """Run a constant command with data as its input; return exit code, output and errors of `limit` bytes at most.

        Unreachable when one is longer.
        """
        process = await self.start(command)
        try:
            with contextlib.suppress(BrokenPipeError):  # the command may have ended already
                process.stdin.write(data)
                process.stdin.write_eof()
            output, complaint = await asyncio.gather(_read(process.stdout, limit), _read(process.stderr, limit))
            await process.wait_closed()
        finally:
            process.close()
        return process.exit_status, output.decode(errors="replace"), complaint.decode(errors="replace")

    async def start(self, command: str) -> asyncssh.SSHClientProcess[bytes]:
        """Start a constant command that is talked to, as root; once more where the machine has no room for it yet."""
        words, clock = become(self.machine.user, command), asyncio.get_running_loop().time
        end = clock() + ROOM
        while True:
            try:
                return await self.connection.create_process(words, encoding=None)
            except asyncssh.ChannelOpenError:
                if clock() > end:
                    raise
                await asyncio.sleep(AGAIN)

    def close(self) -> None:
        """End the connection, and what still runs over it."""
        self.connection.abort()


async def _read(stream: asyncssh.SSHReader[bytes], limit: int) -> bytes:
    """Return everything up to the end; more than the limit is refused, because half an answer may look like one."""
    parts: list[bytes] = []
    while part := await stream.read(1 << 16):
        parts.append(part)
        if sum(map(len, parts)) > limit:
            raise Unreachable(f"the answer is longer than {limit} bytes")
    return b"".join(parts)


async def connect(machine: Machine, key: str, tunnel: asyncssh.SSHClientConnection | None = None) -> Shell:
    """Return an open connection, through a bastion's if one is given; Unreachable says why there is none."""
    return Shell(machine, await dial(machine, key, tunnel))


async def dial(
    machine: Machine, key: str, tunnel: asyncssh.SSHClientConnection | None = None
) -> asyncssh.SSHClientConnection:
    """Return an open connection on which nothing runs yet; Unreachable says why there is none."""
    if not machine.host_key:
        raise Unreachable(f"SSH to {machine.name}: no host key is pinned for it; add it to `hostKeys`")
    try:
        async with asyncio.timeout(CONNECT):
            return await asyncssh.connect(
                machine.address,
                machine.port,
                tunnel=tunnel or (),
                username=machine.user,
                client_keys=[asyncssh.import_private_key(machine.key or key)],
                known_hosts=([asyncssh.import_public_key(machine.host_key)], [], []),
                config=None,
                agent_path=None,
                password_auth=False,
                kbdint_auth=False,
            )
    except TimeoutError:
        raise Unreachable(f"SSH to {machine}: no answer within {CONNECT:g} s") from None
    except asyncssh.HostKeyNotVerifiable:
        raise Unreachable(f"SSH to {machine}: its host key differs from the pinned one; do not go on") from None
    except asyncssh.PermissionDenied:
        name = "bastionKey" if machine.key else "sshKey"
        raise Unreachable(f"SSH to {machine}: the key `{name}` is refused") from None
    except asyncssh.KeyImportError as error:
        raise Unreachable(f"SSH to {machine}: a key is not valid: {error}") from None
    except (OSError, asyncssh.Error) as error:
        raise Unreachable(f"SSH to {machine}: {error}") from None


def machines(
    declared: Mapping[str, Management],
    host_keys: Mapping[str, str],
    bastions: Mapping[str, Bastion] = MappingProxyType({}),
    bastion_key: str = "",
) -> dict[str, Machine]:
    """Return where each machine is reached, by name; the pinned key is empty where none is configured."""

    def one(name: str, access: Management | Bastion, via: Machine | None = None, key: str = "") -> Machine:
        return Machine(name, str(access.address), access.port, access.user, host_keys.get(name, ""), via, key)

    doors = {name: one(bastion.name, bastion, key=bastion_key) for name, bastion in bastions.items()}
    return {name: one(name, access, doors.get(name)) for name, access in declared.items()}
