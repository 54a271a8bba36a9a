"""No rule of a node is without a fault that a namespace can hold, or that recorded facts have."""

from __future__ import annotations

from tests.lab.preflight_faults import FAULTS, RECORDED, TWO_ROUTERS, WITH_PROXY
from tests.unit.test_remote_node_faults import FAULTS as BY_RECORDED_FACTS
from underlay.plan.prerequisites import KEPT, RULES


def test_every_rule_has_a_fault_or_is_known_by_recorded_facts() -> None:
    held = {rule for fault in (*FAULTS.values(), *TWO_ROUTERS.values(), *WITH_PROXY.values()) for rule in fault.rules}
    assert held | {"service-not-told"} == {*RULES, *KEPT} - RECORDED
    recorded = {rule for _, rule in BY_RECORDED_FACTS.values()}
    assert recorded >= RECORDED
