"""Servers and processes for the command provider's tests: real OpenSSH servers, an agent, an engine that listens."""

from __future__ import annotations

import functools
import getpass
import http.server
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from lab.paths import cache

ROOT = Path(__file__).resolve().parents[2]
SSHD = Path("/usr/sbin/sshd")
TREE = cache() / "noderoot"
"""The lab's node tree: it has an OpenSSH server where the machine itself has none."""
OTHER_PROVIDER = "UNDERLAY_COMMAND_PROVIDER"
LIMIT = 400 * 1024 * 1024
START_SECONDS = 20

APART = """
mount -t tmpfs run /run && mkdir /run/sshd || exit 1
[ -z "$1" ] || mount --bind "$1" /etc/passwd || exit 1
shift && exec "$@"
"""
"""Gives root's OpenSSH server, in a namespace of its own, the folder it insists on, and a user where there is none."""

SSHD_USER = "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
SSHD_CONFIG = """
ListenAddress 127.0.0.1
AuthorizedKeysFile {folder}/authorized_keys
HostKey {folder}/host_key
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
MaxStartups 100
LogLevel ERROR
Subsystem sftp internal-sftp
SetEnv HOME=/nonexistent
"""
"""The last line keeps this user's own shell start files out of the tests."""


def provider_command() -> list[str]:
    """Return the provider under test: ours, or the one that the environment names."""
    other = os.environ.get(OTHER_PROVIDER)
    return [other] if other else [sys.executable, str(ROOT / "lab/pulumi/command_provider.py")]


def is_ours() -> bool:
    return OTHER_PROVIDER not in os.environ


def free_port() -> int:
    """Return a port below those that the kernel gives to outgoing connections, so that none takes it meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def make_key(path: Path, *options: str) -> str:
    """Make a key pair and return the public half."""
    words = ["ssh-keygen", "-q", "-C", "", *options, "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path.with_suffix(".pub").read_text(encoding="utf-8").strip()


@contextmanager
def running(*words: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process while the block runs."""
    with subprocess.Popen(words, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def has_server() -> bool:
    return SSHD.exists() or (os.geteuid() == 0 and (TREE / "usr/sbin/sshd").exists())


def server_program(folder: Path) -> list[str]:
    """Return the words that start an OpenSSH server: the machine's own, or the node tree's with its libraries."""
    if os.geteuid():
        return [str(SSHD)]
    apart = ["unshare", "--mount", "sh", "-c", APART, "sh"]
    if SSHD.exists():
        return [*apart, "", str(SSHD)]
    users = folder / "passwd"
    users.write_text(Path("/etc/passwd").read_text(encoding="utf-8") + SSHD_USER, encoding="utf-8")
    libraries = f"LD_LIBRARY_PATH={TREE / 'usr/lib/x86_64-linux-gnu'}"
    return [*apart, str(users), "env", libraries, str(TREE / "usr/sbin/sshd")]


@contextmanager
def sshd(folder: Path, authorized: str, *settings: str) -> Iterator[dict[str, Any]]:
    """Run an OpenSSH server and yield what a connection to it needs to know, keys excepted."""
    folder.mkdir()
    host_key = make_key(folder / "host_key", "-t", "ed25519", "-N", "")
    (folder / "authorized_keys").write_text(authorized, encoding="utf-8")
    port = free_port()
    config = folder / "config"
    lines = [SSHD_CONFIG.format(folder=folder), f"Port {port}", *settings, ""]
    config.write_text("\n".join(lines), encoding="utf-8")
    with running(*server_program(folder), "-D", "-e", "-f", str(config)):
        await_listener(socket.AF_INET, ("127.0.0.1", port))
        yield {"host": "127.0.0.1", "port": float(port), "user": getpass.getuser(), "hostKey": host_key}


def await_listener(family: socket.AddressFamily, address: Any) -> None:
    """Wait until something takes connections at an address."""
    until = time.monotonic() + START_SECONDS
    while True:
        with socket.socket(family) as attempt:
            if attempt.connect_ex(address) == 0:
                return
        assert time.monotonic() < until, f"nothing listens at {address} after {START_SECONDS} s"
        time.sleep(0.02)


@contextmanager
def agent(folder: Path, key: Path) -> Iterator[str]:
    """Run an SSH agent that holds one key, and yield its socket."""
    path = folder / "agent"
    with running("ssh-agent", "-D", "-a", str(path), stdout=subprocess.DEVNULL):
        await_listener(socket.AF_UNIX, str(path))
        variables = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=variables)
        yield str(path)


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder's files and yield the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextmanager
def full_port() -> Iterator[int]:
    """Yield a port whose queue is full, so that the kernel drops what else comes."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class EngineLog(engine_pb2_grpc.EngineServicer):
    """The engine's side of the log."""

    def __init__(self) -> None:
        self._messages: queue.Queue[engine_pb2.LogRequest] = queue.Queue()

    def Log(self, request: engine_pb2.LogRequest, _context: object) -> empty_pb2.Empty:  # noqa: N802
        self._messages.put(request)
        return empty_pb2.Empty()

    def taken(self) -> list[engine_pb2.LogRequest]:
        """Return and forget what was said."""
        return [self._messages.get() for _ in range(self._messages.qsize())]


@contextmanager
def engine() -> Iterator[tuple[EngineLog, str]]:
    """Run an engine that only listens, and yield it with its address."""
    log = EngineLog()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", LIMIT)])
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield log, f"127.0.0.1:{port}"
    server.stop(None)


@dataclass
class Provider:
    """A provider's process with a client."""

    process: subprocess.Popen[bytes]
    stub: provider_pb2_grpc.ResourceProviderStub
    log: EngineLog = field(repr=False)


@contextmanager
def provider(variables: dict[str, str], *, byte_strings: bool = True) -> Iterator[Provider]:
    """Start the provider under test the way the engine does."""
    path = os.environ.get("PATH", os.defpath)
    options = {"env": {"PATH": path, "HOME": "/nonexistent", **variables}, "stdout": subprocess.PIPE}
    with (
        engine() as (log, address),
        running(*provider_command(), address, stderr=subprocess.PIPE, **options) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=client_options()) as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            greeting = provider_pb2.ProviderHandshakeRequest(engine_address=address, accepts_byte_string=byte_strings)
            stub.Handshake(greeting, timeout=START_SECONDS)
            settings = provider_pb2.ConfigureRequest(
                acceptSecrets=True, acceptResources=True, sends_old_inputs=True, sends_old_inputs_to_delete=True
            )
            stub.Configure(settings, timeout=START_SECONDS)
            yield Provider(process, stub, log)


def client_options() -> Sequence[tuple[str, int]]:
    names = ("max_receive_message_length", "max_send_message_length", "max_metadata_size", "absolute_max_metadata_size")
    return [(f"grpc.{name}", LIMIT) for name in names]


@pytest.mark.skipif(not SSHD.exists(), reason=f"{SSHD} is missing: apt-get install openssh-server")
def test_a_server_takes_only_its_own_key(tmp_path: Path) -> None:
    public = make_key(tmp_path / "right", "-t", "ed25519", "-N", "")
    make_key(tmp_path / "wrong", "-t", "ed25519", "-N", "")
    with sshd(tmp_path / "server", public) as server:
        codes = [_log_in(server, tmp_path / name) for name in ("right", "wrong")]
    assert codes == [0, 255]


def _log_in(server: dict[str, Any], key: Path) -> int:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "BatchMode=yes"]
    words = [word for option in options for word in ("-o", option)]
    target = f"{server['user']}@{server['host']}"
    command = ["ssh", "-F", "none", *words, "-p", f"{server['port']:.0f}", "-i", str(key), target, "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode
