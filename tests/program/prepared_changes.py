"""Prepared changes of the dev site, and what a reviewer has to read of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lab.paths import cache as toolchain
from tests.program import recorder
from tests.program.preview_events import events
from tests.unit.plan_sites import Change, Data, dev, put
from underlay.model import load_site
from underlay.report.review.answers import Case
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.preview import read_preview
from underlay.report.review.ways import moved

OLD_VERSION, OLD_CHART = "1.19.6", str(toolchain() / "chart/cilium-1.19.6")
OTHER_PODS = "10.245.0.0/16"


def add_worker(data: Data) -> None:
    """Add a node."""
    management = {"address": "192.168.250.15", "user": "root"}
    data["nodes"].append({**data["nodes"][3], "name": "worker-4", "address": "172.30.2.13", "management": management})
    data["security_groups"][0]["nodes"].append("worker-4")


def lose_worker(data: Data) -> None:
    """Take a node out."""
    data["nodes"] = [node for node in data["nodes"] if node["name"] != "worker-3"]
    data["security_groups"][0]["nodes"].remove("worker-3")


def new_mtu(data: Data) -> None:
    """Let every uplink take jumbo frames."""
    for node in data["nodes"]:
        node["uplinks"][0]["mtu"] = 9000


def other_number(data: Data) -> None:
    """Give a router another AS number, and tell its neighbour."""
    data["routers"][0]["asn"] = data["routers"][1]["neighbors"][0]["asn"] = 65111


def other_pods(data: Data) -> None:
    """Take the pods' addresses from another range."""
    data["addresses"]["pods"]["pools"] = [OTHER_PODS]
    for rule in data["security_groups"][0]["allow"]:
        rule["network"] = OTHER_PODS


def more_pods(data: Data) -> None:
    """Append a range for pods."""
    data["addresses"]["pods"]["pools"].append(OTHER_PODS)
    rules = data["security_groups"][0]["allow"]
    rules += [{**rule, "network": OTHER_PODS} for rule in rules]


def values(**more: Any) -> Change:
    """Give the chart further values."""
    return put("cilium.values", more)


def waiver(rule: str, change: str) -> Data:
    """Return what excuses a change that a cluster cannot follow."""
    why = {"reason": "no pod runs yet", "allowed_by": "net", "until": "2999-12-31"}
    return {"waivers": [{"rule": rule, "change": change, **why}]}


@dataclass(frozen=True)
class Prepared:
    """One change, and the answers that differ from those of no change."""

    made: Change
    answers: Mapping[str, str]
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else the stack declares afterwards."""
    version: str = ""
    """The version of Cilium that was applied, where it is another one."""

    def case(self) -> Case:
        """Return its review."""
        return case(self.made, version=self.version, **self.more)


@cache
def applied(version: str = "") -> recorder.Run:
    """Return the run for the dev site as it was applied."""
    return recorder.run(dev(put("cilium.version", version)), chart=OLD_CHART) if version else recorder.run(dev())


def case(*made: Change, version: str = "", **other: Any) -> Case:
    """Return the review of the dev site with some changes, on top of the dev site as it was applied."""
    after = recorder.run(dev(*made), state=recorder.state_of(dev()), **other)
    preview = read_preview(events(applied(version), after))
    return Case(changes(preview), judged(preview), moved(load_site(dev()), load_site(dev(*made))))


EVERY_AGENT = "Yes, on all 4 nodes, node after node; routers keep each node's routes for 120 s."
KEPT = "does not change what nodes and pods already have"
BOTH_ROUTERS = "2 routers: tor-a, tor-b."
NO_CHANGE = {
    "Is it refused?": "No.",
    "What would the engine do?": "No resource changes.",
    "Does any pod lose its address?": "No.",
    "Do agents restart?": "No.",
    "Which BGP sessions reset, come or go?": "None resets, comes or goes.",
    "Do pods take other ways?": "No.",
    "What must the routers get before we merge?": "Nothing.",
    "Which routers does the update configure?": "None.",
    "Which nodes does it work on?": "None.",
    "Which nodes join or leave?": "None.",
    "Does another program run as root?": "No: those that run are the ones of the last update.",
    "Do address ranges change?": "No.",
    "What changes of Cilium?": "Nothing.",
    "Is anything deleted or made anew?": "Nothing.",
    "What does the policy pack say?": "It was not asked.",
    "Which exceptions are in force?": "None.",
}
"""What a preview without any change answers; a change's row holds only what differs."""

CHANGES: dict[str, Prepared] = {
    "another worker": Prepared(
        add_worker,
        {
            "Which nodes join or leave?": "joining: worker-4.",
            "Which nodes does it work on?": "1 node: worker-4.",
            "Which BGP sessions reset, come or go?": "1 new; 4 were there before.",
            "Which routers does the update configure?": "1 router: tor-b.",
            "Do agents restart?": "No. Those of worker-4 start for the first time.",
        },
    ),
    "a worker less": Prepared(
        lose_worker,
        {
            "Which nodes join or leave?": "leaving: worker-3.",
            "Does any pod lose its address?": "Yes: pods of worker-3 start elsewhere.",
            "Which BGP sessions reset, come or go?": "1 gone; 4 were there before.",
            "Is anything deleted or made anew?": "prepare-worker-3.",
            "Which routers does the update configure?": "1 router: tor-b.",
        },
    ),
    "other timers": Prepared(
        put("bgp.timers.hold", 30),
        {
            "Which BGP sessions reset, come or go?": "4 reset (hold time 9 -> 30 s); 4 were there before.",
            "Which routers does the update configure?": BOTH_ROUTERS,
        },
    ),
    "another way to forward": Prepared(
        put("cilium.host_routing", "bpf"),
        {
            "Do agents restart?": EVERY_AGENT,
            "Which nodes does it work on?": "4 nodes: cp-1, worker-1 to worker-3.",
            "What changes of Cilium?": "2 changes: disrupts pod traffic, restarts all agents.",
        },
    ),
    "a router that is not ours any more": Prepared(
        put("routers.1.managed", False),
        {
            "Is anything deleted or made anew?": "configure-tor-b.",
            "What must the routers get before we merge?": "The new text of tor-b, below, after the update.",
            "Which routers does the update configure?": "1 router: tor-b.",
            "Which exceptions are in force?": "transition-router-handed-over.",
        },
        waiver("transition-router-handed-over", "tor-b: true -> tor-b: false"),
    ),
    "larger packets": Prepared(
        new_mtu,
        {"Which nodes does it work on?": "4 nodes: cp-1, worker-1 to worker-3."},
    ),
    "a router with another number": Prepared(
        other_number,
        {
            "Which BGP sessions reset, come or go?": (
                "2 reset (AS of tor-a 65101 -> 65111, which resets its other sessions too); 4 were there before."
            ),
            "Which routers does the update configure?": BOTH_ROUTERS,
        },
    ),
    "another number of all nodes": Prepared(
        put("bgp.asn", 65020),
        {
            "Which BGP sessions reset, come or go?": "4 reset (AS of the nodes 65010 -> 65020); 4 were there before.",
            "Which routers does the update configure?": BOTH_ROUTERS,
        },
    ),
    "another router id of a node": Prepared(
        put("nodes.1.router_id", "192.0.2.12"),
        {
            "Which BGP sessions reset, come or go?": (
                "1 reset (router id of worker-1 its address -> 192.0.2.12); 4 were there before."
            ),
        },
    ),
    "another version of Cilium": Prepared(
        lambda _: None,
        {
            "Do agents restart?": EVERY_AGENT,
            "What changes of Cilium?": (
                "version 1.19.6 -> 1.20.2, 13 changes besides: replaces the programs of every link, "
                "restarts all agents, restarts the operator."
            ),
        },
        version=OLD_VERSION,
    ),
    "another range of pods": Prepared(
        other_pods,
        {
            "Does any pod lose its address?": "Yes: pod pools 10.244.0.0/16 -> 10.245.0.0/16.",
            "Do agents restart?": EVERY_AGENT,
            "Which routers does the update configure?": BOTH_ROUTERS,
            "What changes of Cilium?": f"2 changes: disrupts pod traffic, {KEPT}, restarts all agents.",
            "Which exceptions are in force?": "transition-pod-pools.",
            "Do address ranges change?": (
                "pod pools 10.244.0.0/16 -> 10.245.0.0/16; routed without encapsulation 10.244.0.0/16 -> 10.245.0.0/16."
            ),
        },
        waiver("transition-pod-pools", "10.244.0.0/16 -> 10.245.0.0/16"),
    ),
    "a further range of pods": Prepared(
        more_pods,
        {
            "Do agents restart?": EVERY_AGENT,
            "Which routers does the update configure?": BOTH_ROUTERS,
            "What changes of Cilium?": f"2 changes: disrupts pod traffic, {KEPT}, restarts all agents.",
            "Do address ranges change?": (
                "pod pools 10.244.0.0/16 -> 10.244.0.0/16, 10.245.0.0/16; "
                "routed without encapsulation 10.244.0.0/16 -> 10.244.0.0/15."
            ),
        },
    ),
    "smaller networks of pods": Prepared(
        put("addresses.pods.mask", 25),
        {
            "Does any pod lose its address?": "Yes: pod network of a node /24 -> /25.",
            "Do agents restart?": EVERY_AGENT,
            "Which routers does the update configure?": BOTH_ROUTERS,
            "Do address ranges change?": "pod network of a node /24 -> /25.",
            "What changes of Cilium?": f"1 change: {KEPT}, restarts all agents.",
            "Which exceptions are in force?": "transition-pod-mask.",
        },
        waiver("transition-pod-mask", "24 -> 25"),
    ),
    "agents that restart one by one": Prepared(
        values(updateStrategy={"rollingUpdate": {"maxUnavailable": 1}}), {"What changes of Cilium?": "1 change."}
    ),
    "agents with another limit": Prepared(
        values(resources={"limits": {"memory": "2Gi"}}),
        {"Do agents restart?": EVERY_AGENT, "What changes of Cilium?": "1 change: restarts all agents."},
    ),
    "another mark of the operator": Prepared(
        values(operator={"podAnnotations": {"a": "1"}}), {"What changes of Cilium?": "1 change: restarts the operator."}
    ),
    "a value of no pod": Prepared(
        values(operator={"pprof": {"enabled": False}}),
        {"What changes of Cilium?": "Values only; nothing of the agents or the operator."},
    ),
}
