"""What the last update has applied, read from the stack's own state before anything is registered."""

from __future__ import annotations

import pulumi

from components.refusal import refuse
from underlay.finding import Finding
from underlay.plan.lineage import Lineage, lineage

READ = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function behind stack references; it reads from any backend, and during an update too."""


def past() -> Lineage:
    """Return what this stack's state says of its past; a state that cannot be read ends the program."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        answer = pulumi.runtime.invoke(READ, {"stackName": stack}).value
    except Exception as error:  # noqa: BLE001 - the engine's answer is told, whatever it is
        expected = "this stack's own state, which says what was applied last"
        refuse([Finding("state-unreadable", f"stack {stack}", str(error), expected)])
    return lineage((answer or {}).get("outputs") or {})
