"""What creating, changing and deleting a resource means, for real and at preview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from lab.pulumi import local, ssh, transfer
from lab.pulumi.engine import Engine, Journal
from lab.pulumi.schema import OUTPUTS, RESOURCES
from lab.pulumi.values import (
    UNKNOWN_ARCHIVE,
    UNKNOWN_OBJECT,
    UNKNOWN_STRING,
    Properties,
    Unknown,
    is_unknown,
    plain,
    secret_texts,
)

_RUN: Mapping[str, Callable[[str, Properties, Properties, Journal], Awaitable[Properties]]] = {
    "command:local:Command": local.run,
    "command:remote:Command": ssh.run,
}

_COPY: Mapping[str, Callable[[Properties, Journal], Awaitable[None]]] = {
    "command:remote:CopyToRemote": transfer.copy_to_remote,
    "command:remote:CopyFile": transfer.copy_file,
}

REPLACED_ALWAYS = frozenset({"command:remote:CopyFile"})
"""Resources without an update: every change makes a new one."""

_NAMED = frozenset(_RUN)
_EMPTY = {"stdout": "", "stderr": ""}
_UNKNOWN = {
    "string": Unknown(UNKNOWN_STRING),
    "assets by name": Unknown(UNKNOWN_OBJECT),
    "archive": Unknown(UNKNOWN_ARCHIVE),
}
_KEYS = ("password", "privateKey", "privateKeyPassword")


@dataclass(frozen=True)
class Resource:
    """One resource, known by its URN."""

    urn: str

    @property
    def token(self) -> str:
        """Return the resource's type."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def id_prefix(self) -> str:
        """Return what its id begins with: a command's name, nothing for a copy."""
        return self.urn.split("::", 3)[3] if self.token in _NAMED else ""

    def journal(self, engine: Engine, properties: Properties) -> Journal:
        """Return the log of an operation on it."""
        return Journal(engine, self.urn, secrets_of(properties))


def secrets_of(properties: Properties) -> frozenset[str]:
    """Return the texts that no log and no error may show; of a connection its keys and passwords only."""
    connection = plain(properties.get("connection"))
    servers = [connection, connection.get("proxy")] if isinstance(connection, dict) else []
    keys = {server[key] for server in servers if isinstance(server, dict) for key in _KEYS if key in server}
    others = {key: value for key, value in properties.items() if key != "connection"}
    return frozenset(secret_texts(others)) | {key for key in keys if isinstance(key, str)}


async def create(token: str, inputs: Properties, journal: Journal) -> Properties:
    """Make a resource and return its state."""
    if token in _COPY:
        await _COPY[token](plain(inputs), journal)
        return inputs
    return inputs | _EMPTY | await _run(token, plain(inputs).get("create"), inputs, {}, journal)


async def update(token: str, inputs: Properties, state: Properties, journal: Journal) -> Properties:
    """Change a resource: its update command runs, or else its create command; a copy is made when it would differ."""
    if token in _COPY:
        if any(inputs.get(key) != state.get(key) for key in ("source", "remotePath")):
            await _COPY[token](plain(inputs), journal)
        return inputs
    kept = _outputs(token, state)
    known = plain(inputs)
    return inputs | kept | await _run(token, known.get("update", known.get("create")), inputs, kept, journal)


async def delete(token: str, state: Properties, journal: Journal) -> None:
    """Run a command's delete, if it has one."""
    if token in _RUN:
        await _run(token, plain(state).get("delete"), state, state, journal)


async def _run(
    token: str, command: str | None, inputs: Properties, previous: Properties, journal: Journal
) -> Properties:
    return {} if command is None else await _RUN[token](command, plain(inputs), plain(previous), journal)


def planned_create(token: str, inputs: Properties) -> Properties:
    """Return a new resource's state at preview: its outputs are not known."""
    fields = OUTPUTS.get(token, {})
    return inputs | {key: _UNKNOWN[field.kind] for key, field in fields.items() if field.required}


def planned_update(token: str, inputs: Properties, state: Properties) -> Properties:
    """Return a changed resource's state at preview: outputs stay known only if no input that was there changed."""
    changed = any(
        is_unknown(inputs.get(key)) or (key in state and inputs.get(key) != state[key]) for key in RESOURCES[token]
    )
    kept = _outputs(token, state)
    return inputs | ({key: _UNKNOWN[OUTPUTS[token][key].kind] for key in kept} if changed else kept)


def _outputs(token: str, state: Properties) -> Properties:
    return {key: state[key] for key in OUTPUTS.get(token, {}) if key in state}
