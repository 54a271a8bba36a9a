"""No rule of a node is without a fault that a namespace can hold, or that recorded facts have."""

from __future__ import annotations

from tests.lab.preflight_faults import FAULTS, RECORDED, ROUTES, TWO_ROUTERS, WITH_PROXY
from tests.unit.node_faults import FAULTS as BY_RECORDED_FACTS
from underlay.plan.prerequisites import KEPT, RULES


def test_every_rule_has_a_fault_or_is_known_by_recorded_facts() -> None:
    tables = (FAULTS, TWO_ROUTERS, WITH_PROXY, ROUTES)
    held = {rule for table in tables for fault in table.values() for rule in fault.rules}
    assert (
        held | {"service-not-told", "route-refused", "record-unreadable", "write-refused"} == {*RULES, *KEPT} - RECORDED
    )
    recorded = {rule for _, rule in BY_RECORDED_FACTS.values()}
    assert recorded >= RECORDED
