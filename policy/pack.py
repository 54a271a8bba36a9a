"""The pack: every rule with its level, named explicitly, because the default of the SDK is only advisory."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack

from . import marks
from .rules import bgp, cluster_origin, commands, images, kubernetes, lineage, secrets, underlay, waivers

NAME = "cilium-underlay"
POLICIES = [
    *cluster_origin.POLICIES,
    *lineage.POLICIES,
    *underlay.POLICIES,
    *bgp.POLICIES,
    *commands.POLICIES,
    *secrets.POLICIES,
    *kubernetes.POLICIES,
    *images.POLICIES,
    *waivers.POLICIES,
]


def build() -> PolicyPack:
    """Start the pack; the SDK serves it until the engine ends it."""
    marks.keep()
    return PolicyPack(NAME, policies=POLICIES, enforcement_level=EnforcementLevel.MANDATORY)
