"""What is checked of the cluster's own objects: what the site applied is there as planned, and an operator works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from underlay.judge.case import Case
from underlay.judge.verdict import Check, Judged, Status, result

PLACE = "kubernetes"
PUT_BACK = "Run `pulumi up --refresh`, or declare it."
LOG = "Look at `kubectl -n kube-system get pods -l name=cilium-operator`, and at its log."


def check_objects(case: Case) -> Iterator[Check]:
    """Yield what Cilium's objects are against the planned ones, and whether an operator works."""
    if case.objects:
        yield _check("objects-applied", _applied(case), "every object of Cilium's, as planned", PUT_BACK)
    operators = case.evidence.survey.operators
    if operators is not None:
        judged = result(bool(operators), f"at work: {', '.join(operators) or 'none'}")
        yield _check("operator-ready", judged, "an operator of Cilium's that is Ready, or was two minutes ago", LOG)


def _check(rule: str, judged: Judged, expected: str, fix: str) -> Check:
    status, found = judged
    return Check(rule, PLACE, status, found, expected, "" if status is Status.PASS else fix)


def _applied(case: Case) -> Judged:
    """Compare what the plan says of each object; what the API server adds by itself is nobody's change."""
    there = case.evidence.survey.objects
    if there is None:
        return result(None, "nobody read Cilium's objects")
    found = {(one.kind, one.name): one.spec for one in there}
    wrong = []
    for one in case.objects:
        kind, name = one["kind"], one["metadata"]["name"]
        if (kind, name) not in found:
            wrong.append(f"{kind} {name} is not there")
        wrong += [f"{kind} {name}: {text}" for text in _differs(one["spec"], found.get((kind, name), one["spec"]), "")]
    return result(not wrong, "; ".join(wrong) or f"{len(case.objects)} as planned")


def _differs(wanted: object, found: object, place: str) -> Iterator[str]:
    """Yield each place where a value is not the planned one."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from _differs(value, found.get(name), f"{place}.{name}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(found, list | tuple) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differs(one, other, f"{place}.{number}")
    elif wanted != found:
        yield f"{place} is {_told(found)}, planned {_told(wanted)}"


def _told(value: object) -> str:
    if isinstance(value, list | Mapping):
        return f"{len(value)} entries"
    return "nothing" if value is None else str(value)
