"""The kernel tables' sizes follow the site, and a device says what it belongs to."""

from __future__ import annotations

from typing import Any

from bpf import events, facts


def test_the_tables_grow_with_the_number_of_far_pods() -> None:
    assert events.sizes(0) == {"counts": 16_384, "watched": 16_384, "spaces": 16, "missed": 1}
    assert (events.sizes(1000)["counts"], events.sizes(1000)["watched"]) == (128_000, 16_384)
    assert events.sizes(10_000)["watched"] >= 3 * 10_000
    assert events.sizes(10**9)["counts"] == 1_048_576


class Message(dict[str, Any]):
    """A netlink message."""

    def get_attr(self, name: str) -> Any:
        """Return an attribute; None where it is absent."""
        return self.get(name)


def test_a_slave_names_its_bond_and_a_vlan_its_carrier() -> None:
    slave = Message(index=4, IFLA_IFNAME="eth1", IFLA_MTU=9000, IFLA_OPERSTATE="UP", IFLA_MASTER=7)
    tagged = Message(index=8, IFLA_IFNAME="eth1.5", IFLA_MTU=9000, IFLA_OPERSTATE="UP", IFLA_LINK=4)
    assert (facts._link(slave)["master"], facts._link(slave)["lower"]) == (7, 0)
    assert (facts._link(tagged)["master"], facts._link(tagged)["lower"]) == (0, 4)
