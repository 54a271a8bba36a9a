"""Serves one gRPC service to the engine, and ends when the engine says so, interrupts, or is gone."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine

import grpc

from lab.pulumi.engine import OPTIONS

GRACE_SECONDS = 2
"""Calls that are still running after a stop get this long."""


def arguments() -> argparse.Namespace:
    """Return what the engine's command line says; flags that only its own plugins know are passed over."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("engine", nargs="?", default="")
    for flag in ("-tracing", "--tracing", "-use-executor", "--use-executor", "-v"):
        parser.add_argument(flag, dest=flag.strip("-").replace("-", "_"), default="")
    return parser.parse_known_args()[0]


def main(program: Coroutine[None, None, None]) -> None:
    """Run a server to its end; what its libraries left running must not keep the process."""
    asyncio.run(program)
    sys.stdout.flush()
    os._exit(0)


async def serve(register: Callable[[grpc.aio.Server], None], close: Callable[[], Awaitable[None]]) -> None:
    """Serve on a free local port, print it, and return after the end has come and `close` has run."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if parent := os.getppid():  # 0 when it is outside of this process's namespace
        loop.add_reader(os.pidfd_open(parent), ended.set)
    server, port = await started(register)
    print(port, flush=True)
    await ended.wait()
    await close()
    await server.stop(GRACE_SECONDS)


async def started(register: Callable[[grpc.aio.Server], None]) -> tuple[grpc.aio.Server, int]:
    """Return a running server and its port."""
    server = grpc.aio.server(options=OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port
