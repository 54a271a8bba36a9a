"""A resource provider that does nothing and keeps everything: whatever it is sent, the engine's state will hold."""

# ruff: noqa: N802 - the names are the protocol's
from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

PLUGINS = ("command", "kubernetes")
"""Whose place it takes."""


class Echo(provider_pb2_grpc.ResourceProviderServicer):
    """Answers each call with what it was asked; commands print what `stdout` says by their resources' names."""

    def __init__(self, stdout: Mapping[str, str]) -> None:
        """Keep what commands print, and the inputs that are made, by name."""
        self.stdout, self.made = stdout, dict[str, struct_pb2.Struct]()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Handshake(self, _request: Any, _context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    def Attach(self, _request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, _context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, _request: Any, _context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, _request: Any, _context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, _context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, _context: Any) -> Any:
        same = request.old_inputs == request.news
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Create(self, request: Any, _context: Any) -> Any:
        return provider_pb2.CreateResponse(id="" if request.preview else "echo", properties=self._made(request))

    def Update(self, request: Any, _context: Any) -> Any:
        inputs = provider_pb2.CreateRequest(urn=request.urn, properties=request.news, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=self._made(inputs))

    def Delete(self, _request: Any, _context: Any) -> Any:
        return empty_pb2.Empty()

    def _made(self, request: Any) -> struct_pb2.Struct:
        found, name = struct_pb2.Struct(), request.urn.rpartition("::")[2]
        found.CopyFrom(request.properties)
        if "$command:" in request.urn and not request.preview:
            self.made[name] = request.properties
            found["stdout"], found["stderr"] = self.stdout.get(name, "{}"), ""
        return found


@contextmanager
def echo(stdout: Mapping[str, str]) -> Iterator[tuple[str, Echo]]:
    """Serve, and yield what `PULUMI_DEBUG_PROVIDERS` has to say."""
    server, servicer = grpc.server(ThreadPoolExecutor(8)), Echo(stdout)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield ",".join(f"{name}:{port}" for name in PLUGINS), servicer
    finally:
        server.stop(None).wait()
