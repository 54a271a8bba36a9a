"""The oracle's rows hold every pair of values that may stand together, and name the pairs that may not."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from tests.oracle import space
from tests.oracle.space import Pair, Row, cover

SETTINGS = {"a": (1, 2, 3), "b": (4, 5), "c": (6, 7), "d": (8, 9, 10), "e": (11, 12)}
BOTH = ("a", 2), ("b", 1)
LONELY = ("d", 2)
"""Right only beside the second value of `e`."""


def accepted(row: Row) -> bool:
    return not (row["a"] == 3 and row["b"] == 5) and (row["d"] != 10 or row["e"] == 12)


def test_every_pair_is_in_a_row_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "SETTINGS", SETTINGS)
    monkeypatch.setattr(space, "COMPANIONS", {LONELY: {"e": 1}})
    refused: set[Pair] = set()
    rows = list(cover(random.Random(1), accepted, refused))
    assert all(map(accepted, rows))
    assert refused == {BOTH, (LONELY, ("e", 0))}
    held = {pair for row in rows for pair in combinations(sorted(row.items()), 2)}
    values = [(name, value) for name, many in SETTINGS.items() for value in many]
    wanted = {pair for pair in combinations(values, 2) if pair[0][0] != pair[1][0]}
    assert wanted - held == {(("a", 3), ("b", 5)), (("d", 10), ("e", 11))}
    assert len(rows) < 15
