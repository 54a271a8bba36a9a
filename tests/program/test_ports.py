"""A site's adapter in the program: one command for all of its ports, undone by the word that gives them back."""

from __future__ import annotations

import json

from tests.program.recorder import run
from tests.unit.plan_sites import dev, put

ADAPTER = ["python3", "tools/ports.py"]


def test_an_adapter_is_one_command_with_its_undo() -> None:
    switched = (put(f"nodes.{number}.uplinks.0.check_switched_by", "adapter") for number in (2, 3))
    applied = put("security_groups.0.applied_by", "adapter")
    made = run(dev(*switched, applied, put("port_adapter", ADAPTER)))
    assert made.code == 0, made.messages
    command = made.named("ports")
    assert (command.inputs["create"], command.inputs["delete"]) == (
        "python3 -m underlay ports",
        "python3 -m underlay ports-back",
    )
    told = json.loads(command.inputs["stdin"])
    assert told["adapter"] == ADAPTER
    assert [port["node"] for port in told["ports"]] == ["worker-2", "worker-3"]
    [group] = told["groups"]
    assert {"direction": "egress", "network": "10.244.0.0/16", "protocol": "any"} in group["allow"]


def test_a_site_without_one_gets_no_command() -> None:
    made = run(dev())
    assert (made.code, "ports" in {one.name for one in made.resources}) == (0, False), made.messages
