"""Reading what a stack declares: mistakes in all of its parts, and what the rules find, in one answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from underlay.finding import Finding, Refused
from underlay.model import Site, load_host_keys, load_site
from underlay.plan.checks import Declaration, findings
from underlay.plan.waivers import Waiver, judge, load_waivers

T = TypeVar("T")
UNASKED = "The rules were not asked, because nobody can tell what is meant above; more may be found once it is right."


def read(site: object, host_keys: object, waivers: object, today: date) -> tuple[Declaration, tuple[Waiver, ...]]:
    """Return the declaration and its waivers; Refused lists every mistake, and what the rules find beside them."""
    refused: list[Refused] = []
    declared = _taken(load_site, site, refused)
    keys = _taken(load_host_keys, host_keys, refused)
    excused = _taken(load_waivers, waivers, refused)
    if declared and keys is not None and excused is not None:
        return Declaration(declared, keys), excused
    likely = declared or next((one.meant for one in refused if isinstance(one.meant, Site)), None)
    found = _broken(likely, keys, excused or (), today) if likely else []
    told = [finding for one in refused for finding in one.findings]
    raise Refused([*told, *found], note="" if likely else UNASKED)


def _taken(load: Callable[[object], T], value: object, refused: list[Refused]) -> T | None:
    try:
        return load(value)
    except Refused as one:
        refused.append(one)
        return None


def _broken(site: Site, keys: dict[str, str] | None, excused: tuple[Waiver, ...], today: date) -> list[Finding]:
    """Return what the rules refuse; where host keys could not be read, none is called missing."""
    found = judge(findings(Declaration(site, keys or {})), excused, today).refused
    return [finding for finding in found if keys is not None or finding.rule != "host-key-missing"]
