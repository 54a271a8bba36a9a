"""Rules about what a person adds to the release's values: known keys, nothing that the site decides, no back doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from underlay.plan.chart.keys import leaves, suggestion, unknown
from underlay.plan.chart.settings import Settings
from underlay.plan.chart.source import unpinned
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.values import minor
from underlay.sources import chart_facts

CLUSTER_NAME = 32
"""Characters that the chart allows in a cluster's name."""
PAST_THE_CHART = ("extraConfig", "extraArgs", "operator.extraArgs")
"""Values that reach agent or operator unread; a wrong one is found by a node that does not come back."""
ENVIRONMENTS = ("extraEnv", "operator.extraEnv")


def values(**added: object) -> Mapping[str, object]:
    """Return the change that adds values of the chart to the dev site."""
    return {"cilium.values": added}


def blame(settings: Settings, path: str, expected: str, fix: str = "") -> Problem:
    """Return the problem with one final value."""
    return Problem(settings.where(path), repr(settings.get(path)), expected, fix)


@rule(
    "cilium-value-unknown",
    bad=values(egressGatway={"enabled": False}),
    good=values(egressGateway={"enabled": False}),
)
def values_are_known_to_the_chart(declaration: Declaration) -> Iterator[Problem]:
    """Helm ignores a key that the chart does not read: what was meant never happens, and nobody says so."""
    site = declaration.site
    tree = chart_facts(minor(site))["keys"]
    for path in unknown(tree, site.cilium.values):
        meant = suggestion(tree, path)
        fix = f"Perhaps {meant}." if meant else ""
        yield Problem(f"site.cilium.values.{'.'.join(path)}", "a key", f"a key of the chart {minor(site)}", fix)


@rule("cilium-value-replaces-keys", bad=values(prometheus=True), good=values(prometheus={"enabled": True}))
def values_stand_where_the_chart_has_them(declaration: Declaration) -> Iterator[Problem]:
    """A value in place of a mapping, null above all, takes every default below it away."""
    tree = chart_facts(minor(declaration.site))["keys"]
    for path, value in leaves(declaration.site.cilium.values):
        place = tree
        for word in path:
            place = place.get(word) if isinstance(place, Mapping) else None
        if isinstance(place, Mapping) and value != {}:
            yield Problem(f"site.cilium.values.{'.'.join(path)}", repr(value), f"a mapping of {', '.join(place)}")


@rule(
    "cilium-value-decided-by-site",
    bad=values(ipv4NativeRoutingCIDR="10.0.0.0/8"),
    good=values(ipv4NativeRoutingCIDR="10.244.0.0/16"),
)
def values_leave_to_the_site_what_it_decides(declaration: Declaration) -> Iterator[Problem]:
    """Two answers to one question: paths, routers and checks follow from the site, agents from the values."""
    for path, value, expected, source in declaration.settings.contradictions():
        if not path.startswith("ipv6."):
            fix = f"It follows from {source}; remove it here."
            yield Problem(f"site.cilium.values.{path}", repr(value), repr(expected), fix)


@rule("dual-stack-unsupported", bad=values(ipv6={"enabled": True}), good=values(ipv6={"enabled": False}))
def only_ipv4_is_declared(declaration: Declaration) -> Iterator[Problem]:
    """The site plans IPv4 only: IPv6 pods would have no routes, no sessions and no checks."""
    settings = declaration.settings
    for path in ("ipv6.enabled", "ipv6NativeRoutingCIDR", "enableIPv6BIGTCP", "nat46x64Gateway.enabled", "preferIpv6"):
        if settings.declared.get(path):
            fix = "IPv6 and dual stack are not supported by this program; remove the value."
            yield Problem(f"site.cilium.values.{path}", repr(settings.declared[path]), "IPv4 only", fix)


@rule(
    "cilium-option-past-the-chart",
    bad=values(extraConfig={"routing-mode": "tunnel"}),
    good=values(debug={"enabled": True}),
)
def options_go_through_the_chart(declaration: Declaration) -> Iterator[Problem]:
    """These reach agents unread and override what the chart wrote; a wrong one shows when no agent comes back."""
    settings = declaration.settings
    for path in PAST_THE_CHART:
        if settings.get(path):
            yield blame(settings, path, "a value of the chart, which is checked", "Or waive this rule until a date.")
    for path in ENVIRONMENTS:
        names = [one.get("name", "") for one in settings.get(path, ()) if isinstance(one, Mapping)]
        if any(str(name).startswith("CILIUM_") for name in names):
            yield blame(settings, path, "no CILIUM_ variable: each is an option of the agent")


@rule(
    "cluster-name-refused-by-cilium",
    bad={"cluster.name": "default", "cluster.id": 3, "cluster.installer": ["make", "cluster-default.yaml"]},
    good={"cluster.name": "berlin", "cluster.id": 3, "cluster.installer": ["make", "cluster-berlin.yaml"]},
)
def cluster_name_is_one_for_cilium(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails for a name of more than 32 characters, and for `default` with a number."""
    cluster = declaration.site.cluster
    if len(cluster.name) > CLUSTER_NAME:
        yield Problem("site.cluster.name", cluster.name, f"at most {CLUSTER_NAME} characters")
    if cluster.name == "default" and cluster.id:
        yield Problem("site.cluster.name", "default", f"another name, because the cluster's id is {cluster.id}")


@rule(
    "chart-not-pinned",
    bad={"cilium.chart": "./chart/cilium-1.20.2.tgz"},
    good={"cilium.chart": "./chart/cilium-1.20.2.tgz", "cilium.chart_sha256": "0" * 64},
)
def charts_are_pinned_by_digest(declaration: Declaration) -> Iterator[Problem]:
    """A mirror may serve another archive under the same version; only the digest tells."""
    cilium = declaration.site.cilium
    if cilium.chart and (found := unpinned(cilium.chart, cilium.chart_sha256)):
        yield Problem(found.where, found.found, found.expected, found.fix)
