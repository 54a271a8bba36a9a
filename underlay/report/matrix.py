"""The reachability matrix for people and machines: a row a source, a column a port of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from underlay.plan.policies import Cell

SIGNS = {"allowed": "yes", "partly": "partly", "denied": "-"}


def show(cells: Sequence[Cell], name: str, console: Console) -> None:
    """Print a table of each target, then what decides every cell that is not open to all."""
    counted = {verdict: sum(cell.verdict == verdict for cell in cells) for verdict in SIGNS}
    console.print(f"{name}: {', '.join(f'{number} {verdict}' for verdict, number in counted.items())}")
    for target in dict.fromkeys(cell.target for cell in cells):
        console.print(_table(target, [cell for cell in cells if cell.target == target]))


def _table(target: str, cells: Sequence[Cell]) -> Table:
    table = Table(f"to {target}", "port", "", "by", box=None, pad_edge=False)
    for cell in cells:
        table.add_row(cell.source, cell.port, SIGNS[cell.verdict], cell.decided)
    return table


def document(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the matrix as plain data."""
    return {"schema": 1, "cells": [cell._asdict() for cell in cells]}
