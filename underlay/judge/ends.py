"""Both ends of each session are what is planned: said for every machine whose configuration was read."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case
from underlay.judge.evidence import RouterReport
from underlay.judge.verdict import Check, Judged, Status, result
from underlay.judge.views import NodeView, RouterView
from underlay.plan.ends import Read, Session, near_end, unread

RULE = "session-ends"
EXPECTED = "its end of each session as planned: numbers, password, timers, filters, limits"
UNKNOWN = ("saved:",)
"""How errors of a router begin that leave its next start unknown."""
KEPT = {"peer_asn": "AS number", "password": "password", "takes": "filter", "tells": "filter"}
"""Field of an end → what it is called where the saved one is not the one that runs."""
FIX = "Apply the plan again at this end, or declare what it is to be."


def check_ends(case: Case) -> Iterator[Check]:
    """Yield one check for each managed router and each node; none where no sessions were given."""
    for router in case.routers.values() if case.sessions else ():
        if router.plan.managed and router.report:
            yield _check(router.name, _router(router, case))
    for node in case.nodes.values() if case.sessions else ():
        yield _check(node.name, _node(node, case))


def _check(name: str, judged: Judged) -> Check:
    status, found = judged
    return Check(RULE, name, status, found, EXPECTED, "" if status is Status.PASS else FIX)


def _router(router: RouterView, case: Case) -> Judged:
    if router.report is None or router.report.configuration is None:
        return result(None, "; ".join(router.report.errors if router.report else ()) or "configuration not read")
    mine = [one for one in case.sessions if one.router == router.name]
    wrong = [*_wrong(router.name, case), *_saved(router.name, router.report, mine, case.ends)]
    unclear = [*unread(mine, case.ends), *_unloaded(router.name, router.report)]
    known = False if wrong else None if unclear else True
    return result(known, "; ".join([*wrong, *unclear]) or f"{len(mine)} as planned")


def _saved(name: str, report: RouterReport, mine: list[Session], runs: Read) -> Iterator[str]:
    """Yield how a router's next start differs from what it runs."""
    if report.saved is None:
        return
    saved = Read({name: report.saved.ends}, {name: report.saved.ranges}, {})
    pairs = [(one.peer, near_end(one, saved), near_end(one, runs)) for one in mine]
    if gone := [peer for peer, kept, running in pairs if kept is None and running]:
        whom = "any of its sessions" if len(gone) == len(mine) else f"its sessions with {', '.join(gone)}"
        yield f"the next start of {name} is without {whom}: its frr.conf lacks them"
    for peer, kept, running in pairs:
        both = [(getattr(kept, field), getattr(running, field)) for field in KEPT] if kept and running else []
        other = [
            word for word, (one, two) in zip(KEPT.values(), both, strict=False) if None not in (one, two) and one != two
        ]
        if other:
            yield f"the next start of {name} has another {' and '.join(dict.fromkeys(other))} for {peer}"


def _unloaded(name: str, report: RouterReport) -> list[str]:
    """Return files that a daemon has not loaded as they are, and why a router's own could not be compared."""
    unknown = [error for error in report.errors if error.startswith(UNKNOWN)]
    return [*(f"{name}: {file} has changed and is not loaded" for file in report.unloaded or ()), *unknown]


def _node(node: NodeView, case: Case) -> Judged:
    if node.seen.ends is None:
        known = None if case.evidence.survey.errors else False
        return result(known, "; ".join(case.evidence.survey.errors) or "no CiliumBGPNodeConfig")
    wrong = _wrong(node.name, case)
    return result(not wrong, "; ".join(wrong) or f"{len(node.seen.ends)} as planned")


def _wrong(name: str, case: Case) -> list[str]:
    """Return what differs at a machine, or at one of two of which nothing says which is right.

    A router's other neighbours are red in another check once they are up.
    """
    known = (one for one in case.differences if one.aspect != "extra" or name in case.nodes)
    mine = (one for one in known if one.wrong == name or (not one.wrong and name in {one.router, one.peer}))
    return list(dict.fromkeys(one.sentence for one in mine))
