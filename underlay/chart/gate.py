"""The gate at preview: the declared chart, rendered by Helm with the final values, and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from underlay.chart.helm import render
from underlay.chart.source import obtain
from underlay.finding import Finding, Refused
from underlay.model import Site
from underlay.plan.chart.rendered import judge
from underlay.plan.values import helm_values


@dataclass(frozen=True)
class Passed:
    """What came out of the gate."""

    chart: str
    """The chart that was rendered, which is the one to install."""
    objects: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Finding] = ()


def gate(site: Site, reference: str) -> Passed:
    """Render a site's release and judge it; where the installer owns Cilium there is no chart and nothing to judge."""
    if site.cilium.owner != "release":
        return Passed(reference)
    try:
        chart = obtain(reference, site.cilium.version, site.cilium.chart_sha256)
        objects = render(chart, helm_values(site), site.cluster.kubernetes)
    except Refused as refused:
        return Passed(reference, findings=refused.findings)
    return Passed(chart, objects, judge(site, objects))
