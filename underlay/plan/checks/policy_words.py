"""Rules about the words of policies that agents take and that mean something else, or nothing: labels, names, paths."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from ipaddress import IPv4Address

from underlay.model import Site
from underlay.plan.checks.policies import API, TO_API, WEB, changed, declared, rules_of, workloads_of
from underlay.plan.checks.policy_effects import NAMED, READS
from underlay.plan.checks.registry import Declaration, Problem, rule

GIVEN = ("io.kubernetes.pod.", "io.cilium.", "reserved.")
"""How labels begin that Kubernetes' agents and Cilium give to pods themselves."""
OPEN_NAMES = re.compile(r"[*.]+|.*\*\*.*")
"""Names that Cilium reads wider than as letters of one label."""
ONLY_THERE = re.compile(r"\\[pP](\{\^?\w+\}|\w)|\\[QECz]|\(\?[imsU]+\)")
"""What Go's regular expressions have and Python's have not."""
GROUP = re.compile(r"\(\?P?<\w+>")
ONLY_HERE = re.compile(r"\(\?[=!>(]|\(\?<[=!]|\(\?P=|\\[1-9]|[*+?}]\+")
"""What Python's regular expressions have and Go's have not: they never look back or ahead."""
PROXY = {"cilium.dns_proxy": True}
METADATA = "169.254.169.254"


@rule(
    "policy-label-reserved",
    bad=declared(TO_API, workloads=(WEB, changed(API, labels={"app": "api", "io.kubernetes.pod.namespace": "data"}))),
    good=declared(TO_API, workloads=(WEB, changed(API, labels={"app": "api"}))),
)
def labels_are_the_pods_own(declaration: Declaration) -> Iterator[Problem]:
    """Cilium gives these labels itself: the selector contradicts the namespace, or selects nothing."""
    for index, one in enumerate(workloads_of(declaration)):
        for key in one.labels:
            if key.startswith(GIVEN):
                yield Problem(f"site.policies.workloads.{index}.labels", key, "labels of the pods' own metadata")


@rule(
    "policy-blocked-inside-cluster",
    bad=declared(TO_API, blocked=["10.96.0.1"]),
    good=declared(TO_API, blocked=[METADATA]),
)
def blocked_addresses_are_outside(declaration: Declaration) -> Iterator[Problem]:
    """Cilium knows pods and nodes by identity and services by their pods: nothing would be blocked."""
    blocked = declaration.site.policies.baselines.blocked if declaration.site.policies else ()
    for index, address in enumerate(blocked):
        if kind := _inside(declaration.site, address):
            where = f"site.policies.baselines.blocked.{index}"
            yield Problem(
                where, f"{address}, {kind}", "an address outside the cluster; rules and default_deny close it"
            )


def _inside(site: Site, address: IPv4Address) -> str:
    """Return what an address of the cluster is; nothing for one outside."""
    if address.is_unspecified:
        return "which is none"
    kinds = [("of pods", pool) for pool in site.addresses.pods.pools]
    kinds += [("of services", site.addresses.services)]
    kinds += [("of load balancers", network) for network in site.addresses.load_balancers]
    found = next((kind for kind, network in kinds if address in network), "")
    nodes = {found for node in site.nodes for found in (node.address, *(up.address for up in node.uplinks)) if found}
    return f"which is {found or 'of a node'}" if found or address in nodes else ""


@rule(
    "policy-name-too-wide",
    bad={**PROXY, **declared(changed(NAMED, target_names=["*"]))},
    good={**PROXY, **declared(changed(NAMED, target_names=["*.example.com"]))},
)
def names_are_of_some_domain(declaration: Declaration) -> Iterator[Problem]:
    """To Cilium stars alone are every name there is, and two in a row any number of labels."""
    for where, one in rules_of(declaration):
        for number, name in enumerate(one.target_names):
            if OPEN_NAMES.fullmatch(name):
                expected = "one star a label below some domain, as in *.example.com; for all names the target outside"
                yield Problem(f"{where}.target_names.{number}", name, expected)


@rule(
    "policy-name-inside-cluster",
    bad={**PROXY, **declared(changed(NAMED, target_names=["api.shop.svc.cluster.local"]))},
    good={**PROXY, **declared(changed(NAMED, target_names=["api.example.com"]))},
)
def names_are_outside(declaration: Declaration) -> Iterator[Problem]:
    """Names of services lead to pods, which Cilium knows by identity: such a name opens nothing."""
    domain = declaration.site.cluster.dns.domain.lower().rstrip(".")
    for where, one in rules_of(declaration):
        for number, name in enumerate(one.target_names):
            if f".{name.lower()}".endswith(f".{domain}"):
                expected = f"a name outside {domain}; workloads are named in targets"
                yield Problem(f"{where}.target_names.{number}", name, expected)


@rule(
    "policy-http-path-malformed",
    bad={"cilium.l7_proxy": True, **declared(changed(READS, http=[{"path": "/items/((a|b)"}]))},
    good={"cilium.l7_proxy": True, **declared(changed(READS, http=[{"path": "/items/(a|b)"}]))},
)
def paths_are_expressions(declaration: Declaration) -> Iterator[Problem]:
    """Agents refuse the whole policy, after the API server has taken it, and what it closes stays open."""
    for where, one in rules_of(declaration):
        for number, request in enumerate(one.http):
            if request.path and not _compiles(request.path):
                expected = "a regular expression of RE2, without looking back or ahead"
                yield Problem(f"{where}.http.{number}.path", request.path, expected)


def _compiles(path: str) -> bool:
    """Tell whether a path is a regular expression to agents, which have other ones than this program."""
    if ONLY_HERE.search(path.replace("\\\\", "")):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(GROUP.sub("(", ONLY_THERE.sub("x", path)))
    except (re.error, RecursionError, OverflowError):
        return False
    return True
