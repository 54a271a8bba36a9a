"""Cilium's values: what the site decides, and what a person adds."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import Change, Data, dev
from underlay.model import load_site
from underlay.plan.chart.keys import leaves, unknown
from underlay.plan.values import decided, helm_values
from underlay.sources import chart_facts


def change(path: str, value: object) -> Change:
    """Return the change that sets one key below the site, making the mappings above it."""

    def apply(data: Data) -> None:
        *way, last = path.split(".")
        for word in way:
            data = data.setdefault(word, {})
        data[last] = value

    return apply


@pytest.mark.parametrize("version", ["1.19.6", "1.20.2"])
def test_every_derived_value_is_a_key_of_the_chart(version: str) -> None:
    hubble = {"certificates": "certmanager", "issuer": {"kind": "Issuer", "name": "site"}, "relay": True, "ui": True}
    changes = {
        "cilium.version": version,
        "cilium.hubble": hubble,
        "cilium.images": {"registry": "mirror.example/cilium", "digests": True},
        "cilium.bandwidth": {"bbr": True},
        "cilium.mtu": 1500,
        "cilium.load_balancing.maglev": {"table": 251, "seed": "AAAAAAAAAAAAAAAA"},
        "cilium.load_balancing.node_ports": {"first": 30000, "last": 32767},
    }
    site = load_site(dev(*(change(*one) for one in changes.items())))
    tree = chart_facts(version.rpartition(".")[0])["keys"]
    assert list(unknown(tree, helm_values(site))) == []
    assert list(leaves(decided(site)))
