"""Reading what a stack declares: mistakes in all of its parts, and what the rules find, in one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeVar

from underlay.finding import Finding, Refused, shown
from underlay.model import Site, load_host_keys, load_site
from underlay.plan.chart.source import chosen
from underlay.plan.checks import Declaration, findings
from underlay.plan.waivers import Waiver, judge, load_waivers

T = TypeVar("T")
SECRETS = ("sshKey", "bgpPassword")
"""Secret keys without which no stack can be applied."""
OWN = "sshKey, bastionKey, bgpPassword, clusterPassword and kubeconfig"
PLAIN = ("site", "hostKeys", "waivers", "chart", "evidence")
"""Keys whose values previews, pages and the state show as they are."""
UNASKED = "The rules were not asked, because nobody can tell what is meant above; more may be found once it is right."


@dataclass(frozen=True)
class Told:
    """A stack's keys as plain values; one that is no JSON stands here as its text."""

    site: object
    host_keys: object = field(default_factory=dict)
    waivers: object = field(default_factory=list)
    chart: str = ""
    secrets: frozenset[str] = frozenset()
    """The names of the secret keys that have a value; never a value."""
    hidden: frozenset[str] = frozenset()
    """The names of the plain keys that hold a secret somewhere; nobody has looked into them."""


class Read(NamedTuple):
    """What a stack declares."""

    declaration: Declaration
    waivers: tuple[Waiver, ...]
    chart: str
    """The chart to install; empty where the installer owns Cilium."""


def read(told: Told, today: date) -> Read:
    """Return what a stack declares; Refused lists every mistake in its keys, and what the rules find beside them."""
    if told.hidden:
        raise Refused(map(secret_in, sorted(told.hidden)), note=UNASKED)
    refused: list[Refused] = []
    declared = _taken(load_site, "site", told.site, refused)
    keys = _taken(load_host_keys, "hostKeys", told.host_keys, refused)
    excused = _taken(load_waivers, "waivers", told.waivers, refused)
    likely = declared or next((one.meant for one in refused if isinstance(one.meant, Site)), None)
    wrong = [finding for one in refused for finding in one.findings] + list(_keys(likely, told))
    if declared and keys is not None and excused is not None and not wrong:
        return Read(Declaration(declared, keys), excused, chosen(declared, told.chart))
    found = _broken(likely, keys, excused or (), today) if likely else []
    raise Refused([*wrong, *found], note="" if likely else UNASKED)


def secret_in(key: str) -> Finding:
    """Return what is said of a plain key that holds a secret; nobody looks at the value."""
    expected = "plain values, because previews, pages and the state show all of it"
    fix = f"Set it again without --secret. Secrets of the stack are {OWN}; an application's belongs in its own Secret."
    return Finding("secret-in-plain-key", key, "a secret, set with --secret, in it", expected, fix)


def _keys(site: Site | None, told: Told) -> Iterator[Finding]:
    """Yield what is wrong with the stack's other keys; what depends on the site only where one can be read."""
    for key in SECRETS:
        if key not in told.secrets:
            fix = f"Run `pulumi config set --secret {key}`, which asks for it."
            yield Finding("configuration-missing", key, "nothing", "a secret value", fix)
    if site:
        yield from _chart(site, told)
        yield from _kubeconfig(site, told)


def _chart(site: Site, told: Told) -> Iterator[Finding]:
    if site.cilium.owner == "release" and not chosen(site, told.chart):
        expected = "directory, archive or OCI reference of the Cilium chart"
        yield Finding("chart-missing", "site.cilium.chart", "nothing", expected, "Or set the key `chart`.")


def _kubeconfig(site: Site, told: Told) -> Iterator[Finding]:
    given = "kubeconfig" in told.secrets
    if site.cluster.has_installer and given:
        expected = "one of the two: a kubeconfig, or site.cluster.installer, which prints one"
        yield Finding("kubeconfig-told-twice", "kubeconfig", "a value", expected)
    elif not site.cluster.has_installer and not given:
        expected = "a kubeconfig, because the site names no installer"
        fix = "Run `pulumi config set --secret kubeconfig < FILE`, or declare site.cluster.installer."
        yield Finding("kubeconfig-missing", "kubeconfig", "nothing", expected, fix)


def _taken(load: Callable[[object], T], key: str, value: object, refused: list[Refused]) -> T | None:
    if isinstance(value, str):
        expected = "a mapping or a list, not a text"
        refused.append(Refused([Finding("configuration-malformed", key, shown(value), expected)]))
        return None
    try:
        return load(value)
    except Refused as one:
        refused.append(one)
        return None


def _broken(site: Site, keys: dict[str, str] | None, excused: tuple[Waiver, ...], today: date) -> list[Finding]:
    """Return what the rules refuse; where host keys could not be read, none is called missing."""
    found = judge(findings(Declaration(site, keys or {})), excused, today).refused
    return [finding for finding in found if keys is not None or finding.rule != "host-key-missing"]
