"""The small fabric's plan: addresses, what is expected of it, and what the Kubernetes API would say of it."""

from __future__ import annotations

import os

from underlay.judge.evidence import Front, NodeSession, Survey, Surveyed
from underlay.model import Platform
from underlay.plan.verification import Expected, ExpectedNode, ExpectedRouter, ExpectedSession, Link

POOL = f"10.{64 + os.getpid() % 128}"
"""The pods' pool is each run's own: nodes find their pod's namespace by its address, and all runs share one kernel."""
PODS = {"node1": f"{POOL}.1.10", "node2": f"{POOL}.2.10"}
ADDRESSES = {"node1": "192.168.11.2", "node2": "192.168.12.2"}
GATEWAYS = {"node1": "192.168.11.1", "node2": "192.168.12.1"}
NETWORKS = {"node1": f"{POOL}.1.0/24", "node2": f"{POOL}.2.0/24"}
EXPECTED = Expected.model_validate(
    {
        "cluster": "mini",
        "pool": f"{POOL}.0.0/16",
        "mask": 24,
        "host_routing": "legacy",
        "asn": 65001,
        "service": {"replaced": False},
        "nodes": [
            ExpectedNode.model_validate(
                {
                    "name": name,
                    "rack": "rack",
                    "address": ADDRESSES[name],
                    "gateways": [GATEWAYS[name]],
                    "peers": [{"router": "tor", "asn": 65000, "address": GATEWAYS[name]}],
                    "uplinks": [Link(name="eth0", mtu=1500)],
                }
            )
            for name in PODS
        ],
        "routers": [
            ExpectedRouter.model_validate(
                {
                    "name": "tor",
                    "platform": Platform.FRR,
                    "asn": 65000,
                    "managed": True,
                    "sessions": [
                        ExpectedSession.model_validate({"peer": name, "address": ADDRESSES[name], "asn": 65001})
                        for name in PODS
                    ],
                    "next_hops": {name: [ADDRESSES[name]] for name in PODS},
                }
            )
        ],
    }
)
PORT = EXPECTED.port
KUBELET = 10250
SERVICE = "198.51.100.7"
"""Address of the service in front of both pods; each pod's own kernel translates it, as there is no Cilium."""
SURVEY = Survey(
    service=Front(address=SERVICE, pods=tuple(PODS.values())),
    nodes={
        name: Surveyed(
            ready=True,
            pod_cidrs=(NETWORKS[name],),
            agent="cilium",
            agent_ready=True,
            probe=PODS[name],
            kubelet=KUBELET,
            sessions=(NodeSession(address=GATEWAYS[name], asn=65000, state="established"),),
        )
        for name in PODS
    },
)
