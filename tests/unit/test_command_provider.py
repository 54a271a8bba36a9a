"""Drives the command provider over gRPC, row by row of its table, against real OpenSSH servers.

UNDERLAY_COMMAND_PROVIDER names another provider's program to run the same rows against.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.unit.test_command_provider_rig import (
    Provider,
    agent,
    free_port,
    full_port,
    has_server,
    is_ours,
    make_key,
    provider,
    provider_command,
    silent_port,
    sshd,
    web_server,
)
from tests.unit.test_command_provider_steps import Play, encoded, table

TABLE = table()
ROWS = [pytest.param(row, id=row["id"]) for row in TABLE["rows"]]
DIFFERENCES = [pytest.param(row, id=row["id"]) for row in TABLE["differences"]]

PASSWORD = "correct horse"  # noqa: S105, of keys made for one test run
PROVIDER_VARIABLES = {"LAB_INHERITED": "from the engine"}
EXIT_SECONDS = 8


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield what rows call by name: servers, keys, ports."""
    if not has_server():
        pytest.skip("no OpenSSH server: neither the machine nor the lab's node tree has one")
    folder = tmp_path_factory.mktemp("ssh")
    with ExitStack() as stack:
        yield _names(stack, folder)


def _names(stack: ExitStack, folder: Path) -> dict[str, Any]:
    publics = [make_key(folder / name, *options) for name, options in KEYS.items()]
    keys = {name: (folder / name).read_text(encoding="utf-8") for name in KEYS}
    authorized = "\n".join(publics[:3])
    servers = {
        name: stack.enter_context(sshd(folder / f"{name}-sshd", authorized, *lines)) for name, lines in SERVERS.items()
    }
    web = folder / "web"
    web.mkdir()
    (web / "file.txt").write_text("from the web\n", encoding="utf-8")
    return {
        **{name: {**server, "privateKey": keys["key"]} for name, server in servers.items()},
        **keys,
        "password": PASSWORD,
        "other_host_key": publics[3],
        "agent": stack.enter_context(agent(folder, folder / "key")),
        "web": stack.enter_context(web_server(web)),
        "silent_port": float(stack.enter_context(silent_port())),
        "closed_port": float(free_port()),
        "here": str(Path.cwd()),
        "node_host_key": servers["node"]["hostKey"],
        "full_port": float(stack.enter_context(full_port())),
        "kilobyte": "0123456789abcdef" * 64,
        "megabytes": "0123456789abcdef" * (1 << 18),
    }


KEYS = {
    "key": ["-t", "ed25519", "-N", ""],
    "locked_key": ["-t", "ed25519", "-N", PASSWORD],
    "locked_pem_key": ["-t", "ecdsa", "-m", "PEM", "-N", PASSWORD],
    "strange_key": ["-t", "ed25519", "-N", ""],
}
SERVERS = {"node": ["AcceptEnv LAB_*"], "bastion": ["AcceptEnv PULUMI_COMMAND_*"]}


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    """Yield one provider for all rows that need nothing special of it."""
    with provider(PROVIDER_VARIABLES) as started:
        yield started


def play(row: dict[str, Any], started: Provider, names: dict[str, Any]) -> list[str]:
    """Play a row to its first wrong step and return what is wrong."""
    played = Play(started, names, row["type"])
    return next((wrong for step in row["steps"] if (wrong := played.step(step))), [])


def played(row: dict[str, Any], shared: Provider, names: dict[str, Any], folder: Path) -> list[str]:
    """Play a row with the shared provider, or with one of its own."""
    names = {**names, "tmp": str(folder)}
    if not row.keys() & {"variables", "byte_strings", "fresh"}:
        return play(row, shared, names)
    variables = {key: str(names.get(value.strip("@"), value)) for key, value in row.get("variables", {}).items()}
    with provider(variables, byte_strings=row.get("byte_strings", True)) as own:
        return play(row, own, names)


@pytest.mark.parametrize("row", ROWS)
def test_behaviour(row: dict[str, Any], shared: Provider, names: dict[str, Any], tmp_path: Path) -> None:
    assert played(row, shared, names, tmp_path) == []


@pytest.mark.skipif(not is_ours(), reason="differences describe our own provider")
@pytest.mark.parametrize("row", DIFFERENCES)
def test_difference(row: dict[str, Any], shared: Provider, names: dict[str, Any], tmp_path: Path) -> None:
    assert played(row, shared, names, tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_provider_ends_at_a_signal(number: signal.Signals) -> None:
    with provider({}) as started:
        started.process.send_signal(number)
        assert started.process.wait(timeout=EXIT_SECONDS) == (0 if is_ours() or number == signal.SIGINT else -number)


@pytest.mark.skipif(not is_ours(), reason="the official provider asks after its engine every five minutes")
def test_the_provider_ends_with_its_engine() -> None:
    script = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=-1); p.stdout.readline(); print(p.pid)"
    engine = subprocess.run(
        [sys.executable, "-c", script, *provider_command()], check=True, capture_output=True, text=True
    )
    until = time.monotonic() + EXIT_SECONDS
    while Path("/proc", engine.stdout.strip()).exists():
        assert time.monotonic() < until, "the provider outlives its engine"
        time.sleep(0.05)


def test_nothing_is_printed_but_the_port(names: dict[str, Any], tmp_path: Path) -> None:
    """A provider's own output reaches the user, so no part of a connection may be in it."""
    row = next(row for row in TABLE["rows"] if row["id"] == "remote-exit-code")
    with provider({}) as started:
        assert play(row, started, {**names, "tmp": str(tmp_path)}) == []
        os.kill(started.process.pid, signal.SIGINT)
        output, errors = started.process.communicate(timeout=EXIT_SECONDS)
    assert (output, errors) == (b"", b"")


def test_many_commands_run_at_once(shared: Provider, names: dict[str, Any]) -> None:
    begin = time.monotonic()
    inputs = encoded({"create": "sleep 1; echo done", "connection": names["node"], "logging": "none"})
    urn = "urn:pulumi:test::lab::command:remote:Command::thing"
    checked = shared.stub.Check(provider_pb2.CheckRequest(urn=urn, news=inputs)).inputs
    calls = [shared.stub.Create.future(provider_pb2.CreateRequest(urn=urn, properties=checked)) for _ in range(16)]
    assert {call.result(timeout=60).properties["stdout"] for call in calls} == {"done"}
    assert time.monotonic() - begin < 12
