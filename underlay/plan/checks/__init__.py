"""Every rule that a declaration has to keep; `findings` returns all violations at once."""

from __future__ import annotations

from underlay.finding import Finding
from underlay.plan.checks import (  # noqa: F401 - they register rules
    addresses,
    aggregates,
    bastions,
    bgp,
    capacity,
    cilium,
    cilium_datapath,
    cilium_features,
    cilium_services,
    cluster,
    fabric,
    identifiers,
    installer,
    intrusion,
    losses,
    machines,
    mtu,
    overlaps,
    paths,
    policies,
    policy_effects,
    policy_words,
    racks,
    security,
    uplinks,
)
from underlay.plan.checks.registry import RULES, Declaration

__all__ = ["RULES", "Declaration", "findings"]


def findings(declaration: Declaration) -> list[Finding]:
    """Return what every rule finds, in the order of the rules' names."""
    return [finding for _, check in sorted(RULES.items()) for finding in check(declaration)]
