"""Runs the program against the SDK's mocks and records every registration as the engine would get it."""

from __future__ import annotations

import json
import logging
import runpy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import json_format
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

from components.lineage import READ
from lab.paths import cache
from lab.toolchain.images import CHART as CILIUM_CHART
from tests.unit.commands_api import kubeconfig
from tests.unit.plan_sites import Data, host_keys
from underlay.model import load_site
from underlay.plan.lineage import record

ROOT = Path(__file__).parents[2]
CHART = str(cache() / CILIUM_CHART)
PROJECT = "cilium-underlay"
SSH_KEY, PASSWORD, TOKEN = "-----BEGIN KEY-----", "sesame-open", "kubeconfig-token"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which the engine's protocol marks a secret."""
STACK = "pulumi:pulumi:Stack"
BIRTH = {"uid": "u-1", "created": "2026-01-01T00:00:00Z"}
STDOUT = {
    "installer": kubeconfig(f"https://{TOKEN}.example:6443"),
    "agents": json.dumps({"agents": {}}),
    "lineage": json.dumps({"birth": BIRTH}),
}


@dataclass(frozen=True)
class Resource:
    """One registration."""

    urn: str
    kind: str
    name: str
    parent: str
    inputs: dict[str, Any]
    depends: tuple[str, ...]
    custom: bool
    secret_outputs: tuple[str, ...]


@dataclass
class Run:
    """What a run of the program asked for, said, and how it ended."""

    resources: list[Resource] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    code: int = 0

    def named(self, name: str, kind: str = "") -> Resource:
        """Return the only resource of that name, or the one of a kind."""
        [found] = [one for one in self.resources if one.name == name and kind in one.kind]
        return found

    def of(self, kind: str) -> list[Resource]:
        """Return the resources whose type holds a text."""
        return [one for one in self.resources if kind in one.kind]


class _Refusal(grpc.RpcError):  # type: ignore[misc]
    """What the engine answers where it cannot do what was asked."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class _Mocks(Mocks):
    def __init__(self, stdout: dict[str, str], state: Data, *, preview: bool) -> None:
        self.stdout, self.state, self.preview = stdout, state, preview
        self.unreadable: list[str] = []

    def call(self, args: Any) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == READ and self.unreadable:
            raise _Refusal(self.unreadable.pop(0))
        return {"outputs": self.state} if args.token == READ else {}, []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        command = args.typ.startswith("command:") and not self.preview
        made = {"stdout": self.stdout.get(args.name, "{}"), "stderr": ""} if command else {}
        return f"{args.name}-id", {**args.inputs, **made}


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks, run: Run) -> None:
        super().__init__(mocks)
        self.run = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == STACK:
            return answer
        self.run.resources.append(
            Resource(
                urn=answer.urn,
                kind=request.type,
                name=request.name,
                parent=request.parent,
                inputs=json_format.MessageToDict(request.object),
                depends=tuple(request.dependencies),
                custom=request.custom,
                secret_outputs=tuple(request.additionalSecretOutputs),
            )
        )
        return answer


class _Log(logging.Handler):
    def __init__(self, run: Run, level: int) -> None:
        super().__init__(level)
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        self.run.messages.append(f"{record.levelname.lower()}: {record.getMessage()}")


def configuration(site: Data, /, **other: Any) -> dict[str, str]:
    """Return a stack's configuration as the engine hands it over."""
    values = {
        "site": site,
        "hostKeys": host_keys(site),
        "sshKey": SSH_KEY,
        "bgpPassword": PASSWORD,
        "chart": CHART,
        **other,
    }
    return {f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def run(
    site: Data,
    /,
    *,
    preview: bool = True,
    stdout: dict[str, str] | None = None,
    state: Data | None = None,
    unreadable: Sequence[str] = (),
    level: int = logging.WARNING,
    hidden: Sequence[str] = (),
    **other: Any,
) -> Run:
    """Run the program once on a state; commands print what `stdout` says by their names.

    Each text of `unreadable` is what the engine says instead of the state, once. `hidden` keys are set as secrets, too.
    """
    made = Run()
    logger = logging.getLogger("program")
    logger.handlers, logger.propagate = [_Log(made, level)], False
    logger.setLevel(level)
    mocks = _Mocks(STDOUT | (stdout or {}), state or {}, preview=preview)
    mocks.unreadable = [*unreadable]
    pulumi.runtime.set_mocks(
        mocks, project=PROJECT, stack="dev", preview=preview, logger=logger, monitor=_Monitor(mocks, made)
    )
    keys = ("sshKey", "bastionKey", "bgpPassword", "kubeconfig", "clusterPassword", *hidden)
    secrets = [f"{PROJECT}:{key}" for key in keys]
    pulumi.runtime.set_all_config(configuration(site, **other), secrets)
    try:
        _sync_await(run_pulumi_func(_program))
    except SystemExit as end:
        made.code = int(str(end.code))
    return made


def _program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"))


def state_of(site: Data) -> Data:
    """Return the state that an update of a site has left."""
    urn = f"urn:pulumi:dev::{PROJECT}::underlay:cluster:Cluster$command:local:Command::lineage"
    return {urn: {"outputs": {"stdout": json.dumps(record(load_site(site)).plain())}}}


def plain(value: Any) -> Iterator[str]:
    """Yield every text of some inputs that is not marked as a secret."""
    if isinstance(value, dict):
        if SIGNATURE not in value:
            for key, one in value.items():
                yield key
                yield from plain(one)
    elif isinstance(value, list):
        for one in value:
            yield from plain(one)
    else:
        yield str(value)
