# ruff: noqa: N802, the service gives its methods their names
"""A Pulumi provider for `command:local:Command`, `command:remote:Command` and copies, over gRPC.

The official provider's behaviour is the measure; `behaviours.yaml` lists it row by row.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

if not __package__:  # run by its path: the repository takes the place of this folder
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from lab.pulumi import diff, lifecycle, local, schema, serve
from lab.pulumi.capture import CommandError
from lab.pulumi.engine import Engine, Journal, hide
from lab.pulumi.values import Properties, decode_properties, encode_properties, plain

VERSION = "1.2.1"

ID_BYTES = 4

Result = TypeVar("Result")


class CommandProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider's service; running operations end when the engine cancels."""

    def __init__(self, engine_address: str = "") -> None:
        self._engine = Engine()
        self._engine.attach(engine_address)
        self._byte_strings = False
        self._running: set[asyncio.Task[Any]] = set()
        self._cancelled = False

    @serve.answered
    async def Handshake(self, request: provider_pb2.ProviderHandshakeRequest) -> provider_pb2.ProviderHandshakeResponse:
        """Learn where the engine listens and what it understands."""
        self._engine.attach(request.engine_address)
        self._byte_strings = request.accepts_byte_string
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True, accepts_byte_string=True
        )

    @serve.answered
    async def Attach(self, request: plugin_pb2.PluginAttach) -> empty_pb2.Empty:
        """Serve an engine that did not start this process."""
        self._engine.attach(request.address)
        return empty_pb2.Empty()

    @serve.answered
    async def GetPluginInfo(self, _request: empty_pb2.Empty) -> plugin_pb2.PluginInfo:
        """Return the version whose schema this provider keeps to."""
        return plugin_pb2.PluginInfo(version=VERSION)

    @serve.answered
    async def GetSchema(self, _request: provider_pb2.GetSchemaRequest) -> provider_pb2.GetSchemaResponse:
        """Return the package's schema."""
        return provider_pb2.GetSchemaResponse(schema=schema.package_schema(VERSION))

    @serve.answered
    async def CheckConfig(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """Accept any provider configuration: there is none to refuse."""
        return provider_pb2.CheckResponse(inputs=request.news)

    @serve.answered
    async def Configure(self, _request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        """Take no configuration and say what this provider understands."""
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    @serve.answered
    async def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """Return inputs with defaults and secrets, or everything that is wrong with them."""
        shape = _shape(schema.RESOURCES, lifecycle.Resource(request.urn).token)
        inputs, failures = schema.check(shape, decode_properties(request.news))
        refusals = [provider_pb2.CheckFailure(property=wrong.property, reason=wrong.reason) for wrong in failures]
        return provider_pb2.CheckResponse(inputs=self._encoded(inputs), failures=refusals)

    @serve.answered
    async def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """Say which inputs changed, and which changes need a new resource."""
        token = lifecycle.Resource(request.urn).token
        shape, state = _shape(schema.RESOURCES, token), decode_properties(request.olds)
        new = _unchanged(decode_properties(request.news), state, request.ignoreChanges)
        new = {key: value for key, value in new.items() if key != "version" and not key.startswith("__")}
        old = decode_properties(request.old_inputs) if request.HasField("old_inputs") else state
        found = diff.changes({key: value for key, value in old.items() if key in shape}, new)
        replacing = {path for path in found if token in lifecycle.REPLACED_ALWAYS or _replaces(shape, path)}
        return _diff_response(found, replacing)

    @serve.answered
    async def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        """Run the create command or copy, unless this is a preview."""
        resource, inputs = lifecycle.Resource(request.urn), decode_properties(request.properties)
        _shape(schema.RESOURCES, resource.token)
        state = lifecycle.planned_create(resource.token, inputs)
        if not request.preview:
            journal = resource.journal(self._engine, inputs)
            state = await self._limited(lifecycle.create(resource.token, inputs, journal), request.timeout, journal)
        new_id = resource.id_prefix + secrets.token_hex(ID_BYTES)
        return provider_pb2.CreateResponse(id=new_id, properties=self._encoded(state))

    @serve.answered
    async def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        """Return the state as it is: nobody can look at what a command once did."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    @serve.answered
    async def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        """Run the update command, or else the create command, or copy again."""
        resource, state = lifecycle.Resource(request.urn), decode_properties(request.olds)
        if resource.token in lifecycle.REPLACED_ALWAYS:
            raise NotImplementedError(f"Update is not implemented for resource {request.urn}")
        inputs = _unchanged(decode_properties(request.news), state, request.ignoreChanges)
        new = lifecycle.planned_update(resource.token, inputs, state)
        if not request.preview:
            journal = resource.journal(self._engine, inputs)
            work = lifecycle.update(resource.token, inputs, state, journal)
            new = await self._limited(work, request.timeout, journal)
        return provider_pb2.UpdateResponse(properties=self._encoded(new))

    @serve.answered
    async def Delete(self, request: provider_pb2.DeleteRequest) -> empty_pb2.Empty:
        """Run the delete command of the state, if there is one."""
        resource, state = lifecycle.Resource(request.urn), decode_properties(request.properties)
        journal = resource.journal(self._engine, state)
        await self._limited(lifecycle.delete(resource.token, state, journal), request.timeout, journal)
        return empty_pb2.Empty()

    @serve.answered
    async def Invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        """Run `command:local:run`, at preview too."""
        given = decode_properties(request.args)
        inputs, failures = schema.check(_shape(schema.FUNCTIONS, request.tok), given)
        if failures:
            refusals = [provider_pb2.CheckFailure(property=wrong.property, reason=wrong.reason) for wrong in failures]
            return provider_pb2.InvokeResponse(failures=refusals)
        journal, known = Journal(self._engine, "", lifecycle.secrets_of(given)), plain(inputs)
        outputs = await self._limited(local.run(known["command"], known, {}, journal), 0, journal)
        return provider_pb2.InvokeResponse(**{"return": self._encoded(inputs | outputs)})

    @serve.answered
    async def Cancel(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """End what is running, and whatever would begin after this."""
        await self.close()
        return empty_pb2.Empty()

    async def close(self) -> None:
        """Stop everything that runs, with all processes and connections it has."""
        self._cancelled = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _limited(self, work: Coroutine[Any, Any, Result], seconds: float, journal: Journal) -> Result:
        """Await an operation within its time-out; its error shows no secret."""
        task = asyncio.create_task(work)
        self._running.add(task)
        if self._cancelled:
            task.cancel()
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds or None)
            task.cancel()
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._running.discard(task)
        if task.cancelled():
            raise CommandError(f"context deadline exceeded: {seconds:g} s" if not done else "context canceled")
        if (error := task.exception()) is not None:
            raise CommandError(hide(str(error), journal.secrets)) if isinstance(error, CommandError) else error
        return task.result()

    def _encoded(self, properties: Properties) -> Any:  # noqa: ANN401, protobuf's own type has no stubs
        return encode_properties(properties, byte_strings=self._byte_strings)


serve.refuse(CommandProvider, "DiffConfig", "Parameterize", "Call", "Construct", "GetMapping", "GetMappings")


def _shape(shapes: Any, token: str) -> schema.Shape:  # noqa: ANN401
    if token not in shapes:
        raise NotImplementedError(f"unknown type {token!r}; expected one of {', '.join(shapes)}")
    shape: schema.Shape = shapes[token]
    return shape


def _unchanged(new: Properties, state: Properties, ignored: list[str]) -> Properties:
    return new | {key: state[key] for key in ignored if key in state}


def _replaces(shape: schema.Shape, path: str) -> bool:
    return path in shape and shape[path].replaces


def _diff_response(found: dict[str, str], replacing: set[str]) -> provider_pb2.DiffResponse:
    kinds = {path: kind + ("_REPLACE" if path in replacing else "") for path, kind in found.items()}
    detailed = {
        path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind)) for path, kind in kinds.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
        detailedDiff=detailed,
        hasDetailedDiff=True,
        diffs=sorted({diff.head(path) for path in found}),
        replaces=sorted({diff.head(path) for path in replacing}),
    )


async def program() -> None:
    """Serve until the engine is done."""
    given = serve.arguments()
    provider = CommandProvider(given.engine)
    await serve.serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        provider.close,
        given.engine,
    )


if __name__ == "__main__":
    serve.main(program())
