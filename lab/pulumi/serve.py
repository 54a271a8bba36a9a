"""Serves one gRPC service to the engine, and ends when the engine says so, interrupts, or is gone."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import grpc

from lab.pulumi.engine import OPTIONS

GRACE_SECONDS = 2
"""Calls that are still running after a stop get this long."""


class CallError(Exception):
    """A call cannot do what it is asked for; the text is for the user."""


Method = Callable[[Any, Any], Awaitable[Any]]
Handler = Callable[[Any, Any, grpc.aio.ServicerContext], Awaitable[Any]]


def answered(method: Method) -> Handler:
    """Turn a readable error into the call's status, without a traceback anywhere."""

    @wraps(method)
    async def call(self: object, request: object, context: grpc.aio.ServicerContext) -> object:
        try:
            return await method(self, request)
        except (CallError, ValueError) as error:
            return await context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except NotImplementedError as error:
            return await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except Exception as error:  # noqa: BLE001, a fault of ours has to reach the user as one line too
            return await context.abort(grpc.StatusCode.INTERNAL, fault(error))

    return call


def fault(error: Exception) -> str:
    """Return where an error that nobody expected comes from; its own text may hold a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"fault in the lab's stand-in: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def refuse(service: type, *names: str) -> None:
    """Let methods of a service say that they are not offered."""
    for name in names:
        setattr(service, name, _refused(name))


def _refused(name: str) -> Handler:
    async def method(_self: object, _request: object) -> object:
        raise NotImplementedError(f"{name} is not implemented")

    return answered(method)


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


async def serve(register: Callable[[grpc.aio.Server], None], close: Callable[[], Awaitable[None]], engine: str) -> None:
    """Serve on a free local port, print it, and return after the end has come and `close` has run."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if parent := os.getppid():  # 0 when it is outside of this process's namespace
        loop.add_reader(os.pidfd_open(parent), ended.set)
    server, port = await started(register)
    if await _is_there(engine):  # or the parent was another one already when the watch began
        print(port, flush=True)
        await ended.wait()
    await close()
    await server.stop(GRACE_SECONDS)


async def _is_there(engine: str) -> bool:
    host, _, port = engine.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port)) if port else (None, None)
    except OSError:
        return False
    if writer is not None:
        writer.close()
    return True


async def started(register: Callable[[grpc.aio.Server], None]) -> tuple[grpc.aio.Server, int]:
    """Return a running server and its port."""
    server = grpc.aio.server(options=OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port
