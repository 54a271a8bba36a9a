"""Objects of a cluster: sent to the cluster that is meant, under names that hold."""

from __future__ import annotations

import re

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, Severity

from ..marks import shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation
from .cilium import is_chart
from .waivers import CLUSTER

PROVIDER = About(
    name="no-default-provider",
    description="Kubernetes objects name the cluster they go to.",
    remediation="Make a kubernetes.Provider with the cluster's kubeconfig and give it to every object: the default one "
    "takes whatever cluster the shell of the day points at. `pulumi:disable-default-providers` helps to find them.",
    severity=Severity.HIGH,
)
NAMES = About(
    name="names-are-safe",
    description="Names are such that files, labels and DNS take them, and Cilium's objects have fixed ones.",
    remediation="Use lower-case letters, digits and hyphens, beginning and ending with a letter or digit; give each of "
    "Cilium's objects a metadata.name, because other objects refer to it.",
    severity=Severity.MEDIUM,
    config=PolicyConfigSchema(
        properties={
            "longestClusterName": {"type": "integer", "minimum": 1, "default": 32},
            "longestName": {"type": "integer", "minimum": 1, "default": 253},
        }
    ),
)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
LONGEST_RELEASE = 53
"""Letters of a release's name that Helm takes."""
FREE = ("kubernetes:rbac.authorization.k8s.io/", "kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")
"""Kinds whose names follow other rules."""


def provider(args: ResourceValidationArgs) -> Judgement:
    """Judge by which provider a Kubernetes object is made."""
    if not args.resource_type.startswith("kubernetes:") or args.provider is None:
        return not_applicable("no Kubernetes object with a provider")
    if not args.provider.name.startswith("default"):
        return PASSED
    return violation(f"{args.resource_type} {args.name} uses the default provider. {PROVIDER.remediation}")


def names(args: ResourceValidationArgs) -> Judgement:
    """Judge the name of a cluster, a release or an object."""
    if args.resource_type == CLUSTER:
        longest = int(float(args.get_config().get("longestClusterName") or 32))
        return _named("clusterName", args.props.get("clusterName"), longest, LABEL)
    if is_chart(args.resource_type, args.props):
        name = args.props.get("name")
        return PASSED if name is None else _named("name", name, LONGEST_RELEASE, LABEL)
    if not args.resource_type.startswith("kubernetes:") or args.resource_type.startswith(FREE):
        return not_applicable("has no such name")
    name = (args.props.get("metadata") or {}).get("name")
    if name is None and not args.resource_type.startswith("kubernetes:cilium.io/"):
        return not_applicable("the provider names it")
    return _named("metadata.name", name, int(float(args.get_config().get("longestName") or 253)), SUBDOMAIN)


def _named(place: str, name: object, longest: int, form: re.Pattern[str]) -> Judgement:
    if isinstance(name, str) and form.fullmatch(name) and len(name) <= longest:
        return PASSED
    found = shown(name) if name else "missing"
    return violation(f"{place} is `{found}`, expected {longest} letters at most. {NAMES.remediation}")


POLICIES = [resource_policy(PROVIDER, provider), resource_policy(NAMES, names)]
