"""The text of a cluster file: keys found by a YAML parser, values put in their places, every other byte as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from underlay.plan.cluster_scalars import Scalar, understood, written

HEADER = "# Made by cilium-underlay from the site. Keys that it does not know, and comments, are kept.\n"
BREAKS = "\r\n"
UNSURE = "\x85\u2028\u2029"
"""Ends of lines in YAML 1.1, letters in YAML 1.2."""
DEEPEST = 20
"""Levels of lists and mappings in somebody's key; ours are flat."""
KEPT = " \t\r\n"
"""What belongs to the line after a value, not to the value."""


class NotMerged(Exception):
    """A file cannot be changed safely; the text says where and why, and shows no value."""


@dataclass(frozen=True)
class Entry:
    """A key of the file, with the place of its value."""

    key: str
    line: int
    event: yaml.Event
    content: tuple[str, ...]
    """The text of everything below the key."""
    start: int
    end: int
    """Characters from the text's begin; a value that is empty has both behind the colon."""

    @property
    def is_anchor(self) -> bool:
        """Tell whether the value has a name that others may point to."""
        return isinstance(self.event, yaml.NodeEvent) and not isinstance(self.event, yaml.AliasEvent)

    @property
    def value(self) -> Scalar | object:
        """Return the value as both YAML 1.1 and this project understand it; an object of its own for any other."""
        return understood(self.event) if isinstance(self.event, yaml.ScalarEvent) else object()


@dataclass(frozen=True)
class Layout:
    """Where things are in a file."""

    entries: Mapping[str, Entry]
    indent: int
    end: int
    """Where a further key goes."""
    aliases: frozenset[str] = frozenset()
    """Anchors that something in the file points to."""


def merged(text: str, keys: Mapping[str, Scalar], empty: Sequence[str] = ()) -> str:
    """Return the text with these values, and those that have to be empty emptied; NotMerged where that is not safe."""
    text = text or HEADER
    before = layout(text)
    wanted: dict[str, Scalar] = {**{key: None for key in empty if key in before.entries}, **keys}
    changed = {key: value for key, value in wanted.items() if not _has(before, key, value)}
    after = _with_new(text, before, {key: value for key, value in changed.items() if key not in before.entries})
    places = sorted((key for key in changed if key in before.entries), key=lambda key: -before.entries[key].start)
    for key in places:
        if getattr(before.entries[key].event, "anchor", None) in before.aliases and before.entries[key].is_anchor:
            raise NotMerged(f"line {before.entries[key].line}: other keys point to {key} (*); write them out")
        after = _with_value(after, before.entries[key], changed[key])
    _prove(text, before, after, wanted)
    return after


def _has(found: Layout, key: str, value: Scalar) -> bool:
    """Tell whether a key has a value already, however it is written; an empty text is no value either."""
    if key not in found.entries:
        return False
    is_now = found.entries[key].value
    return is_now in (None, "") if value is None else type(is_now) is type(value) and is_now == value


def layout(text: str) -> Layout:
    """Return the keys of a file in their order; NotMerged for all that is not one flat mapping."""
    if strange := sorted({f"U+{ord(one):04X}" for one in text if one in UNSURE}):
        raise NotMerged(f"it holds {', '.join(strange)}, which only some readers take for an end of line")
    try:
        events = list(_events(text))
    except yaml.YAMLError as error:
        raise NotMerged(f"it is not YAML: {_problem(error)}") from None
    documents = sum(isinstance(one, yaml.DocumentStartEvent) for one in events)
    if documents > 1:
        raise NotMerged(f"it holds {documents} documents; expected one")
    if not documents or _is_nothing(events[1]):
        return Layout({}, 0, len(text))
    root = events[1]
    if not isinstance(root, yaml.MappingStartEvent) or root.flow_style:
        raise NotMerged(f"it holds no lines of KEY: value at line {_at(root).line + 1}")
    entries = list(_entries(events[2:]))
    _refuse_twice(entries)
    aliases = _aliases(events)
    return Layout({one.key: one for one in entries}, _at(root).column, _behind(text, entries[-1]), aliases)


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events; it is left at once where no flat file would go."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotMerged(f"line {_at(event).line + 1} is nested deeper than {DEEPEST} levels")
        if not isinstance(event, yaml.StreamStartEvent):
            yield event


def _at(event: yaml.Event, *, end: bool = False) -> yaml.Mark:
    """Return where an event begins or ends; the parser gives every event both."""
    mark: yaml.Mark = event.end_mark if end else event.start_mark  # type: ignore[assignment]
    return mark


def _aliases(events: Sequence[yaml.Event]) -> frozenset[str]:
    """Return the anchors that are pointed to; each has to stand before that."""
    known: set[str] = set()
    used: set[str] = set()
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in known:
                line = _at(event).line + 1
                raise NotMerged(f"line {line} points to `{event.anchor}`, which is not there")
            used.add(event.anchor)
        elif anchor := getattr(event, "anchor", None):
            if anchor in known:
                raise NotMerged(f"line {_at(event).line + 1} gives the name `{anchor}` a second time")
            known.add(anchor)
    return frozenset(used)


def _is_nothing(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "" and event.style is None


def _problem(error: Exception) -> str:
    """Return what is wrong and where, without the line itself: it may hold a password."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return f"{what}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(what)


def _entries(events: Sequence[yaml.Event]) -> Iterator[Entry]:
    """Yield key by key; what is nested below a value is passed over."""
    rest = iter(events)
    for key in rest:
        if isinstance(key, yaml.MappingEndEvent):
            return
        if not isinstance(key, yaml.ScalarEvent):
            raise NotMerged(f"line {_at(key).line + 1} has a key that is no plain word")
        if key.value == "<<" and not key.style:
            raise NotMerged(f"line {_at(key).line + 1} merges keys of elsewhere (<<); write them out")
        value = next(rest)
        below = [value, *_below(rest, value)]
        content = tuple(one.value for one in below if isinstance(one, yaml.ScalarEvent))
        yield Entry(key.value, _at(key).line + 1, value, content, _at(value).index, _at(below[-1], end=True).index)


def _below(rest: Iterator[yaml.Event], value: yaml.Event) -> Iterator[yaml.Event]:
    """Yield the further events of a value that is a list or a mapping."""
    depth = int(isinstance(value, yaml.CollectionStartEvent))
    while depth:
        event = next(rest)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        yield event


def _refuse_twice(entries: Sequence[Entry]) -> None:
    first: dict[str, Entry] = {}
    twice = [
        f"{one.key} stands in lines {first[one.key].line} and {one.line}"
        for one in entries
        if first.setdefault(one.key, one) is not one
    ]
    if twice:
        raise NotMerged(f"{'; '.join(twice)}; expected each key once")


def _with_value(text: str, entry: Entry, value: Scalar) -> str:
    """Return the text with one value in its place, written as the former one was."""
    event = entry.event
    if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
        raise NotMerged(f"line {entry.line}: {entry.key} holds a list or a mapping; expected one value")
    was = text[entry.start : entry.end]
    end = entry.end - (len(was) - len(was.rstrip(KEPT)))
    style = event.style if isinstance(event, yaml.ScalarEvent) else None
    new = written(value, style)
    # an empty value begins right behind the colon
    return (
        text[: entry.start] + (f" {new}" if entry.start == entry.end and new else new) + text[max(end, entry.start) :]
    )


def _behind(text: str, last: Entry) -> int:
    """Return where the line after the last value begins."""
    event = last.event
    if isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
        return last.end
    stop = last.start + len(text[last.start : last.end].rstrip(KEPT))
    found = [place + 1 for place in (text.find(mark, stop) for mark in BREAKS) if place >= 0]
    place = min(found, default=len(text))
    return place + 1 if text[place - 1 : place + 1] == "\r\n" else place


def _with_new(text: str, found: Layout, values: Mapping[str, Scalar]) -> str:
    """Return the text with further keys behind the last one, in lines that end as the file's do."""
    if not values:
        return text
    first = min((place for place in map(text.find, BREAKS) if place >= 0), default=-1)
    mark = "\n" if first < 0 else "\r\n" if text[first : first + 2] == "\r\n" else text[first]
    before, after = text[: found.end], text[found.end :]
    lines = mark.join(f"{' ' * found.indent}{key}: {written(value)}" for key, value in values.items())
    is_open = bool(before.lstrip("\ufeff")) and before[-1] not in BREAKS
    return before + (mark if is_open else "") + lines + ("" if is_open and not after else mark) + after


def _prove(text: str, before: Layout, after: str, wanted: Mapping[str, Any]) -> None:
    """Read the new text again: every wanted value is there, every other key has the text that it had."""
    try:
        now = layout(after)
    except NotMerged as error:
        raise NotMerged(f"it could not be changed safely: {error}") from None
    added = [key for key in wanted if key not in before.entries]
    if list(now.entries) != [*before.entries, *added]:
        raise NotMerged("it could not be changed safely: its keys would not stay the same")
    for key, entry in now.entries.items():
        if not (_has(now, key, wanted[key]) if key in wanted else _same(text, before.entries[key], after, entry)):
            raise NotMerged(
                f"line {entry.line}: {key} could not be changed without changing more; write it out plainly"
            )


def _same(text: str, old: Entry, after: str, new: Entry) -> bool:
    return _shown(text, old) == _shown(after, new) and old.content == new.content


def _shown(text: str, entry: Entry) -> str:
    return text[entry.start : entry.end].rstrip(KEPT)
