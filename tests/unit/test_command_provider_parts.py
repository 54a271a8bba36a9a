"""Parts of the command provider that its table reaches only from afar."""

from __future__ import annotations

import asyncio
from concurrent import futures
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from lab.pulumi.assets import matches
from lab.pulumi.capture import quoted
from lab.pulumi.diff import changes
from lab.pulumi.engine import Engine, Journal, Progress, hide
from lab.pulumi.lifecycle import secrets_of
from lab.pulumi.schema import package_schema
from lab.pulumi.values import ASSET, Secret, Signed, Unknown, decode, encode

VALUES: list[Any] = [
    None,
    True,
    1.5,
    "text",
    "caf\u00e9",
    "bytes \udcff",
    ["a", Secret("b"), Unknown()],
    {"a": {"b": Secret(Unknown())}},
    Secret({"inner": Secret("x")}),
    Signed(ASSET, {"text": "x", "hash": "h"}),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_from_the_wire(value: object) -> None:
    assert decode(encode(value, byte_strings=True)) == value


def test_an_output_value_is_its_value_or_unknown() -> None:
    def output(**fields: object) -> object:
        struct = struct_pb2.Struct()
        struct.update({"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4", **fields})
        return decode(struct_pb2.Value(struct_value=struct))

    assert output(value="x", dependencies=["urn"]) == "x"
    assert output(secret=True) == Secret(Unknown())


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("*", "a.txt", "b/a.txt"),
        ("**", "b/a.txt", None),
        ("b/**.txt", "b/c/a.txt", "b/c/a.md"),
        ("?.txt", "a.txt", "/.txt"),
        ("[a-c].{txt,md}", "b.md", "d.md"),
        ("[!a-c]", "d", "a"),
        (r"a\*", "a*", "ab"),
        ("a.b", "a.b", "axb"),
        ("a,b", "a,b", "a"),
    ],
)
def test_patterns(pattern: str, taken: str, left: str | None) -> None:
    assert matches(pattern, taken)
    assert left is None or not matches(pattern, left)


def test_paths_of_changes() -> None:
    old = {"a": [1, {"x y": 1}], "b": {"c": 1}, "d": 1}
    new = {"a": [1, {"x y": 2}, 3], "b": {"c": 1, "e": 1}, 'f"g': 1}
    assert changes(old, new) == {
        'a[1]["x y"]': "UPDATE",
        "a[2]": "ADD",
        "b.e": "ADD",
        "d": "DELETE",
        '["f\\"g"]': "ADD",
    }


def test_quoting() -> None:
    assert quoted('a"\\\n\té\x01\u2028\U0001f600\U000e0001') == '"a\\"\\\\\\n\\té\\x01\\u2028\U0001f600\\U000e0001"'


def test_hiding_takes_whole_secrets_and_their_lines() -> None:
    assert hide("user root, key AAAA, BBBB", ["AAAA\nBBBB", "user"]) == "[secret] root, key [secret], [secret]"


def test_short_secrets_hide_nothing() -> None:
    assert hide("a b c", ["a"]) == "a b c"


def test_of_a_connection_only_keys_and_passwords_are_hidden() -> None:
    server = {"user": "root", "host": "h", "password": "pass", "proxy": {"privateKey": "key"}}
    inputs = {"connection": Secret(server), "stdin": Secret("in"), "create": "echo"}
    assert secrets_of(inputs) == {"pass", "key", "in"}


def test_progress_ends_though_output_comes_late() -> None:
    async def late() -> None:
        progress = Progress(Journal(Engine(), "urn"))
        closing = asyncio.create_task(progress.close())
        await asyncio.sleep(0)
        progress.feed(1, b"late\n")
        await asyncio.wait_for(closing, 5)

    asyncio.run(late())


def test_the_schema_has_every_resource_and_its_marks() -> None:
    schema = package_schema("1.2.1")
    assert '"command:remote:CopyToRemote"' in schema
    assert '"triggers": {"type": "array", "items": {"$ref": "pulumi.json#/Any"}, "replaceOnChanges": true}' in schema


def test_unknown_types_are_refused_by_name() -> None:
    from lab.pulumi.command_provider import CommandProvider

    async def check() -> str:
        said: list[str] = []

        class Context:
            async def abort(self, _code: object, text: str) -> None:
                said.append(text)

        request = provider_pb2.CheckRequest(urn="urn:pulumi:s::p::other:local:Thing::n")
        await CommandProvider().Check(request, Context())
        return said[0]

    with futures.ThreadPoolExecutor(1) as pool:
        assert "unknown type 'other:local:Thing'" in pool.submit(asyncio.run, check()).result()
