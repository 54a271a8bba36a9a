"""A release whose update was cut off is applied again, says the Kubernetes provider itself, whatever is declared."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from lab.paths import binaries
from tests.policy.engine import needs_engine
from tests.program.recorder import SIGNATURE
from tests.unit.commands_api import api_server
from underlay.commands import recover

pytestmark = needs_engine

SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's word for one
INPUTS = {"name": "cilium", "namespace": "kube-system", "chart": "./chart", "timeout": 300, "values": {"a": "1"}}
OUTPUTS = {**INPUTS, "status": {"revision": 1}, "__inputs": {SIGNATURE: SECRET, "value": INPUTS}}
RESOURCE = {"urn": "u", "type": recover.RELEASES, "inputs": INPUTS, "outputs": OUTPUTS}
URN = f"urn:pulumi:dev::cilium-underlay::{recover.RELEASES}::cilium"
CLUSTER = {"/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.1"}}
Diff = provider_pb2.DiffResponse


@pytest.fixture(scope="module")
def provider() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Run the provider, configured for a cluster that answers little."""
    words = [str(binaries() / "pulumi-resource-kubernetes"), "127.0.0.1:1"]
    with api_server(dict(CLUSTER)) as config, subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                stub.Configure(provider_pb2.ConfigureRequest(args=_struct({"kubeconfig": config}), acceptSecrets=True))
                yield stub
        finally:
            process.terminate()


def _struct(content: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(content, struct_pb2.Struct())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("command:local:Command", Diff.DIFF_NONE), (recover.RELEASES, Diff.DIFF_SOME)],
)
def test_a_release_that_was_cut_off_differs_from_the_declaration_before_it(
    provider: provider_pb2_grpc.ResourceProviderStub, monkeypatch: pytest.MonkeyPatch, kind: str, expected: int
) -> None:
    unfinished = [{"type": "updating", "resource": {"type": kind}}]
    state = {"deployment": {"resources": [copy.deepcopy(RESOURCE)], "pending_operations": unfinished}}

    def engine(*_: str, text: str | None = None) -> str:
        state.update(json.loads(text or "{}"))
        return json.dumps(state)

    monkeypatch.setattr(recover, "_pulumi", engine)
    assert list(recover.forget_unfinished())
    noted: Any = state["deployment"]["resources"][0]
    asked = provider_pb2.DiffRequest(id="i", urn=URN, olds=_struct(noted["outputs"]), news=_struct(INPUTS))
    answer = provider.Diff(asked)
    assert (answer.changes, list(answer.replaces)) == (expected, [])
