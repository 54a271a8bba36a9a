"""The programs for older kernels load and count here too: what a kernel lacks is said, the rest is proven."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.conversation import BACKENDS
from tests.lab.minifabric import Fabric
from underlay.collect.package import program

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]

AS_IF = """
import json, sys
sys.path.insert(0, "/run/verifier.pyz")
from bpf import events, selftest
from bpf.__main__ import account
backend, missing, nameless = sys.argv[1], sys.argv[2].split(), sys.argv[3] == "nameless"
real = events.select
def older(prototype):
    def seen(name):
        found = None if name in missing else prototype(name)
        return found[:2] if nameless and name == "kfree_skb" else found
    return real(seen)
events.select = older
attached = events.start(0, backend)
print(json.dumps(account(attached, selftest.run(attached), 0.0)))
"""
"""Attach as on a kernel without some tracepoints, or without the reasons of drops."""
YOUNG = "icmp_send tcp_hash_md5_required tcp_hash_md5_unexpected tcp_hash_md5_mismatch"


@pytest.fixture(scope="module")
def lab(lab: Fabric) -> Fabric:
    lab.machines["node1"].path("/run/verifier.pyz").write_bytes(program())
    return lab


def as_if(lab: Fabric, backend: str, missing: str, reasons: str = "") -> dict[str, Any]:
    words = ("python3", "-c", AS_IF, backend, missing, reasons)
    return dict(json.loads(lab.machines["node1"].run(*words)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_as_on_5_10_drops_have_a_place_and_no_reason(lab: Fabric, backend: str) -> None:
    found = as_if(lab, backend, YOUNG, "nameless")
    assert (found["level"], found["reasons"], found["selftest"]["wrong"]) == ("partial", False, [])
    drops = [(row["reason"], row["function"]) for row in found["selftest"]["seen"] if row["point"] == "dropped"]
    assert drops == [("UNNAMED", "__udp4_lib_rcv")]
    assert "reasons of drops: kfree_skb of this kernel does not give them" in found["lacking"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_as_on_6_1_everything_needed_is_there(lab: Fabric, backend: str) -> None:
    found = as_if(lab, backend, YOUNG)
    assert (found["level"], found["reasons"], len(found["lacking"])) == ("full", True, 4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_look_ups_the_packets_are_still_counted(lab: Fabric, backend: str) -> None:
    found = as_if(lab, backend, "fib_table_lookup")
    assert (found["level"], found["selftest"]["wrong"]) == ("partial", [])
    assert {"sent", "received", "dropped"} <= set(found["points"])
    assert found["lacking"] == ["routed: this kernel has no tracepoint fib_table_lookup"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_nothing_to_attach_to_there_is_no_evidence(lab: Fabric, backend: str) -> None:
    every = "net_dev_start_xmit netif_receive_skb kfree_skb fib_table_lookup tcp_retransmit_skb"
    found = as_if(lab, backend, f"{every} {YOUNG}")
    assert (found["level"], found["points"]) == ("none", [])
