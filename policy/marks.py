"""Which values of a resource are secrets: the engine marks them, the SDK drops the mark before a rule sees the value.

The SDK hands a secret to a rule as its plain text, so that no rule could tell a secret from a literal. `keep` wraps the
one function of the SDK that unwraps secrets; each text below a mark then is a `Secret`, which compares like the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pulumi_policy.deserialize as sdk
from pulumi_policy import ResourceValidationArgs, StackValidationArgs
from pulumi_policy.proxy import _DictProxy, _is_unknown, _ListProxy

REDACTED = "[secret]"
"""What `pulumi policy analyze --file` shows in place of a secret."""
SHORTEST = 4
"""Letters of a text that is looked for in messages; a shorter one would hide half of every message."""
SHOWN = 80
"""Letters of a value that a message repeats at most."""


class Secret(str):
    """A text that the engine keeps as a secret."""

    __slots__ = ()


def keep() -> None:
    """Let secrets keep their mark; calling it again changes nothing."""
    original: Callable[..., Any] = sdk._deserialize_property  # noqa: SLF001 - the SDK has no other way to see the mark
    if getattr(original, "keeps_marks", False):
        return

    def deserialize(prop: object, proxy_secrets: bool = False) -> object:
        value = original(prop, proxy_secrets)
        marked = isinstance(prop, dict) and prop.get(sdk.SPECIAL_SIG_KEY) == sdk.SPECIAL_SECRET_SIG
        return _marked(value) if marked and not proxy_secrets else value

    deserialize.keeps_marks = True  # type: ignore[attr-defined]
    sdk._deserialize_property = deserialize  # noqa: SLF001 - as above


def _marked(value: object) -> object:
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def is_secret(value: object) -> bool:
    """Tell whether a value is kept as a secret, or stands for one that was redacted."""
    return isinstance(value, Secret) or value == REDACTED


def unknown(value: object) -> bool:
    """Tell whether a value is the SDK's sign for one that preview does not know."""
    return bool(_is_unknown(value))


def shown(value: object) -> str:
    """Return a value as a message may repeat it: shortened, on one line, and no secret."""
    text = REDACTED if is_secret(value) else " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def texts(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text below a value with its path; a value that is not known yet raises the SDK's error."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key in value:
            yield from texts(value[key], (*path, str(key)))
    elif isinstance(value, Sequence):
        for index in range(len(value)):
            yield from texts(value[index], (*path, str(index)))


def all_texts(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text below a value, an asset's too, and the SDK's sign for each that is not known yet."""
    target: object = value["__target"] if isinstance(value, _DictProxy | _ListProxy) else value
    if isinstance(target, str):
        yield path, target
    elif isinstance(target, Mapping):
        for key, item in target.items():
            yield from all_texts(item, (*path, str(key)))
    elif isinstance(target, Sequence):
        for index, item in enumerate(target):
            yield from all_texts(item, (*path, str(index)))
    elif isinstance(text := getattr(target, "text", None), str):
        yield path, text


def known_texts(value: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each text below a value that is known already, and skip the others."""
    return ((path, text) for path, text in all_texts(value) if not unknown(text))


def without_secrets(text: str, args: ResourceValidationArgs | StackValidationArgs) -> str:
    """Return a message in which no secret of what was judged is left."""
    if not text:
        return text
    judged = [args.props] if isinstance(args, ResourceValidationArgs) else [one.props for one in args.resources]
    hidden = {
        value
        for props in judged
        for _, value in known_texts(props)
        if isinstance(value, Secret) and len(value) >= SHORTEST
    }
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text
