"""A team that has always installed its charts like this."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
cluster = k8s.Provider("prod", kubeconfig=config.get("kubeconfig") or "{}")

k8s.helm.v3.Release(
    "cni",
    k8s.helm.v3.ReleaseArgs(
        chart=config.require("chart"),
        namespace="kube-system",
        values={
            "routingMode": "native",
            "ipv4NativeRoutingCIDR": "10.20.0.0/16",
            "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.20.0.0/16"], "clusterPoolIPv4MaskSize": 24}},
        },
    ),
    opts=pulumi.ResourceOptions(provider=cluster),
)
