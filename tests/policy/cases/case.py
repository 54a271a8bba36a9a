"""One case of a rule: what it is given, and what it has to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.strict import Answer
from policy.testing import Resource

PASS, VIOLATION = Answer.PASS, Answer.VIOLATION
UNDETERMINED, NOT_APPLICABLE = Answer.UNDETERMINED, Answer.NOT_APPLICABLE

CLUSTER = "underlay:cluster:Cluster"
RELEASE, V3, V4 = "kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart"
DAEMONS, CONFIG = "kubernetes:apps/v1:DaemonSet", "kubernetes:core/v1:ConfigMap"
LOCAL, REMOTE = "command:local:Command", "command:remote:Command"
OURS = (CLUSTER, "pulumi:providers:kubernetes")
"""The provider that our cluster component makes."""


@dataclass(frozen=True)
class Case:
    """A rule's answer to one resource, or to a whole stack."""

    rule: str
    title: str
    expected: Answer
    resources: tuple[Resource, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


def one(rule: str, title: str, expected: Answer, resource: Resource, config: Mapping[str, Any] | None = None) -> Case:
    """Return the case of a single resource."""
    return Case(rule, title, expected, (resource,), config or {})
