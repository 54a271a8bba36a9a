"""A team that keeps Cilium's manifests as Python."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as k8s

cluster = k8s.Provider("prod", render_yaml_to_directory="rendered")
here = pulumi.ResourceOptions(provider=cluster)
labels = {"k8s-app": "cilium"}
digest = "sha256:" + "0" * 64

k8s.core.v1.ConfigMap(
    "settings",
    metadata={"name": "cilium-config", "namespace": "kube-system"},
    data={
        "routing-mode": "native",
        "ipv4-native-routing-cidr": "10.20.0.0/16",
        "cluster-pool-ipv4-cidr": "10.20.0.0/16",
        "cluster-pool-ipv4-mask-size": "24",
        "enable-bgp-control-plane": "true",
    },
    opts=here,
)
k8s.apps.v1.DaemonSet(
    "agents",
    metadata={"name": "cilium", "namespace": "kube-system", "labels": labels},
    spec={
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "cilium-agent", "image": f"quay.io/cilium/cilium@{digest}"}]},
        },
    },
    opts=here,
)
k8s.apiextensions.CustomResource(
    "adverts",
    api_version="cilium.io/v2",
    kind="CiliumBGPAdvertisement",
    metadata={"name": "pods", "labels": {"advertise": "bgp"}},
    spec={"advertisements": [{"advertisementType": "PodCIDR"}]},
    opts=here,
)
k8s.apiextensions.CustomResource(
    "peers",
    api_version="cilium.io/v2",
    kind="CiliumBGPPeerConfig",
    metadata={"name": "leafs"},
    spec={
        "families": [{"afi": "ipv4", "safi": "unicast", "advertisements": {"matchLabels": {"advertise": "bgp"}}}],
        "timers": {"holdTimeSeconds": 9, "keepAliveTimeSeconds": 3},
    },
    opts=here,
)
