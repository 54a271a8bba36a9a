"""What is checked of intrusion detection on a node that has it, or has traces of it: the engine, and the mirror."""

from __future__ import annotations

from collections.abc import Iterator

from bpf.programs import MIRROR
from underlay.judge.evidence import NodeReport, Program
from underlay.judge.verdict import Alert, Judged, Status, result
from underlay.judge.views import NodeView
from underlay.model import Capture, Engine
from underlay.plan.intrusion.pods import POD_LINKS

CILIUM = "cil_"
"""How the names of Cilium's programs begin."""
SILENT, LOST = 60, 0.01
"""Seconds after which an engine has ended that tells its numbers every eight, and the share of packets it may lose."""

Row = tuple[str, Judged, str, str]
"""Rule, what it came to, what was expected, next step."""


def intrusion_checks(node: NodeView, report: NodeReport) -> Iterator[Row]:
    """Yield the checks of a node; none where nothing of this is declared or found."""
    if node.plan.capture:
        expected = f"an engine at work, at most {LOST:.0%} of its packets lost"
        fix = "Look at the pods in the namespace underlay-ids; give the engine more limits.cpu, or fewer rules."
        yield "intrusion-engine", _engine(node, report), expected, fix
    if _is_mirrored(node) or any(_ours(programs) for programs in (report.facts.programs or {}).values()):
        expected = "our mirror before Cilium's program at each uplink and pod link, alone" if _is_mirrored(node) else ""
        fix = "Restart the pod in the namespace underlay-ids; another program at these hooks has to go."
        yield "intrusion-mirror", _mirror(node, report), expected or "no mirror: none is declared", fix


def alerts(node: NodeView) -> Iterator[Alert]:
    """Yield the alerts that a node's engine has written, by rule; a file left behind by a former engine is not told."""
    facts = node.report.facts.intrusion if node.report and node.plan.capture else None
    for row in facts.alerts if facts else ():
        yield Alert(node.name, **row.model_dump())


def _engine(node: NodeView, report: NodeReport) -> Judged:
    facts, capture = report.facts.intrusion, node.plan.capture
    if facts is None or capture is None:
        return result(None, "the engine's files could not be read")
    unread = f", {facts.unreadable} lines unreadable" if facts.unreadable else ""
    counted = f"{sum(row.count for row in facts.alerts)} alerts of {len(facts.alerts)} rules{unread}"
    if capture.engine is not Engine.SURICATA:
        return Status.SKIPPED, f"{capture.engine.value} tells no numbers of itself; {counted}"
    if facts.engine is None or facts.engine.packets is None:
        return result(False, f"no numbers of an engine; {counted}")
    packets, lost = facts.engine.packets, facts.engine.lost or 0
    reads = packets > 0 or capture.point is not Capture.SWITCH_MIRROR
    good = facts.engine.age <= SILENT and lost <= packets * LOST and reads
    return result(good, f"{packets} packets, {lost} lost, written {facts.engine.age} s ago; {counted}")


def _mirror(node: NodeView, report: NodeReport) -> Judged:
    programs = report.facts.programs
    if programs is None:
        return result(None, "programs could not be read")
    if not _is_mirrored(node):
        # The update that removes an engine verifies before it deletes: red here would keep the mirror for ever.
        places = ", ".join(name for name, found in programs.items() if _ours(found))
        return Status.SKIPPED, f"{MIRROR} on {places}: none is declared, so it goes with its pods"
    wanted = [name for name in programs if name in node.uplinks or name.startswith(POD_LINKS)]
    wrong = [text for name in wanted if (text := _out_of_order(name, _ingress(programs[name])))]
    told = report.facts.intrusion.mirror if report.facts.intrusion else None
    if told is None:
        return result(False, "; ".join(["the mirror tells nothing of itself", *wrong]))
    numbers = f"{told.seen} packets seen, {told.mirrored} mirrored, {told.failed} not taken, {told.repairs} repairs"
    good = not wrong and not told.errors and told.failed <= told.seen * LOST and told.age <= SILENT
    return result(
        good,
        "; ".join([f"first at {len(wanted) - len(wrong)} of {len(wanted)} links, {numbers}", *wrong, *told.errors]),
    )


def _out_of_order(device: str, programs: tuple[Program, ...]) -> str:
    """Return what is wrong with the programs of a device; nothing where ours is first and Cilium's are the others."""
    names = [program.name for program in programs]
    good = names[:1] == [MIRROR] and all(name.startswith(CILIUM) for name in names[1:])
    return "" if good else f"{device}: {', '.join(names) or 'no program'}"


def _ingress(programs: tuple[Program, ...]) -> tuple[Program, ...]:
    return tuple(program for program in programs if program.hook == "ingress")


def _ours(programs: tuple[Program, ...]) -> bool:
    return any(program.name == MIRROR for program in programs)


def _is_mirrored(node: NodeView) -> bool:
    return node.plan.capture is not None and node.plan.capture.point is Capture.POD_LINKS
