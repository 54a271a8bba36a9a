"""Compares what a call brought with what a row of the command provider's table expects, and proves it can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2, provider_pb2

from lab.pulumi.values import Properties, Secret, Signed, Unknown, is_unknown, plain


@dataclass
class Outcome:
    """What one call brought."""

    response: Any = None
    error: str | None = None
    outputs: Properties = field(default_factory=dict)
    seconds: float = 0.0
    messages: list[engine_pb2.LogRequest] = field(default_factory=list)

    def said(self, *, passing: bool) -> str:
        return "\n".join(message.message for message in self.messages if message.ephemeral == passing)


def problems(outcome: Outcome, expected: Mapping[str, Any]) -> list[str]:
    """Return everything that is not as expected; a call that nobody expects to fail must not."""
    wanted = {"error": None, **expected}
    return [f"{key}: {wrong}" for key, value in wanted.items() for wrong in CHECKS[key](outcome, value)]


def _differs(found: object, expected: object) -> str | None:
    """Return how a value differs, or nothing."""
    if isinstance(expected, Signed):
        same = isinstance(found, Signed) and all(
            _differs(found.fields.get(key), value) is None for key, value in expected.fields.items()
        )
        return None if same else f"found {found!r:.300}, expected {expected!r}"
    if isinstance(expected, dict) and expected.keys() & FORMS.keys():
        failed = [form for form, value in expected.items() if not FORMS[form](found, value)]
        return f"found {found!r:.300}, expected {expected}" if failed else None
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        return next((wrong for key in expected if (wrong := _differs(found[key], expected[key]))), None)
    return None if found == expected else f"found {found!r:.300}, expected {expected!r:.300}"


FORMS: Mapping[str, Callable[[Any, Any], bool]] = {
    "contains": lambda found, text: text in found,
    "size": lambda found, size: len(found) == size,
    "matches": lambda found, pattern: re.fullmatch(pattern, found, re.DOTALL) is not None,
}


def _error(outcome: Outcome, texts: Any) -> Iterator[str]:
    if texts is None:
        yield from [f"the call failed: {outcome.error:.500}"] if outcome.error is not None else []
        return
    if outcome.error is None:
        yield f"the call did not fail, expected {texts}"
        return
    yield from (f"found {outcome.error:.800}, expected {text!r}" for text in texts if text not in outcome.error)


def _no_error_text(outcome: Outcome, texts: Any) -> Iterator[str]:
    yield from (f"found {text!r}" for text in texts if text in (outcome.error or ""))


def _outputs(outcome: Outcome, expected: Any) -> Iterator[str]:
    known = plain(outcome.outputs)
    for key, value in expected.items():
        if (wrong := _differs(known.get(key), plain(value))) is not None:
            yield f"{key}: {wrong}"


def _absent(outcome: Outcome, keys: Any) -> Iterator[str]:
    yield from (f"{key} is there" for key in keys if key in outcome.outputs)


def _at(value: object, path: str) -> object:
    for key in path.split("."):
        value = value.value if isinstance(value, Secret) else value
        assert isinstance(value, dict), path
        value = value.get(key)
    return value


def _secret(outcome: Outcome, paths: Any) -> Iterator[str]:
    yield from (f"{path} is public" for path in paths if not isinstance(_at(outcome.outputs, path), Secret))


def _public(outcome: Outcome, paths: Any) -> Iterator[str]:
    yield from (f"{path} is secret" for path in paths if isinstance(_at(outcome.outputs, path), Secret))


def _unknown(outcome: Outcome, paths: Any) -> Iterator[str]:
    yield from (f"{path} is known" for path in paths if not is_unknown(_at(outcome.outputs, path)))


def _failures(outcome: Outcome, expected: Any) -> Iterator[str]:
    found = {failure.property: failure.reason for failure in outcome.response.failures}
    if found.keys() != expected.keys():
        yield f"found {found}, expected {sorted(expected)}"
    yield from (f"{key}: {found[key]}" for key, text in expected.items() if text not in found.get(key, text))


def _changes(outcome: Outcome, expected: Any) -> Iterator[str]:
    name = provider_pb2.PropertyDiff.Kind.Name
    found = {path: name(change.kind) for path, change in outcome.response.detailedDiff.items()}
    some = provider_pb2.DiffResponse.DIFF_SOME if expected else provider_pb2.DiffResponse.DIFF_NONE
    if (found, outcome.response.changes) != (expected, some):
        yield f"found {found} ({outcome.response.changes}), expected {expected} ({some})"


def _replaces(outcome: Outcome, expected: Any) -> Iterator[str]:
    if sorted(outcome.response.replaces) != sorted(expected):
        yield f"found {list(outcome.response.replaces)}, expected {expected}"


def _identity(outcome: Outcome, pattern: Any) -> Iterator[str]:
    if not re.fullmatch(pattern, outcome.response.id):
        yield f"found {outcome.response.id!r}, expected {pattern}"


def _progress(outcome: Outcome, texts: Any) -> Iterator[str]:
    lines = outcome.said(passing=True).splitlines()
    yield from (f"found {lines[:20]}, expected the line {text!r}" for text in texts if text not in lines)


def _silent(outcome: Outcome, texts: Any) -> Iterator[str]:
    said = outcome.said(passing=True) + outcome.said(passing=False)
    yield from (f"found {text!r}" for text in texts if text in said)


def _warnings(outcome: Outcome, texts: Any) -> Iterator[str]:
    said = outcome.said(passing=False)
    yield from (f"found {said!r}, expected {text!r}" for text in texts if text not in said)


def _seconds(outcome: Outcome, limits: Any) -> Iterator[str]:
    least, most = limits
    if not least <= outcome.seconds <= most:
        yield f"took {outcome.seconds:.2f} s, expected between {least:g} and {most:g} s"


def _files(_outcome: Outcome, expected: Any) -> Iterator[str]:
    for path, text in expected.items():
        found = Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None
        if found != text:
            yield f"{path}: found {found!r}, expected {text!r}"


def _no_files(_outcome: Outcome, paths: Any) -> Iterator[str]:
    yield from (f"{path} is there" for path in paths if Path(path).exists())


CHECKS: Mapping[str, Callable[[Outcome, Any], Iterator[str]]] = {
    "error": _error,
    "no_error_text": _no_error_text,
    "outputs": _outputs,
    "absent": _absent,
    "secret": _secret,
    "public": _public,
    "unknown": _unknown,
    "failures": _failures,
    "changes": _changes,
    "replaces": _replaces,
    "id": _identity,
    "progress": _progress,
    "silent": _silent,
    "warnings": _warnings,
    "seconds": _seconds,
    "files": _files,
    "no_files": _no_files,
}

_MESSAGE = engine_pb2.LogRequest(message="a line", ephemeral=True)
_CHANGED = provider_pb2.DiffResponse(
    changes=provider_pb2.DiffResponse.DIFF_SOME,
    detailedDiff={"create": provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE)},
    replaces=["triggers"],
)
_REFUSED = provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(property="host", reason="missing")])
_CREATED = provider_pb2.CreateResponse(id="thing12345678")

CASES: list[tuple[str, Outcome, Any, Any]] = [
    # check, outcome, an expectation it meets, one that it does not
    ("error", Outcome(error="exit status 3"), ["status 3"], ["status 4"]),
    ("error", Outcome(error="exit status 3"), ["status"], None),
    ("error", Outcome(), None, ["status"]),
    ("no_error_text", Outcome(error="a password"), ["token"], ["password"]),
    ("outputs", Outcome(outputs={"stdout": "abc"}), {"stdout": "abc"}, {"stdout": "ab"}),
    ("outputs", Outcome(outputs={"stdout": "abc"}), {"stdout": {"contains": "b"}}, {"stdout": {"contains": "x"}}),
    ("outputs", Outcome(outputs={"stdout": "abc"}), {"stdout": {"size": 3}}, {"stdout": {"size": 4}}),
    ("outputs", Outcome(outputs={"a": {"b": Secret(1.0)}}), {"a": {"b": 1.0}}, {"a": {"b": 1.0, "c": 2.0}}),
    (
        "outputs",
        Outcome(outputs={"a": Signed("s", {"hash": "1"})}),
        {"a": Signed("s", {})},
        {"a": Signed("s", {"hash": "2"})},
    ),
    ("absent", Outcome(outputs={"stdout": ""}), ["assets"], ["stdout"]),
    ("secret", Outcome(outputs={"a": Secret({"b": Secret("")})}), ["a", "a.b"], ["a.c"]),
    ("public", Outcome(outputs={"a": "", "b": Secret("")}), ["a"], ["b"]),
    ("unknown", Outcome(outputs={"a": Secret(Unknown()), "b": ""}), ["a"], ["b"]),
    ("failures", Outcome(response=_REFUSED), {"host": "miss"}, {"host": "wrong"}),
    ("failures", Outcome(response=_REFUSED), {"host": ""}, {}),
    ("changes", Outcome(response=_CHANGED), {"create": "UPDATE"}, {"create": "UPDATE_REPLACE"}),
    (
        "changes",
        Outcome(response=provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)),
        {},
        {"a": "ADD"},
    ),
    ("replaces", Outcome(response=_CHANGED), ["triggers"], []),
    ("id", Outcome(response=_CREATED), "thing[0-9a-f]{8}", "thing"),
    ("progress", Outcome(messages=[_MESSAGE]), ["a line"], ["a lin"]),
    ("silent", Outcome(messages=[_MESSAGE]), ["b"], ["line"]),
    ("warnings", Outcome(messages=[engine_pb2.LogRequest(message="look")]), ["look"], ["line"]),
    ("warnings", Outcome(messages=[_MESSAGE]), [], ["a line"]),
    ("seconds", Outcome(seconds=2.0), [1, 3], [0, 1]),
    ("files", Outcome(), {}, {"/nonexistent": "x"}),
    ("no_files", Outcome(), ["/nonexistent"], ["/"]),
]


@pytest.mark.parametrize(("key", "outcome", "met", "missed"), CASES)
def test_each_check_tells_right_from_wrong(key: str, outcome: Outcome, met: Any, missed: Any) -> None:
    assert list(CHECKS[key](outcome, met)) == []
    assert len(list(CHECKS[key](outcome, missed))) == 1


def test_every_check_has_a_case() -> None:
    assert CHECKS.keys() == {key for key, *_ in CASES}
