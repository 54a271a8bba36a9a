"""A campaign on the healthy site says when its load or its restarts did not happen; no lab is needed to see that."""

from __future__ import annotations

import pytest

from tests.lab.faults.proof import Workloads, counted, replaced, traffic

DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:  999       9    0    0    0     0          0         0      999       9    0    0    0     0       0          0
  eth0: 5000000   70    0    0    0     0          0         0      11       1    0    0    0     0       0          0
"""
BEFORE = Workloads({"sink-0": 1, "source-0": 3}, {"a", "b"})


def test_a_pods_counter_is_of_its_own_link() -> None:
    assert counted(DEVICES) == 5_000_000


@pytest.mark.parametrize(
    ("taken", "lacking"),
    [
        ({"sink-0": 9_000_000, "sink-1": 2_000_000}, []),
        ({"sink-0": 9_000_000, "sink-1": 1_400_000}, ["sink-1 took 400000 bytes; expected 1000000"]),
        ({"sink-0": 0, "sink-1": 2_000_000}, ["sink-0 took -5000000 bytes; expected 1000000"]),
    ],
)
def test_a_sink_without_traffic_is_told(taken: dict[str, int], lacking: list[str]) -> None:
    assert traffic({"sink-0": 5_000_000, "sink-1": 1_000_000}, taken)[1] == lacking


@pytest.mark.parametrize(
    ("after", "figures", "lacking"),
    [
        (Workloads({"sink-0": 4, "source-0": 5}, {"c", "d"}), " with 5 roll-outs of 2 deployments", []),
        (
            Workloads({"sink-0": 2, "source-0": 3}, {"b", "c"}),
            " with 1 roll-outs of 2 deployments",
            ["source-0 was not rolled out again", "1 of 2 pods were never replaced"],
        ),
    ],
)
def test_what_was_not_replaced_is_told(after: Workloads, figures: str, lacking: list[str]) -> None:
    assert replaced(BEFORE, after) == (figures, lacking)
