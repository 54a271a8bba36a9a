"""Property values as the engine sends them: plain Python, with secrets, unknowns and signed objects kept apart."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105, a mark of the protocol and no password
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
BYTES = "803fd3297a5875dc03ca845dda5d2a98"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
UNKNOWN_ARCHIVE = "e48ece36-62e2-4504-bad9-02848725956a"
UNKNOWNS = frozenset(
    {
        UNKNOWN_STRING,
        UNKNOWN_OBJECT,
        UNKNOWN_ARCHIVE,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    }
)

type_names = {bool: "a boolean", float: "a number", str: "a string", list: "a list", dict: "an object"}

Properties = dict[str, Any]
"""Properties of one resource by name."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts and never shows."""

    value: object


@dataclass(frozen=True)
class Unknown:
    """A value that is known only after the update; the sentinel carries its type."""

    sentinel: str = UNKNOWN_STRING


@dataclass(frozen=True, eq=False)
class Signed:
    """An asset, an archive or a reference: an object that its signature names."""

    signature: str
    fields: Properties

    def __eq__(self, other: object) -> bool:
        """Compare contents: two assets or archives with one hash are the same thing."""
        if not isinstance(other, Signed) or self.signature != other.signature:
            return False
        mine, theirs = self.fields.get("hash"), other.fields.get("hash")
        return mine == theirs if mine and theirs else self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.signature)


def decode(value: struct_pb2.Value) -> object:
    """Return a value of the wire as Python."""
    kind = value.WhichOneof("kind")
    if kind in {None, "null_value"}:
        return None
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _unsigned(decode_properties(value.struct_value))
    plain_value = getattr(value, kind)
    return Unknown(plain_value) if plain_value in UNKNOWNS else plain_value


def decode_properties(struct: struct_pb2.Struct) -> Properties:
    """Return an object of the wire; a null says the same as no entry and is left out."""
    decoded = {key: decode(value) for key, value in struct.fields.items()}
    return {key: value for key, value in decoded.items() if value is not None}


def _unsigned(fields: Properties) -> object:
    signature = fields.pop(SIGNATURE, None)
    if signature is None:
        return fields
    if signature == SECRET:
        return Secret(fields.get("value"))
    if signature == OUTPUT:
        value = fields.get("value", Unknown())
        return Secret(value) if fields.get("secret") else value
    if signature == BYTES:
        return base64.b64decode(fields["value"]).decode("utf-8", "surrogateescape")
    return Signed(signature, fields)


def encode(value: object, *, byte_strings: bool) -> struct_pb2.Value:
    """Return a Python value as the wire has it; raise ValueError for bytes that the receiver would not understand."""
    if isinstance(value, Secret):
        value = {SIGNATURE: SECRET, "value": value.value}
    elif isinstance(value, Signed):
        value = {SIGNATURE: value.signature, **value.fields}
    if isinstance(value, Mapping):
        fields = {key: encode(item, byte_strings=byte_strings) for key, item in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, list):
        items = [encode(item, byte_strings=byte_strings) for item in value]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    return _scalar(value, byte_strings=byte_strings)


def _scalar(value: object, *, byte_strings: bool) -> struct_pb2.Value:
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    return _text(value.sentinel if isinstance(value, Unknown) else str(value), byte_strings=byte_strings)


def encode_properties(properties: Mapping[str, object], *, byte_strings: bool) -> struct_pb2.Struct:
    """Return properties as the wire has them; an error names the property."""
    fields = {}
    for key, value in properties.items():
        try:
            fields[key] = encode(value, byte_strings=byte_strings)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return struct_pb2.Struct(fields=fields)


def _text(value: str, *, byte_strings: bool) -> struct_pb2.Value:
    try:
        value.encode()
    except UnicodeEncodeError:
        if not byte_strings:
            raise ValueError("the value contains non-UTF8 bytes, which the receiver does not support") from None
        raw = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
        return encode(Signed(BYTES, {"value": raw}), byte_strings=True)
    return struct_pb2.Value(string_value=value)


def plain(value: object) -> Any:  # noqa: ANN401, what a caller does with it is its schema's matter
    """Return a value without its secret wrappers."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def is_unknown(value: object) -> bool:
    """Say whether a value is unknown, as a secret or not."""
    return isinstance(value, Unknown) or (isinstance(value, Secret) and is_unknown(value.value))


def secret_texts(value: object, *, inside: bool = False) -> Iterator[str]:
    """Yield every string that stands inside a secret."""
    if isinstance(value, Secret):
        yield from secret_texts(value.value, inside=True)
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item, inside=inside)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_texts(item, inside=inside)
    elif inside and isinstance(value, str):
        yield value
