"""A preview of a thousand nodes is read and shown in seconds, on a page that is as long as that of four."""

from __future__ import annotations

import json
import time
from typing import Any

from underlay import remote
from underlay.report.page_html import html
from underlay.report.page_markdown import LONGEST, markdown
from underlay.report.review.answers import Case, answers
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.page import review
from underlay.report.review.preview import read_preview

NODES, RACKS, SECONDS, BYTES = 1000, 25, 5.0, 2_000_000


def event(kind: str, name: str, old: Any, new: Any) -> str:
    urn = f"urn:pulumi:big::p::{kind}::{name}"
    states = {side: {"inputs": inputs} for side, inputs in (("old", old), ("new", new))}
    return json.dumps({"resourcePreEvent": {"metadata": {"op": "update", "urn": urn, "type": kind, **states}}})


def node(number: int, mtu: int) -> dict[str, str]:
    told = {"node": f"node-{number}", "uplinks": {"eth0": mtu}, "gateways": ["192.0.2.1"], "settings": {"a/b": "1"}}
    return {"stdin": remote.request("prepare_node", told)}


def rack(number: int) -> dict[str, Any]:
    names = [f"node-{one}" for one in range(number, NODES + 1, RACKS)]
    peer = {"name": f"leaf-{number}", "peerAddress": "192.0.2.1", "peerASN": 65000 + number}
    selector = {"matchExpressions": [{"values": names}]}
    return {"spec": {"nodeSelector": selector, "bgpInstances": [{"localASN": 64600, "peers": [peer]}]}}


def router(hold: int) -> str:
    lines = (f"neighbor 192.0.2.{one} timers 3 {hold if one == 1 else 9}" for one in range(1, 251))
    return "\n".join(lines)


def preview() -> str:
    numbers = range(1, NODES + 1)
    peer = [{"spec": {"timers": {"holdTimeSeconds": hold}}} for hold in (9, 30)]
    texts = [{"texts": {f"leaf-{one}": router(hold) for one in range(1, 51)}} for hold in (9, 30)]
    racks = [
        event("kubernetes:cilium.io/v2:CiliumBGPClusterConfig", f"r{one}", rack(one), rack(one))
        for one in range(1, RACKS + 1)
    ]
    return "\n".join(
        [
            *(
                event("command:remote:Command", f"prepare-node-{one}", node(one, 1500), node(one, 9000))
                for one in numbers
            ),
            event("kubernetes:cilium.io/v2:CiliumBGPPeerConfig", "underlay", *peer),
            event("underlay:router:Configuration", "routers", *texts),
            event("underlay:cluster:Cluster", "big", {"podMask": 24}, {"podMask": 24}),
            *racks,
            json.dumps({"summaryEvent": {}}),
        ]
    )


def test_a_thousand_nodes_take_seconds() -> None:
    text = preview()
    begun = time.process_time()
    found = read_preview(text)
    case = Case(changes(found), judged(found), None)
    page = review(case, "big")
    made, comment = html(page), markdown(page)
    assert time.process_time() - begun < SECONDS
    told = answers(case)
    assert told["Which nodes does it work on?"] == "1000 nodes: node-1 to node-1000."
    assert told["Which BGP sessions reset, come or go?"].startswith("1000 reset (hold time 9 -> 30 s)")
    assert "node-1 to node-1000 (1000)" in made
    assert len(made.encode()) < BYTES
    assert len(comment) < LONGEST + 5000
