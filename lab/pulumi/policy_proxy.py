"""Stands between the engine and a policy pack, because a pack wants to know the stack before it starts.

The engine tells the stack to a running pack; a Python pack reads it from its environment at start. So the engine gets
this proxy's port at once, the pack starts when the stack is known, and every other call is passed on byte for byte.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import grpc
from pulumi.runtime.proto import analyzer_pb2

from lab.pulumi import serve
from lab.pulumi.engine import OPTIONS

SERVICE = "/pulumirpc.Analyzer/"

Call = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The analyzer that the engine sees."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._configured: asyncio.Future[bytes | None] = loop.create_future()
        self._pack: asyncio.Future[grpc.aio.Channel] = loop.create_future()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port for the engine."""
        self._server, port = await serve.started(lambda server: server.add_generic_rpc_handlers((self,)))
        return port

    async def stop(self) -> None:
        """End; calls that still wait for the pack fail."""
        self.fail("the policy pack has ended")
        if self._server is not None:
            await self._server.stop(None)

    async def environment(self) -> dict[str, str]:
        """Wait for the stack and return the variables that tell a pack of it; none if the engine skips that."""
        raw = await self._configured
        if raw is None:
            return {}
        stack = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(raw)
        variables = {
            "PULUMI_ORGANIZATION": stack.organization,
            "PULUMI_PROJECT": stack.project,
            "PULUMI_STACK": stack.stack,
            "PULUMI_DRY_RUN": json.dumps(stack.dry_run),
            "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        }
        return {name: value for name, value in variables.items() if value}

    async def attach(self, printed: asyncio.StreamReader | None) -> None:
        """Read the pack's port from its output, and pass everything on to it from now on."""
        port = (await printed.readline() if printed else b"").strip()
        if not port.isdigit():
            self.fail("it ended before it printed its port; see what it printed instead")
            return
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{int(port)}", options=OPTIONS)
        stack = self._configured.result()
        if stack is not None:
            try:
                await channel.unary_unary(SERVICE + "ConfigureStack")(stack)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:  # older packs have no such call
                    self.fail(f"the policy pack refused the stack: {error.details()}")
                    return
        self._pack.set_result(channel)

    def fail(self, reason: str) -> None:
        """Let every call fail with a reason, unless the pack runs already."""
        if not self._pack.done():
            self._pack.set_exception(serve.CallError(reason))
            self._pack.exception()  # looked at, so that nobody warns of it

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what answers a method."""
        method = handler_call_details.method
        if not method.startswith(SERVICE):
            return None
        return grpc.unary_unary_rpc_method_handler(self._own.get(method.removeprefix(SERVICE)) or self._passed(method))

    @property
    def _own(self) -> dict[str, Call]:
        return {"Handshake": self._handshake, "ConfigureStack": self._configure_stack}

    async def _handshake(self, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        return b""

    async def _configure_stack(self, request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        self._configure(request)
        return b""

    def _configure(self, stack: bytes | None) -> None:
        if not self._configured.done():
            self._configured.set_result(stack)

    def _passed(self, method: str) -> Call:
        async def call(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            self._configure(None)
            try:
                channel = await asyncio.shield(self._pack)
                answer: bytes = await channel.unary_unary(method)(request)
            except serve.CallError as error:
                answer = await context.abort(grpc.StatusCode.UNKNOWN, f"policy pack not started: {error}")
            except grpc.aio.AioRpcError as error:
                answer = await context.abort(error.code(), error.details())
            return answer

        return call
