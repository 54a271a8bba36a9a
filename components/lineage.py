"""What the last update has applied, read from the stack's own state before anything is registered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from components.refusal import refuse
from underlay.finding import Finding
from underlay.plan.lineage import Lineage, lineage

READ = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function behind stack references; it reads from any backend, and during an update too."""
HALF_WRITTEN = "failed to load checkpoint"
"""What the engine says of a state in files while another part of it is writing that file."""
ATTEMPTS, PAUSE = 10, 0.2
"""Attempts to read, and seconds between them; a state of 1,000 resources is written in 0.05 s."""


def past() -> Lineage:
    """Return what this stack's state says of its past; a state that cannot be read ends the program."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        answer = _read(stack)
    except Exception as error:  # noqa: BLE001 - the engine's answer is told, whatever it is
        expected = "this stack's own state, which says what was applied last"
        refuse([Finding("state-unreadable", f"stack {stack}", str(error), expected)])
    return lineage((answer or {}).get("outputs") or {})


def _read(stack: str) -> Mapping[str, Any] | None:
    for _ in range(ATTEMPTS - 1):
        try:
            return _once(stack)
        except Exception as error:
            if HALF_WRITTEN not in str(error):
                raise
            time.sleep(PAUSE)
    return _once(stack)


def _once(stack: str) -> Mapping[str, Any] | None:
    answer: Mapping[str, Any] | None = pulumi.runtime.invoke(READ, {"stackName": stack}).value
    return answer
