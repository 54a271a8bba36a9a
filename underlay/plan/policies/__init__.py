"""Security policies: what an intent means, the objects it becomes, and who reaches whom."""

from __future__ import annotations

from underlay.plan.policies.change import difference, opened, told, verdicts
from underlay.plan.policies.intent import Intent
from underlay.plan.policies.matrix import Cell, matrix
from underlay.plan.policies.objects import policy_objects

CRDS = ("ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io")

__all__ = ["CRDS", "Cell", "Intent", "difference", "matrix", "opened", "policy_objects", "told", "verdicts"]
