"""Connects to a server by SSH, as often and as long as its connection says, and runs one command there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncssh
from asyncssh.packet import String

from lab.pulumi.capture import STDERR, STDOUT, Capture, CommandError, quoted
from lab.pulumi.engine import ERROR, INFO, WARNING, Journal
from lab.pulumi.local import previous_outputs
from lab.pulumi.values import Properties

FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.1, 1.5, 5.0
"""Seconds between two attempts to connect."""

KEEPALIVE_SECONDS, KEEPALIVES = 15, 4
"""A server that is silent for a minute while a command runs is gone."""

LONGEST_VARIABLE = 128 * 1024
"""SSH's packets end at 256 KiB; a longer variable would end the connection."""


@asynccontextmanager
async def connected(connection: Properties, journal: Journal) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Connect, through the proxy if there is one, and close what was opened."""
    async with AsyncExitStack() as stack:
        proxy = connection.get("proxy")
        if proxy is None:
            yield await _dial(stack, connection, journal, None)
            return
        try:
            tunnel = await _dial(stack, proxy, journal, None, "Dial proxy")
            server = await _dial(stack, connection, journal, tunnel)
        except CommandError as error:
            raise CommandError(f"proxy: {error}") from None
        yield server


async def run(command: str, inputs: Properties, previous: Properties, journal: Journal) -> Properties:
    """Return the outputs of a command on the connection's server."""
    async with connected(inputs["connection"], journal) as server:
        capture = Capture(inputs.get("logging"), journal)
        session = _Session(capture, _Environment(inputs, previous, journal))
        try:
            channel, _ = await server.create_session(lambda: session, command, encoding=None)
            with suppress(BrokenPipeError):  # a short command may have ended by now
                channel.write((inputs.get("stdin") or "").encode("utf-8", "surrogateescape"))
                channel.write_eof()
            await channel.wait_closed()
        except (asyncssh.Error, OSError) as error:
            raise capture.failure(f"ssh: {_reason(error)}", command) from None
        finally:
            await capture.close()
        if (ending := _ending(channel)) is not None:
            raise capture.failure(ending, command)
        return capture.outputs()


class _Environment:
    """Variables for a session: a refused one of the user's is an error, a refused one of ours a warning."""

    def __init__(self, inputs: Properties, previous: Properties, journal: Journal) -> None:
        self._wanted = dict(inputs.get("environment", {}))
        self._ours = dict(previous_outputs(inputs, previous))
        self._journal = journal

    async def send(self, request: Callable[..., Awaitable[bool | None]]) -> None:
        """Ask the server for each variable and wait for its answer."""
        for name, value in self._wanted.items():
            if not await self._ask(request, name, value):
                await self._journal.say(ERROR, _refused(name))
                raise CommandError(f'could not set environment variable "{name}": ssh: setenv failed')
        for name, value in self._ours.items():
            if not await self._ask(request, name, value):
                await self._journal.say(WARNING, _refused(name))

    @staticmethod
    async def _ask(request: Callable[..., Awaitable[bool | None]], name: str, value: str) -> bool:
        data = value.encode("utf-8", "surrogateescape")
        return len(data) <= LONGEST_VARIABLE and bool(await request(b"env", String(name), String(data)))


def _refused(name: str) -> str:
    return (
        f"Unable to set '{name}': the server takes a variable only if its AcceptEnv names it. "
        f"Name it there, or begin the command with {name}=value."
    )


class _Session(asyncssh.SSHClientSession[bytes]):
    """Feeds a capture, and sends the environment before the command, because asyncssh never asks for the answer."""

    def __init__(self, capture: Capture, environment: _Environment) -> None:
        self._capture = capture
        self._environment = environment

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Put the environment's requests before that of the command."""
        request = chan._make_request  # noqa: SLF001, the only way to an answer

        async def environment_first(kind: bytes, *arguments: bytes) -> bool | None:
            if kind == b"exec":
                await self._environment.send(request)
            return await request(kind, *arguments)

        chan._make_request = environment_first  # type: ignore[assignment, method-assign]  # noqa: SLF001

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Take output as it comes."""
        self._capture.feed(STDERR if datatype == asyncssh.EXTENDED_DATA_STDERR else STDOUT, data)


async def _dial(
    stack: AsyncExitStack,
    server: Properties,
    journal: Journal,
    tunnel: asyncssh.SSHClientConnection | None,
    what: str = "Dial",
) -> asyncssh.SSHClientConnection:
    options = await _options(stack, server)
    limit, attempt, pause = int(server.get("dialErrorLimit", 10)), 0, FIRST_PAUSE
    while True:
        try:
            connection = await asyncssh.connect(tunnel=tunnel or (), **options)
        except (asyncssh.Error, OSError) as error:
            reason = _dial_error(error, server)
        else:
            stack.push_async_callback(_close, connection)
            return connection
        if -1 < limit < attempt + 1:
            raise CommandError(f"after {attempt} failed attempts: {reason}")
        attempt += 1
        await journal.say(INFO, f"{what} {attempt}/{'inf' if limit < 0 else limit} failed: retrying", passing=True)
        await asyncio.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.abort()
    await connection.wait_closed()


async def _options(stack: AsyncExitStack, server: Properties) -> dict[str, Any]:
    """Return what asyncssh needs to know, and nothing from this user's own files."""
    options = {
        "host": server["host"],
        "port": int(server.get("port", 22)),
        "username": server.get("user", "root"),
        "password": server.get("password"),
        "connect_timeout": int(server.get("perDialTimeout", 15)) or None,
        "client_keys": await _keys(stack, server) or None,
        "known_hosts": None,
        "config": None,
        "agent_path": None,
        "gss_auth": False,
        "gss_kex": False,
        "keepalive_interval": KEEPALIVE_SECONDS,
        "keepalive_count_max": KEEPALIVES,
    }
    return options | (_pinned(server["hostKey"]) if "hostKey" in server else {})


def _pinned(text: str) -> dict[str, Any]:
    try:
        key = asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise CommandError(f"failed to parse host key: {error}; expected 'ssh-ed25519 AAAA...'") from None
    names = [name.decode() for name in key.sig_algorithms]
    return {"known_hosts": ([key], [], []), "server_host_key_algs": names}


async def _keys(stack: AsyncExitStack, server: Properties) -> list[Any]:
    """Return the private key, or else the agent's keys; an agent that is named has to answer."""
    path = server.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or None
    held = await _agent_keys(stack, path) if path else []
    if "privateKey" not in server:
        return held
    try:
        return [asyncssh.import_private_key(server["privateKey"], server.get("privateKeyPassword"))]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise CommandError(f"ssh: private key of {server.get('user', 'root')}@{server['host']}: {error}") from None


async def _agent_keys(stack: AsyncExitStack, path: str) -> list[Any]:
    try:
        return list(await (await stack.enter_async_context(asyncssh.connect_agent(path))).get_keys())
    except OSError as error:
        raise CommandError(f"dial unix {path}: connect: {os.strerror(error.errno or 0).lower()}") from None


def _dial_error(error: Exception, server: Properties) -> str:
    address = f"{server['host']}:{int(server.get('port', 22))}"
    if isinstance(error, asyncssh.ChannelOpenError):
        return f"ssh: rejected: connect failed ({quoted(error.reason)})"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {server['host']}: no such host"
    if isinstance(error, TimeoutError):
        return f"dial tcp {address}: i/o timeout"
    if isinstance(error, OSError):
        return f"dial tcp {address}: connect: {_reason(error)}"
    return f"ssh: handshake failed: {_reason(error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "ssh: host key mismatch"
    if isinstance(error, asyncssh.PermissionDenied):
        return f"ssh: unable to authenticate, no supported methods remain ({error.reason})"
    if isinstance(error, asyncssh.DisconnectError | asyncssh.ChannelOpenError):
        return str(error.reason)
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number else str(error)


def _ending(channel: asyncssh.SSHClientChannel[bytes]) -> str | None:
    """Return how a command failed, or nothing."""
    if (killed := channel.get_exit_signal()) is not None:
        number = getattr(signal, f"SIG{killed[0]}", 0)
        return f"Process exited with status {128 + number} from signal {killed[0]}"
    status = channel.get_exit_status()
    if status is None:
        return "wait: remote command exited without exit status or exit signal"
    return f"Process exited with status {status}" if status else None
