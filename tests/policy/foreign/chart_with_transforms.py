"""A team that renders the chart itself and renames what it makes."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
cluster = k8s.Provider("prod", render_yaml_to_directory="rendered")


def prefixed(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Put the platform team's name and labels on every object."""
    metadata: Any = args.props.get("metadata")
    if not metadata:
        return None
    renamed = {**metadata, "name": f"platform-{metadata['name']}", "labels": {"owner": "platform"}}
    return pulumi.ResourceTransformResult({**args.props, "metadata": renamed}, args.opts)


k8s.helm.v4.Chart(
    "network",
    chart=config.require("chart"),
    namespace="kube-system",
    values={
        "routingMode": "native",
        "ipv4NativeRoutingCIDR": "10.20.0.0/16",
        "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.20.0.0/16"], "clusterPoolIPv4MaskSize": 24}},
        "hubble": {"enabled": False},
        "envoy": {"enabled": False},
        "l7Proxy": False,
    },
    opts=pulumi.ResourceOptions(provider=cluster, transforms=[prefixed]),
)
