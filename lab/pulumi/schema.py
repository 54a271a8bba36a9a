"""What the command provider's resources take and give: one table, used for checks, defaults, secrets and the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.pulumi.values import Properties, Secret, Signed, Unknown, type_names


@dataclass(frozen=True)
class Field:
    """One property: its kind is a name in `KINDS` or `SHAPES`."""

    kind: str
    required: bool = False
    secret: bool = False
    replaces: bool = False
    default: object = None


@dataclass(frozen=True)
class Failure:
    """Why one property is refused."""

    property: str
    reason: str


Shape = Mapping[str, Field]

_LIFECYCLE = {
    "triggers": Field("list", replaces=True),
    "create": Field("string"),
    "update": Field("string"),
    "delete": Field("string"),
}
_PROCESS = {
    "stdin": Field("string"),
    "logging": Field("string"),
    "environment": Field("strings by name"),
    "addPreviousOutputInEnv": Field("boolean"),
}
_LOCAL = {
    **_PROCESS,
    "interpreter": Field("strings"),
    "dir": Field("string"),
    "assetPaths": Field("strings"),
    "archivePaths": Field("strings"),
}
_SERVER = {
    "host": Field("string", required=True),
    "port": Field("number", default=22.0),
    "user": Field("string", default="root"),
    "password": Field("string", secret=True),
    "privateKey": Field("string", secret=True),
    "privateKeyPassword": Field("string", secret=True),
    "agentSocketPath": Field("string"),
    "hostKey": Field("string"),
    "dialErrorLimit": Field("integer", default=10.0),
    "perDialTimeout": Field("integer", default=15.0),
}
_REMOTE = {"connection": Field("command:remote:Connection", required=True, secret=True)}

SHAPES: Mapping[str, Shape] = {
    "command:remote:ProxyConnection": _SERVER,
    "command:remote:Connection": {**_SERVER, "proxy": Field("command:remote:ProxyConnection")},
}

RESOURCES: Mapping[str, Shape] = {
    "command:local:Command": {**_LIFECYCLE, **_LOCAL},
    "command:remote:Command": {**_LIFECYCLE, **_PROCESS, **_REMOTE},
    "command:remote:CopyToRemote": {
        **_REMOTE,
        "triggers": Field("list", replaces=True),
        "source": Field("asset or archive", required=True),
        "remotePath": Field("string", required=True),
    },
    "command:remote:CopyFile": {
        **_REMOTE,
        "triggers": Field("list"),
        "localPath": Field("string", required=True),
        "remotePath": Field("string", required=True),
    },
}

FUNCTIONS: Mapping[str, Shape] = {"command:local:run": {**_LOCAL, "command": Field("string", required=True)}}

_OUTPUTS = {"stdout": Field("string", required=True), "stderr": Field("string", required=True)}
OUTPUTS: Mapping[str, Shape] = {
    "command:local:Command": {**_OUTPUTS, "assets": Field("assets by name"), "archive": Field("archive")},
    "command:remote:Command": _OUTPUTS,
}


def _is_text(value: object) -> bool:
    return isinstance(_bare(value), str | Unknown)


def _bare(value: object) -> object:
    return _bare(value.value) if isinstance(value, Secret) else value


KINDS: Mapping[str, Callable[[object], bool]] = {
    "string": _is_text,
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, float),
    "integer": lambda value: isinstance(value, float),
    "list": lambda value: isinstance(value, list),
    "strings": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "strings by name": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "asset or archive": lambda value: isinstance(value, Signed),
}


def check(shape: Shape, given: Properties, path: str = "") -> tuple[Properties, list[Failure]]:
    """Return the properties with defaults and secrets, and everything that is wrong with them."""
    extra = [Failure(path + key, f"Unrecognized field '{path}{key}'") for key in given if key not in shape]
    missing = [
        Failure(path + key, f"Missing required field '{path}{key}'; expected {_expected(field.kind)}")
        for key, field in shape.items()
        if field.required and key not in given
    ]
    failures, checked = [*extra, *missing], dict(given)
    for key, field in shape.items():
        if key in given:
            checked[key], wrong = _check_value(field, given[key], path + key)
            failures += wrong
        elif field.default is not None:
            checked[key] = field.default
        if field.secret and key in checked and not isinstance(checked[key], Secret):
            checked[key] = Secret(checked[key])
    return checked, failures if path else [
        Failure(failure.property.partition(".")[0], failure.reason) for failure in failures
    ]


def _check_value(field: Field, value: object, path: str) -> tuple[object, list[Failure]]:
    if isinstance(value, Secret):
        inner, failures = _check_value(field, value.value, path)
        return Secret(inner), failures
    if isinstance(value, Unknown):
        return value, []
    if isinstance(value, dict) and field.kind in SHAPES:
        return check(SHAPES[field.kind], value, path + ".")
    if field.kind not in SHAPES and KINDS[field.kind](value):
        return value, []
    if field.kind == "asset or archive":
        return value, [Failure("asset", "either asset or archive must be set")]
    found = type_names.get(type(value), "an asset or archive")
    return value, [Failure(path, f"Field '{path}' must be {_expected(field.kind)}; got {found} instead")]


def _expected(kind: str) -> str:
    return "an object" if kind in SHAPES else f"'{kind}'"


_JSON: Mapping[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "list": {"type": "array", "items": {"$ref": "pulumi.json#/Any"}},
    "strings": {"type": "array", "items": {"type": "string"}},
    "strings by name": {"type": "object", "additionalProperties": {"type": "string"}},
    "asset or archive": {"$ref": "pulumi.json#/Asset"},
    "assets by name": {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Asset"}},
    "archive": {"$ref": "pulumi.json#/Archive"},
}


def package_schema(version: str) -> str:
    """Return the package's schema as JSON text."""
    return json.dumps(
        {
            "name": "command",
            "version": version,
            "types": {token: {"type": "object", **_object("", shape)} for token, shape in SHAPES.items()},
            "resources": {token: _resource(token, shape) for token, shape in RESOURCES.items()},
            "functions": {token: {"inputs": _object("", shape)} for token, shape in FUNCTIONS.items()},
        }
    )


def _resource(token: str, shape: Shape) -> dict[str, object]:
    return {**_object("input", shape), **_object("", {**shape, **OUTPUTS.get(token, {})})}


def _object(prefix: str, shape: Shape) -> dict[str, object]:
    properties, required = ("inputProperties", "requiredInputs") if prefix else ("properties", "required")
    return {
        properties: {key: _property(field) for key, field in shape.items()},
        required: [key for key, field in shape.items() if field.required],
    }


def _property(field: Field) -> dict[str, object]:
    kind = {"$ref": f"#/types/{field.kind}"} if field.kind in SHAPES else _JSON[field.kind]
    marks = {"secret": field.secret, "replaceOnChanges": field.replaces, "default": field.default}
    return {**kind, **{name: mark for name, mark in marks.items() if mark}}
