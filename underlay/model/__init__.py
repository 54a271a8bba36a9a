"""The site as it is declared: typed, frozen, every mistake at once; no I/O, no Pulumi."""

from __future__ import annotations

from underlay.model.access import Bastion, Ssh
from underlay.model.base import Model
from underlay.model.cilium import Certificates, Cilium, HostRouting
from underlay.model.cluster import Addresses, Bgp, Cluster, Growth, Origin, OtherCluster, Pods, Timers
from underlay.model.fabric import (
    SHARED_GATEWAY,
    Egress,
    Link,
    Management,
    Neighbor,
    Node,
    Platform,
    Rack,
    Router,
    Routes,
    SecurityGroup,
    Uplink,
)
from underlay.model.host_keys import load_host_keys
from underlay.model.intrusion import Capture, Engine, IntrusionDetection
from underlay.model.policies import Policies
from underlay.model.site import Site, Verification, load_site

__all__ = [
    "SHARED_GATEWAY",
    "Addresses",
    "Bastion",
    "Bgp",
    "Capture",
    "Certificates",
    "Cilium",
    "Cluster",
    "Egress",
    "Engine",
    "Growth",
    "HostRouting",
    "IntrusionDetection",
    "Link",
    "Management",
    "Model",
    "Neighbor",
    "Node",
    "Origin",
    "OtherCluster",
    "Platform",
    "Pods",
    "Policies",
    "Rack",
    "Router",
    "Routes",
    "SecurityGroup",
    "Site",
    "Ssh",
    "Timers",
    "Uplink",
    "Verification",
    "load_host_keys",
    "load_site",
]
