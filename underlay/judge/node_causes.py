"""Causes that lie on a node: each joins a kernel fact with a drop, a refusal or a failed probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from underlay.judge.case import Case, cause_at
from underlay.judge.evidence import Counter, Lookup
from underlay.judge.traffic_checks import STRICT
from underlay.judge.verdict import Cause
from underlay.judge.views import NodeView

FILTER_DROPS = {"NETFILTER_DROP"}
LOCAL = "local"
"""Type of a route to an address of the node itself."""


def cause(rule: str, node: NodeView, sentence: str, fix: str, witnesses: list[str], case: Case, *others: str) -> Cause:
    """Return a cause on a node, and towards other machines; it explains the broken pairs at that node."""
    return cause_at(rule, node.name, sentence, fix, witnesses, case.touching(node.name), *others)


def lookups(node: NodeView) -> tuple[Lookup, ...]:
    """Return the kernel's answers for the far pods."""
    return (node.report.facts.lookups or ()) if node.report else ()


def drops(node: NodeView, reason: str, function: str = "") -> list[Counter]:
    """Return the drops of one kind in the node's own namespace."""
    return [row for row in node.counters("dropped") if row.reason == reason and row.function.startswith(function)]


def drop_text(node: NodeView, rows: list[Counter]) -> str:
    """Return drops as one witness."""
    if not rows:
        return ""
    first, count = rows[0], sum(row.count for row in rows)
    return f"{count} drops {first.reason} at {first.function} on {node.device(first)} (ifindex {first.ifindex})"


def forwarding_off(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a kernel that does not forward."""
    keys = [
        "ip_forward",
        *(f"{link.name}/forwarding" for link in node.links.values() if _carries_pods(node, link.name)),
    ]
    off = [key for key in keys if node.sysctl(key) == 0]
    if off:
        key = off[0].replace("/", ".")
        sentence = f"IPv4 forwarding is off ({key} is 0); its pods cannot be reached"
        fix = "Set net.ipv4.ip_forward=1 in sysctl.d and now."
        refused = [
            f"the kernel refuses to forward to {look.target}: {look.forwarded.message}"
            for look in lookups(node)
            if look.forwarded and look.forwarded.error
        ]
        yield cause(
            "forwarding-off",
            node,
            sentence,
            fix,
            [f"sysctl {key} reads 0", drop_text(node, drops(node, "IP_INADDRERRORS")), *refused[:1]],
            case,
        )


def reverse_path(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a device that drops packets whose way back leads out of another one."""
    rows = drops(node, "IP_RPFILTER")
    for device in sorted({node.device(row) for row in rows} | set(_refused_back(node))):
        mine = [row for row in rows if node.device(row) == device]
        back = next((look.out for look in lookups(node) if look.target in {row.source for row in mine}), None)
        other = f"whose return route is {back.device}" if back and back.device else "whose return route is elsewhere"
        value = node.reverse_path(device)
        if value is not None and value != STRICT:
            continue  # loose filtering refuses only where there is no way back at all: a route is what is missing
        sentence = f"{device} drops packets {other} (rp_filter={value})"
        witnesses = [
            drop_text(node, mine),
            f"effective rp_filter of {device} is {value}" if value == STRICT else "",
            *_refused_back(node).get(device, [])[:1],
        ]
        yield cause(
            "reverse-path",
            node,
            sentence,
            "Set rp_filter to 0 or 2 there, or make the paths symmetric.",
            witnesses,
            case,
        )


def packet_filter(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find iptables or nftables dropping what is forwarded, or what the node itself has from pods or for them."""
    found: dict[str, list[Counter]] = {}
    for row in node.counters("dropped"):
        if row.reason in FILTER_DROPS:
            found.setdefault(_hook(node, row), []).append(row)
    for hook, rows in found.items():
        filters = (node.report.facts.filters or ()) if node.report else ()
        chains = [chain for chain in filters if chain.hook == hook and (chain.policy == "drop" or chain.drops)]
        told = [
            f"{chain.kind} {chain.table}, chain {chain.chain}: policy {chain.policy}, {chain.drops} dropping rules"
            for chain in chains
        ]
        name = (
            f"{chains[0].kind}, chain {chains[0].chain} of table {chains[0].table}"
            if chains
            else f"a packet filter ({rows[0].function})"
        )
        sentence = f"{name}, drops pod traffic {rows[0].source} → {rows[0].target}"
        yield cause(
            "packet-filter",
            node,
            sentence,
            "Let the pod pool through, both ways.",
            [drop_text(node, rows), *told[:2]],
            case,
        )


def _hook(node: NodeView, row: Counter) -> str:
    """Return at which hook a filter of this node meets a packet."""
    own = str(node.plan.address)
    return "input" if row.target == own else "output" if row.source == own else "forward"


def no_programs(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find devices that lack Cilium's programs."""
    programs = (node.report.facts.programs or {}) if node.report else {}
    bare = [name for name in sorted(programs) if _carries_pods(node, name) and not programs[name]]
    if bare and case.touching(node.name):
        sentence = f"no program of Cilium on {', '.join(bare)}"
        yield cause(
            "no-programs",
            node,
            sentence,
            "Restart the node's Cilium agent and read its log.",
            [f"tcx and tc list no program on {bare[0]}"],
            case,
        )


def own_address(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find an address of this node that another machine uses; redirects of its own make the same drop."""
    held = [look.target for look in lookups(node) if look.out.type == LOCAL]
    held += case.foreign_addresses(node)
    rows = [row for row in drops(node, "IP_LOCAL_SOURCE") if row.source in {node.seen.probe, *held}]
    if rows or held:
        address = rows[0].source if rows else held[0]
        owner = case.machines.get(address, "")
        sentence = f"the address {address}{f' of {owner}' if owner else ''} is used twice, once here"
        mine = [f"the kernel takes {target} for its own address" for target in held[:1]]
        mine += [f"the plan gives it {case.planned[target]}" for target in held[:1] if target in case.planned]
        fix = "Find the other machine and renumber it; look at `ip address` here."
        yield cause("address-used-twice", node, sentence, fix, [drop_text(node, rows), *mine], case)


def _carries_pods(node: NodeView, device: str) -> bool:
    pod = node.report.pod if node.report else None
    link = node.links.get(pod.host_ifindex) if pod and pod.host_ifindex else None
    return device in node.uplinks or (link is not None and link.name == device)


def _refused_back(node: NodeView) -> dict[str, list[str]]:
    """Return by uplink the far pods whose packets strict filtering would refuse, as the kernel says itself."""
    found: dict[str, list[str]] = {}
    for look in lookups(node):
        for device, back in look.back.items():
            elsewhere = look.out.device not in (None, device)
            if back.error and elsewhere and node.reverse_path(device) == STRICT and node.sysctl("ip_forward"):
                text = f"the kernel refuses packets from {look.target} on {device}: {back.message}"
                found.setdefault(device, []).append(text)
    return found


RULES: tuple[Callable[[NodeView, Case], Iterator[Cause]], ...] = (
    forwarding_off,
    reverse_path,
    packet_filter,
    no_programs,
    own_address,
)
"""Rules that are asked of every node with a report."""
