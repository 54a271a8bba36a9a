"""What changes between two networks: nodes, sessions, routers, ranges, and Cilium itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from underlay.plan.chart.difference import Change, release_changes
from underlay.plan.chart.objects import AGENT
from underlay.plan.chart.workloads import TEMPLATE
from underlay.report.page import IN_ALL, by_number, together
from underlay.report.review.network import PASSWORD, Network, Session, network
from underlay.report.review.preview import SAME, Object, Preview, Step, of_kind

AGENTS = f"DaemonSet {AGENT}"
RESTART_NOTHING = ("files", "mark", "ports", "bpf", "pod_address", "mates", "site", "node")
"""Parts of a node's input that repeat others or decide only what is looked at."""
WORDS = {
    "addresses": "address",
    "gateways": "next hops",
    "host_routing": "host routing",
    "kube_proxy_replacement": "kube-proxy replacement",
    "waived": "waived findings",
}
TIMERS = {
    "holdTimeSeconds": "hold time",
    "keepAliveTimeSeconds": "keepalive",
    "connectRetryTimeSeconds": "connect retry",
}


class NodeChange(NamedTuple):
    """What becomes of one node."""

    node: str
    what: tuple[str, ...]


class SessionChange(NamedTuple):
    """What becomes of one session."""

    session: Session
    what: str
    why: str


class Owner(StrEnum):
    """Who brings a router its text."""

    UPDATE = "configured by the update"
    TEAM = "for the network team to apply"
    HANDED_OVER = "our part is taken off when the update ends; the network team applies its own after that"
    NOBODY = "our part is taken off"


@dataclass(frozen=True)
class Text:
    """A router's configuration before and after."""

    router: str
    owner: Owner
    before: str
    after: str

    @cached_property
    def lines(self) -> list[str]:
        """Return the unified difference."""
        ends = (f"{self.router} as applied", f"{self.router} as declared")
        return list(unified_diff(self.before.splitlines(), self.after.splitlines(), *ends, n=2, lineterm=""))


@dataclass(frozen=True)
class Changes:
    """Everything that a preview changes."""

    preview: Preview
    before: Network
    after: Network

    @cached_property
    def steps(self) -> Sequence[Step]:
        """Return the steps that do something to something; the engine's own bookkeeping is left out."""
        idle = {SAME, "read", "refresh"}
        return [step for step in self.preview.steps if step.op not in idle and not _is_internal(step)]

    @cached_property
    def is_first(self) -> bool:
        """Tell whether nothing of this was applied before."""
        return not self.before.cluster

    @cached_property
    def nodes(self) -> list[NodeChange]:
        """Return each node that something happens to."""
        names = dict.fromkeys([*self.after.nodes, *self.before.nodes])
        found = (NodeChange(name, tuple(self._node(name))) for name in names)
        return [one for one in found if one.what]

    def _node(self, name: str) -> Iterator[str]:
        old, new = self.before.nodes.get(name), self.after.nodes.get(name)
        if old is None or new is None:
            yield "joins" if old is None else "leaves"
            return
        was, will = dict(_flat(old)), dict(_flat(new))
        for key in dict.fromkeys([*was, *will]):
            if was.get(key) != will.get(key):
                yield f"{_word(key)}: {was.get(key) or 'nothing'} -> {will.get(key) or 'nothing'}"
        programs = {side.programs[name] for side in self._sides if name in side.programs}
        if len(programs) > 1:
            yield "the program that prepares it is another one"

    @cached_property
    def joining(self) -> list[str]:
        """Return the nodes that are new."""
        return [name for name in self.after.nodes if name not in self.before.nodes]

    @cached_property
    def leaving(self) -> list[str]:
        """Return the nodes that go."""
        return [name for name in self.before.nodes if name not in self.after.nodes]

    @cached_property
    def sessions(self) -> list[SessionChange]:
        """Return each session that comes, goes, or is made anew."""
        old, new = ({(one.node, one.router): one for one in side.sessions} for side in self._sides)
        found = [SessionChange(one, "goes", "") for ends, one in old.items() if ends not in new]
        for ends, one in new.items():
            if ends not in old:
                found.append(SessionChange(one, "comes", ""))
            elif why := [*_ends(old[ends], one), *self.resets]:
                found.append(SessionChange(one, "resets", "; ".join(why)))
        return sorted(found)

    @cached_property
    def resets(self) -> list[str]:
        """Return why all sessions are made anew, if they are."""
        found = [f"{TIMERS[key]} {was} -> {will} s" for key, was, will in _timers(self.before.peer, self.after.peer)]
        if self.before.peer and self._restart("old") != self._restart("new"):
            found.append(f"graceful restart {self._restart('old')} -> {self._restart('new')}")
        if self.before.peer and self._password_changes():
            found.append("another password")
        return found

    def _restart(self, side: str) -> str:
        told = (self.before if side == "old" else self.after).peer.get("gracefulRestart") or {}
        return f"{told['restartTimeSeconds']} s" if told.get("enabled") else "off"

    def _password_changes(self) -> bool:
        """Tell whether the Secret's value differs; where the engine names no input that does, it may be this one."""
        secrets = of_kind(self.steps, "kubernetes:core/v1:Secret", PASSWORD)
        return any(not step.changed or any("data" in path.lower() for path in step.changed) for step in secrets)

    @cached_property
    def routers(self) -> list[Text]:
        """Return each router whose configuration changes."""
        names = dict.fromkeys([*self.after.routers, *self.before.routers])
        texts = (
            Text(name, self._owner(name), self.before.routers.get(name, ""), self.after.routers.get(name, ""))
            for name in names
        )
        return [text for text in texts if text.before != text.after or text.owner is Owner.HANDED_OVER]

    def _owner(self, name: str) -> Owner:
        if name not in self.after.routers:
            return Owner.NOBODY
        if name in self.after.managed:
            return Owner.UPDATE
        return Owner.HANDED_OVER if name in self.before.managed else Owner.TEAM

    @cached_property
    def ranges(self) -> list[tuple[str, str, str]]:
        """Return each range that changes, as it was and as it will be."""
        found = zip(_ranges(self.before), _ranges(self.after), strict=True)
        return [(name, was, will) for (name, was), (_, will) in found if was != will]

    @cached_property
    def release(self) -> list[Change]:
        """Return what changes of Cilium itself."""
        if not self.before.release:
            return []
        was, will = (_text(side.release.get("owner")) for side in self._sides)
        owner = [Change("Cilium, owner", was, will)] if was != will else []
        old, new = (
            {"version": side.release.get("version"), "options": side.options, "workloads": side.workloads}
            for side in self._sides
        )
        return [*owner, *release_changes(old, new)]

    @cached_property
    def agents_restart(self) -> bool:
        """Tell whether the agents that run are started anew: their pods differ, or nobody knows what they were."""
        old, new = (side.workloads.get(AGENTS, {}).get(TEMPLATE) for side in self._sides)
        if old and new:
            return old != new
        return bool(self.before.release) and (bool(self.release) or self.values_change)

    @cached_property
    def values_change(self) -> bool:
        """Tell whether Helm is told something else than before."""
        old, new = ({key: side.chart.get(key) for key in ("values", "version", "chart")} for side in self._sides)
        return bool(self.before.release) and bool(self.before.chart) and old != new

    @property
    def _sides(self) -> tuple[Network, Network]:
        return self.before, self.after


def changes(preview: Preview) -> Changes:
    """Return what a preview changes."""
    return Changes(preview, network(preview.steps, "old"), network(preview.steps, "new"))


def grouped(found: Sequence[NodeChange]) -> list[tuple[str, str]]:
    """Return nodes to which the same happens in one row, with what happens."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        rows.setdefault(one.what, []).append(one.node)
    return [(f"{together(nodes)}{_count(nodes)}", "; ".join(what)) for what, nodes in rows.items()]


def grouped_sessions(found: Sequence[SessionChange]) -> list[tuple[str, str, str, str]]:
    """Return the sessions of a router to which the same happens in one row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        end = f"{one.session.router} ({one.session.address}, AS {one.session.asn})"
        rows.setdefault((end, one.what, one.why), []).append(one.session.node)
    ordered = sorted(rows.items(), key=lambda row: by_number(row[0][0].partition(" ")[0]))
    return [(end, f"{together(nodes)}{_count(nodes)}", what, why) for (end, what, why), nodes in ordered]


def _is_internal(step: Step) -> bool:
    default = step.kind.startswith("pulumi:providers:") and step.name.startswith("default")
    return default or step.kind == "pulumi:pulumi:Stack"


def _count(names: Sequence[str]) -> str:
    return f" ({len(names)})" if len(names) > 1 and not together(names).endswith(IN_ALL) else ""


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            if path or key not in RESTART_NOTHING:
                yield from _flat(below, f"{path}/{key}" if path else str(key))
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _word(path: str) -> str:
    head, _, rest = path.partition("/")
    if head == "uplinks":
        return f"MTU of {rest}"
    return f"kernel setting {rest}" if head == "settings" else WORDS.get(path, path)


def _ends(old: Session, new: Session) -> Iterator[str]:
    """Yield what differs in the ends of a session."""
    router = new.router
    if old.asn != new.asn:
        yield f"AS of {router} {old.asn} -> {new.asn}, which resets its other sessions too"
    if old.own != new.own:
        yield f"AS of the nodes {old.own} -> {new.own}"
    if old.identity != new.identity:
        yield f"router id of {new.node} {old.identity or 'its address'} -> {new.identity or 'its address'}"
    if old.address != new.address:
        yield f"address of {router} {old.address} -> {new.address}"


def _timers(old: Object, new: Object) -> Iterator[tuple[str, object, object]]:
    was, will = old.get("timers") or {}, new.get("timers") or {}
    for key in TIMERS:
        if was and was.get(key) != will.get(key):
            yield key, was.get(key), will.get(key)


def _ranges(side: Network) -> list[tuple[str, str]]:
    return [
        ("pod pools", ", ".join(map(str, side.cluster.get("podPool") or ()))),
        ("pod network of a node", f"/{side.cluster['podMask']}" if side.cluster.get("podMask") else ""),
        ("routed without encapsulation", str(side.cluster.get("nativeRoutingCidr") or "")),
        ("service range", str(side.lineage.get("services") or "")),
        ("service addresses told to routers", ", ".join(side.services)),
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
