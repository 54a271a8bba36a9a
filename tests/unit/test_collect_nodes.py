"""Conversations with nodes over a real SSH server: pinned keys, hostile answers, time limits; and the program sent."""

from __future__ import annotations

import asyncio
import io
import shlex
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncssh
import pytest

from tests.unit.judge_site import expected, healthy
from underlay.collect import nodes, package, routers
from underlay.collect.ssh import Machine, Unreachable, connect
from underlay.judge.evidence import NodeReport

USER_KEY = asyncssh.generate_private_key("ssh-ed25519")
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
Serve = Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode()


def private(key: asyncssh.SSHKey) -> str:
    return key.export_private_key().decode()


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[Machine]:
    """Run an SSH server that treats each command with a function."""
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[HOST_KEY],
        authorized_client_keys=asyncssh.import_authorized_keys(public(USER_KEY)),
        process_factory=serve,
        encoding=None,
    )
    try:
        yield Machine("n1", "127.0.0.1", listener.get_port(), "root", public(HOST_KEY))
    finally:
        listener.close()
        await listener.wait_closed()


async def swallow(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Take the program, as a node does."""
    await process.stdin.readexactly(len(package.opening()))


def says(answer: bytes) -> Serve:
    """Return a node that answers each request with the same bytes."""

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await swallow(process)
        await process.stdin.readline()
        process.stdout.write(answer)
        process.exit(0)

    return serve


async def ask(serve: Serve) -> NodeReport:
    async with server(serve) as machine:
        shell = await connect(machine, private(USER_KEY))
        try:
            node = await nodes.start(shell)
            return await node.report()
        finally:
            shell.close()


def refusal(serve: Serve) -> str:
    with pytest.raises(Unreachable) as caught:
        asyncio.run(ask(serve))
    return str(caught.value)


def test_a_report_comes_back() -> None:
    report = NodeReport.model_validate(healthy()["nodes"]["worker-1"])
    answer = report.model_dump_json(by_alias=True).encode() + b"\n"
    assert asyncio.run(ask(says(answer))) == report


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"{broken\n", "is not JSON: '{broken\\n'"),
        (b'"text"\n', "is not JSON"),
        (b"[" * 100_000 + b"\n", "is not JSON"),
        (b'{"schema": 1}\n', "the report is not valid: host: Field required"),
        (b"\x1b[31mred\n", "'\\x1b[31mred\\n'"),
        (b"Traceback", "the program ended early"),
    ],
)
def test_a_hostile_answer_is_a_sentence(answer: bytes, words: str) -> None:
    found = refusal(says(answer))
    assert words in found
    assert "\x1b" not in found


async def _run(
    serve: Serve, limit: int, user: str = "root", command: str = "cat /proc/1/stat"
) -> tuple[int | None, str, str]:
    async with server(serve) as machine:
        shell = await connect(replace(machine, user=user), private(USER_KEY))
        try:
            return await shell.run(command, limit)
        finally:
            shell.close()


async def _echo(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Answer with the command itself, and with an exit code of its own."""
    process.stdout.write((process.command or "").encode())
    process.stderr.write(b"complaint")
    process.exit(7)


@pytest.mark.parametrize(
    ("user", "sent"), [("root", "cat /proc/1/stat"), ("admin", "sudo -n sh -c 'cat /proc/1/stat'")]
)
def test_a_user_other_than_root_becomes_root(user: str, sent: str) -> None:
    assert asyncio.run(_run(_echo, 1000, user)) == (7, sent, "complaint")


@pytest.mark.parametrize("part", routers.COMMON)
def test_every_part_of_a_routers_state_is_asked_for_as_root(part: str) -> None:
    """Words of the shell, as `!`, `||` and a pattern of files, are for root's shell, not for sudo or the user's."""
    line = routers.COMMON[part]
    assert asyncio.run(_run(_echo, 1000, "admin", line))[1] == f"sudo -n sh -c {shlex.quote(line)}"


def test_a_node_program_of_another_user_runs_as_root() -> None:
    seen: list[str] = []

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        seen.append(process.command or "")
        process.exit(0)

    async def begin() -> None:
        async with server(serve) as machine:
            shell = await connect(replace(machine, user="admin"), private(USER_KEY))
            try:
                with pytest.raises((Unreachable, OSError)):
                    await (await nodes.start(shell)).report()
            finally:
                shell.close()

    asyncio.run(begin())
    assert seen == [f"sudo -n sh -c {shlex.quote(package.COMMAND)}"]


def test_a_program_that_ended_at_once_is_quoted() -> None:
    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stderr.write(b"sudo: a password is required\n")
        process.exit(1)

    async def late() -> str:
        async with server(serve) as machine:
            shell = await connect(machine, private(USER_KEY))
            try:
                node = await nodes.start(shell)
                await asyncio.sleep(0.3)
                await node.report()
            except Unreachable as error:
                return str(error)
            finally:
                shell.close()
        return ""

    assert asyncio.run(late()) == "the program ended early: 'sudo: a password is required\\n'"


def test_a_commands_endless_answer_is_not_taken_in() -> None:
    async def flood(process: asyncssh.SSHServerProcess[bytes]) -> None:
        for _ in range(2000):
            process.stdout.write(b"x" * 65536)
            await process.stdout.drain()
        process.exit(0)

    with pytest.raises(Unreachable, match="longer than 100000 bytes"):
        asyncio.run(asyncio.wait_for(_run(flood, 100_000), 10))


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "LONGEST", 1_000_000)
    found = refusal(says(b"x" * 3_000_000))
    assert "longer than 1000000 bytes" in found
    assert len(found) < 500


def test_a_node_that_never_answers_costs_its_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "REPORTING", 0.3)

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await swallow(process)
        await asyncio.sleep(30)

    assert refusal(serve) == "no answer to 'report' within 0.3 s"


async def _refused(host_key: str, user_key: asyncssh.SSHKey) -> str:
    async with server(says(b"")) as machine:
        other = Machine(machine.name, machine.address, machine.port, machine.user, host_key)
        try:
            await connect(other, private(user_key))
        except Unreachable as error:
            return str(error)
    return ""


def test_another_host_key_is_refused() -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    found = asyncio.run(_refused(public(other), USER_KEY))
    assert "its host key differs from the pinned one" in found


def test_a_machine_without_pinned_key_is_not_asked() -> None:
    assert "no host key is pinned for it" in asyncio.run(_refused("", USER_KEY))


def test_another_user_key_is_refused() -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    assert "the key `sshKey` is refused" in asyncio.run(_refused(public(HOST_KEY), other))


def test_a_closed_port_is_a_sentence() -> None:
    async def closed() -> str:
        async with server(says(b"")) as machine:
            pass
        try:
            await connect(machine, private(USER_KEY))
        except Unreachable as error:
            return str(error)
        return ""

    assert "Connect call failed" in asyncio.run(closed())


def test_the_program_has_the_same_bytes_every_time() -> None:
    first = package.program()
    package.program.cache_clear()
    assert package.program() == first
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    assert {"__main__.py", "bpf/__main__.py", "bpf/events.c", "bpf/btf.py"} <= set(names)
    assert "bpf/responder.py" not in names
    assert len(first) < 64 * 1024


def test_the_bootstrap_runs_the_program_from_memory() -> None:
    """The real program answers the real bootstrap; without root and bcc it still reports."""
    requests = b'{"request": "begin", "uplinks": [], "port": 1}\n{"request": "report"}\n'
    done = subprocess.run(
        [sys.executable, "-I", "-c", package.BOOTSTRAP],
        input=package.opening() + requests,
        capture_output=True,
        check=True,
    )
    report = NodeReport.model_validate_json(done.stdout.splitlines()[-1])
    assert report.pod is None
    assert report.version == 1


@pytest.mark.parametrize(
    ("change", "words"), [(lambda data: data[:-9], b"ended early"), (lambda data: data[:-1] + b"x", b"digest differs")]
)
def test_the_bootstrap_refuses_a_damaged_program(change: Callable[[bytes], bytes], words: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", package.BOOTSTRAP],
        input=change(package.opening()),
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr


def test_the_command_is_constant_and_short() -> None:
    assert "{" not in package.COMMAND.replace("{}", "")
    assert len(package.COMMAND) < 4096
    assert expected().nodes[1].name not in package.COMMAND
