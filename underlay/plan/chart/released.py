"""What Helm's last revision has to be made of, chart and values, and where it is made of something else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from underlay.model import Model, Site
from underlay.plan.chart.keys import leaves
from underlay.plan.chart.objects import AGENT
from underlay.plan.values import helm_values

CHART = "chart"
"""What a difference of the chart itself is called; no value has this name."""
NOTHING = ("null", "{}", "[]")
"""Values that the provider leaves out, or makes nothing of, on their way to Helm."""
LARGEST = 2**63
"""Numbers below it are read as Helm has them, by 53 bits; others are no numbers of a chart."""
SECRETIVE = re.compile(
    r"(key|cert|crt|ca|pass\w*|secret|token|credentials?|value|data|content|env|args)$", re.IGNORECASE
)
"""Last words of paths whose values may be secrets: such a value is compared, and never told."""
PLAIN = re.compile(r"[\w .:/,@+=%*\"\[\]-]{0,80}")
"""What is told of a value as it is."""
HIDDEN = "a value that is not shown"


class ExpectedRelease(Model):
    """The chart and the values that Helm has to have been told last."""

    owner: Literal["release", "installer"]
    version: str
    values: Mapping[str, Any]


class Unplanned(NamedTuple):
    """A value of the release, or its chart, that is not as planned; None: it is not there."""

    name: str
    found: str | None
    planned: str | None


def planned_release(site: Site) -> ExpectedRelease:
    """Return what Helm gets of a site."""
    return ExpectedRelease(owner=site.cilium.owner, version=site.cilium.version, values=helm_values(site))


def unplanned(planned: ExpectedRelease, chart: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Unplanned]:
    """Yield where chart and values of a revision are not the planned ones, by dotted path.

    An installer words values its own way and leaves others to its chart: only those that both name are compared.
    """
    ours = planned.owner == "release"
    yield from _chart(planned, chart, exact=ours)
    wanted, found = (_plain(values, exact=ours) for values in (planned.values, config))
    for name in sorted({*wanted, *found} if ours else {*wanted} & {*found}):
        if wanted.get(name) != found.get(name):
            yield Unplanned(name, _shown(name, found.get(name)), _shown(name, wanted.get(name)))


def _chart(planned: ExpectedRelease, chart: Mapping[str, Any], *, exact: bool) -> Iterator[Unplanned]:
    """Yield another chart; an installer's may have a number of its own beside Cilium's."""
    name, version, application = (str(chart.get(key) or "") for key in ("name", "version", "appVersion"))
    known = {version} if exact else {version, application.removeprefix("v")}
    if planned.version not in known or (exact and name != AGENT):
        yield Unplanned(CHART, f"{name} {version}".strip() or None, f"{AGENT} {planned.version}")


def _plain(values: Mapping[str, Any], *, exact: bool) -> dict[str, str]:
    """Return values by dotted path as JSON has them, whole numbers without a point; a mapping of nothing is nothing."""
    texts = {".".join(path): json.dumps(_number(value), sort_keys=True, default=str) for path, value in leaves(values)}
    return {name: text if exact else text.strip('"') for name, text in texts.items() if text not in NOTHING}


def _number(value: object) -> object:
    """Return a number as it comes back from Helm, which has no whole ones: an integer wherever it is one."""
    if isinstance(value, list):
        return [_number(below) for below in value]
    if isinstance(value, Mapping):
        return {str(key): _number(below) for key, below in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        return value
    return int(float(value)) if float(value).is_integer() else value


def _shown(name: str, text: str | None) -> str | None:
    """Return what may be told of a value: anybody may have typed a secret into Helm's command line."""
    if text is None:
        return None
    last = name.rpartition(".")[2]
    return text if PLAIN.fullmatch(text) and not SECRETIVE.search(last) else HIDDEN
