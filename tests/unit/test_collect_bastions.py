"""Machines behind bastions: one connection to each, its own key, and words that tell a bastion from a machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncssh
import pytest

from tests.unit.plan_sites import KEY, put, site
from tests.unit.test_collect_look import answer, saying
from tests.unit.test_collect_nodes import USER_KEY, private, public, server
from underlay.collect.look import Seen, look
from underlay.collect.ssh import Machine, machines
from underlay.plan.access import bastions

BASTION_HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
BASTION_USER_KEY = asyncssh.generate_private_key("ssh-ed25519")
JUMPS = [{"name": f"jump-{number}", "address": f"198.51.100.{number}", "user": "jump"} for number in (1, 2)]


class Door(asyncssh.SSHServer):
    """A bastion that passes connections on, and counts who comes."""

    came: int = 0
    opens = True

    def connection_made(self, _conn: asyncssh.SSHServerConnection) -> None:
        type(self).came += 1

    def connection_requested(self, _host: str, _port: int, _origin: str, _origin_port: int) -> bool:
        return self.opens


class Shut(Door):
    """A bastion that passes nothing on."""

    opens = False


@asynccontextmanager
async def bastion(kind: type[Door] = Door) -> AsyncIterator[Machine]:
    kind.came = 0
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=kind,
        server_host_keys=[BASTION_HOST_KEY],
        authorized_client_keys=asyncssh.import_authorized_keys(public(BASTION_USER_KEY)),
    )
    port, key = listener.get_port(), private(BASTION_USER_KEY)
    try:
        yield Machine("jump-1", "127.0.0.1", port, "jump", public(BASTION_HOST_KEY), key=key)
    finally:
        listener.close()
        await listener.wait_closed()


async def seen(door: Machine, count: int = 1) -> list[Seen]:
    async with server(saying(answer())) as machine:
        behind = dict.fromkeys([f"n{number}" for number in range(1, count + 1)], replace(machine, via=door))
        return await look(behind, private(USER_KEY), dict.fromkeys(behind, "{}"))


async def through(kind: type[Door], count: int = 1, **changes: Any) -> list[Seen]:
    async with bastion(kind) as door:
        return await seen(replace(door, **changes), count)


def test_many_machines_share_one_connection_to_their_bastion() -> None:
    found = asyncio.run(through(Door, 20))
    assert [one.error.partition(";")[0] for one in found] == ["", *["it calls itself 'n1'"] * 19]
    assert Door.came == 1


OTHER = asyncssh.generate_private_key("ssh-ed25519")
WRONG: dict[str, tuple[type[Door], dict[str, Any], str]] = {
    "another host key": (Door, {"host_key": public(OTHER)}, "its host key differs from the pinned one"),
    "another key": (Door, {"key": private(OTHER)}, "the key `bastionKey` is refused"),
    "no host key": (Door, {"host_key": ""}, "no host key is pinned for it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_bastion_is_told_of_it(name: str) -> None:
    kind, changes, words = WRONG[name]
    [found] = asyncio.run(through(kind, **changes))
    assert found.error.startswith("bastion jump-1 before n1: SSH to jump")
    assert words in found.error


def test_a_bastion_that_passes_nothing_on_is_named_with_the_machine() -> None:
    [found] = asyncio.run(through(Shut))
    assert "by way of bastion jump-1: " in found.error
    assert "prohibited" in found.error.lower() or "refused" in found.error.lower()


def test_without_a_key_of_its_own_a_bastion_is_asked_with_the_machines_key() -> None:
    [found] = asyncio.run(through(Door, key=""))
    assert "the key `sshKey` is refused" in found.error


def test_a_machine_is_reached_by_the_bastion_of_its_rack() -> None:
    declared = site(put("ssh", {"bastions": JUMPS, "bastion": "jump-1"}), put("racks.1.bastion", "jump-2"))
    there = machines(
        {node.name: node.management for node in declared.nodes}, {"jump-2": KEY}, bastions(declared), "secret"
    )
    assert {name: machine.via and machine.via.address for name, machine in there.items()} == {
        **dict.fromkeys(("cp-1", "worker-1"), "198.51.100.1"),
        **dict.fromkeys(("worker-2", "worker-3"), "198.51.100.2"),
    }
    door = there["worker-2"].via
    assert door
    assert (door.host_key, door.key, "secret" in repr(door)) == (KEY, "secret", False)
