"""What a node is asked for follows from the plan."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import asyncssh
import pytest

from tests.unit.plan_sites import put, site
from underlay.collect.nodes import Node
from underlay.plan.verification import expectations


class Heard:
    """A node's process that answers everything with its level of evidence."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.stdin, self.stdout = SimpleNamespace(write=self._hear), SimpleNamespace(read=self._answer)

    def _hear(self, line: bytes) -> None:
        self.said.append(json.loads(line))

    async def _answer(self, _: int) -> bytes:
        return b'{"level": "full"}\n'


@pytest.mark.parametrize(("declared", "size"), [(1400, 1400), (None, 1500)])
def test_a_node_probes_with_packets_as_large_as_its_pods_send(declared: int | None, size: int) -> None:
    expected, process = expectations(site(put("cilium.mtu", declared))), Heard()
    node = Node(cast("asyncssh.SSHClientProcess[bytes]", process))
    assert asyncio.run(node.begin(expected.nodes[0], expected)) == "full"
    assert process.said[0]["uplinks"] == [{"name": "eth0", "mtu": size}]
