"""Plays the rows of the command provider's table: each step is one call whose outcome is compared."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from lab.pulumi.values import ARCHIVE, ASSET, Properties, Secret, Signed, Unknown, decode_properties, encode_properties
from tests.unit.test_command_provider_checks import CHECKS, Outcome, problems
from tests.unit.test_command_provider_rig import ROOT, Provider

TABLE = ROOT / "lab/pulumi/behaviours.yaml"
CALL_SECONDS = 120

TOKENS = {
    "local": "command:local:Command",
    "remote": "command:remote:Command",
    "copy": "command:remote:CopyToRemote",
    "file": "command:remote:CopyFile",
}


class Loader(yaml.SafeLoader):
    """YAML with the marks that property values have on the wire."""


def _marked(make: Callable[[Any], Any]) -> Callable[[yaml.SafeLoader, yaml.Node], Any]:
    def construct(loader: yaml.SafeLoader, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            return make(loader.construct_mapping(node, deep=True))
        if isinstance(node, yaml.SequenceNode):
            return make(loader.construct_sequence(node, deep=True))
        return make(node.value)

    return construct


MARKS: Mapping[str, Callable[[Any], Any]] = {
    "!secret": Secret,
    "!unknown": lambda _text: Unknown(),
    "!asset": lambda fields: Signed(ASSET, fields),
    "!archive": lambda fields: Signed(ARCHIVE, fields),
}
for _mark, _make in MARKS.items():
    Loader.add_constructor(_mark, _marked(_make))


def table() -> dict[str, Any]:
    """Return the whole table."""
    loaded: dict[str, Any] = yaml.load(TABLE.read_text(encoding="utf-8"), Loader)  # noqa: S506, a safe loader
    return loaded


def resolved(value: Any, names: Mapping[str, Any]) -> Any:
    """Put names into a value: `@name@` in texts, `base` below an object's own entries, null for none."""
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, list):
        return [resolved(item, names) for item in value]
    if isinstance(value, Secret):
        return Secret(resolved(value.value, names))
    if isinstance(value, Signed):
        return Signed(value.signature, resolved(value.fields, names))
    if isinstance(value, dict):
        own = {str(_text(key, names)): resolved(item, names) for key, item in value.items() if key != "base"}
        merged = {**(resolved(value["base"], names) if "base" in value else {}), **own}
        return {key: item for key, item in merged.items() if item is not None}
    return float(value) if type(value) is int else value


def _text(text: str, names: Mapping[str, Any]) -> Any:
    whole = re.fullmatch(r"@(\w+)@", text)
    if whole:
        return names[whole[1]]
    return re.sub(r"@(\w+)@", lambda match: str(names[match[1]]), text)


@dataclass
class Play:
    """One row being played: its resource's state goes from step to step."""

    provider: Provider
    names: Mapping[str, Any]
    kind: str
    state: Properties = field(default_factory=dict)
    inputs: Properties = field(default_factory=dict)

    def step(self, step: Mapping[str, Any]) -> list[str]:
        """Make a step's call and return what is wrong with its outcome."""
        (verb,) = step.keys() & VERBS.keys()
        for name, text in resolved(step.get("write", {}), self.names).items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        given = resolved(step[verb], self.names)
        outcome = self._call(verb, self._checked(given) if verb in {"create", "update"} else given, step)
        return [f"{verb}: {wrong}" for wrong in problems(outcome, resolved(step.get("expect", {}), self.names))]

    def _call(self, verb: str, given: Any, step: Mapping[str, Any]) -> Outcome:
        self.provider.log.taken()
        outcome, start = Outcome(), time.monotonic()
        try:
            outcome.response = VERBS[verb](self, given, step)
        except grpc.RpcError as error:
            outcome.error = error.details() or str(error.code())
        outcome.seconds, outcome.messages = time.monotonic() - start, self.provider.log.taken()
        outcome.outputs = decode_properties(_properties(outcome.response))
        if verb in {"create", "update"} and outcome.error is None:
            self.state, self.inputs = outcome.outputs, given
        return outcome

    def _checked(self, given: Properties) -> Properties:
        """Return inputs as the engine has them after its check, which comes before everything else."""
        answer = _check(self, given, {})
        assert not answer.failures, answer.failures
        return decode_properties(answer.inputs)

    @property
    def resource(self) -> dict[str, Any]:
        return {"urn": f"urn:pulumi:test::lab::{TOKENS[self.kind]}::thing"}

    @property
    def stored(self) -> dict[str, Any]:
        return {**self.resource, "id": "id", "properties": encoded(self.state)}


def encoded(properties: Properties) -> Any:
    return encode_properties(properties, byte_strings=True)


def _properties(response: Any) -> Any:
    names = ["properties"] if isinstance(response, provider_pb2.ReadResponse) else ["return", "inputs", "properties"]
    return next((getattr(response, name) for name in names if hasattr(response, name)), encoded({}))


def _check(play: Play, given: Any, _step: Mapping[str, Any]) -> Any:
    request = provider_pb2.CheckRequest(**play.resource, news=encoded(given))
    return play.provider.stub.Check(request, timeout=CALL_SECONDS)


def _diff(play: Play, given: Any, _step: Mapping[str, Any]) -> Any:
    old, new = encoded(given["old"]), encoded(given["new"])
    ignored = given.get("ignore", [])
    request = provider_pb2.DiffRequest(
        **play.resource, id="id", olds=old, news=new, old_inputs=old, ignoreChanges=ignored
    )
    return play.provider.stub.Diff(request, timeout=CALL_SECONDS)


def _create(play: Play, given: Any, step: Mapping[str, Any]) -> Any:
    options = {key: step[key] for key in ("preview", "timeout") if key in step}
    request = provider_pb2.CreateRequest(**play.resource, properties=encoded(given), **options)
    if "cancel_after" in step:
        cancel = play.provider.stub.Cancel
        threading.Timer(step["cancel_after"], lambda: cancel(empty_pb2.Empty(), timeout=CALL_SECONDS)).start()
    return play.provider.stub.Create(request, timeout=CALL_SECONDS)


def _update(play: Play, given: Any, step: Mapping[str, Any]) -> Any:
    old, new = encoded(play.state), encoded(given)
    request = provider_pb2.UpdateRequest(
        **play.resource,
        id="id",
        olds=old,
        news=new,
        old_inputs=encoded(play.inputs),
        preview=step.get("preview", False),
    )
    return play.provider.stub.Update(request, timeout=CALL_SECONDS)


def _delete(play: Play, _given: Any, _step: Mapping[str, Any]) -> Any:
    request = provider_pb2.DeleteRequest(**play.stored, old_inputs=encoded(play.inputs))
    return play.provider.stub.Delete(request, timeout=CALL_SECONDS)


def _read(play: Play, _given: Any, _step: Mapping[str, Any]) -> Any:
    request = provider_pb2.ReadRequest(**play.stored, inputs=encoded(play.inputs))
    return play.provider.stub.Read(request, timeout=CALL_SECONDS)


def _invoke(play: Play, given: Any, _step: Mapping[str, Any]) -> Any:
    request = provider_pb2.InvokeRequest(tok="command:local:run", args=encoded(given))
    return play.provider.stub.Invoke(request, timeout=CALL_SECONDS)


VERBS: Mapping[str, Callable[[Play, Any, Mapping[str, Any]], Any]] = {
    "check": _check,
    "diff": _diff,
    "create": _create,
    "update": _update,
    "delete": _delete,
    "read": _read,
    "invoke": _invoke,
}

ROW_KEYS = {"id", "type", "source", "given", "expected", "steps"}
ROW_OPTIONS = {"variables", "byte_strings", "fresh"}
STEP_OPTIONS = {"expect", "write", "preview", "timeout", "cancel_after"}


@pytest.mark.parametrize("part", ["rows", "differences"])
def test_every_row_says_what_it_must(part: str) -> None:
    rows = table()[part]
    told = {"official"} if part == "differences" else set()
    for row in rows:
        assert row.keys() - ROW_OPTIONS == ROW_KEYS | told, row["id"]
        for step in row["steps"]:
            assert len(step.keys() & VERBS.keys()) == 1, row["id"]
            assert step.keys() <= VERBS.keys() | STEP_OPTIONS, row["id"]
            assert step.get("expect", {}).keys() <= CHECKS.keys(), row["id"]
        assert any(step.get("expect") for step in row["steps"]), row["id"]


def test_ids_are_unique() -> None:
    ids = [row["id"] for part in ("rows", "differences") for row in table()[part]]
    assert len(ids) == len(set(ids))


def test_names_come_into_texts_and_objects() -> None:
    names = {"node": {"host": "a", "port": 1.0}, "tmp": "/t"}
    given = {"connection": {"base": "@node@", "port": None, "user": "x"}, "dir": "@tmp@/y", "limit": 3}
    assert resolved(given, names) == {"connection": {"host": "a", "user": "x"}, "dir": "/t/y", "limit": 3.0}
