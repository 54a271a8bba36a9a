"""Cluster nodes: a container runtime and an SSH server at first, kubelet once the installer was there."""

from __future__ import annotations

from lab.outfit import Outfit, Service
from lab.toolchain.store import image_names

CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "/opt/lab/bin/runc-caps"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""


IFUP = """
mkdir -p /run/network; echo {port}={port} >> /run/network/ifstate
IFACE={port} LOGICAL={port} ADDRFAM=inet MODE=start PHASE=post-up run-parts /etc/network/if-up.d
"""
"""What ifupdown does once an interface is up: it notes the interface and runs the scripts of its folder."""
IFUPDOWN = f"for port in $(ls /sys/class/net | grep -vx lo); do {IFUP.format(port='$port')} done"
"""The same at a start, for every interface."""


def node() -> Outfit:
    """Return a node as it leaves the rack: no kubelet, no CNI."""
    return Outfit(
        files={"/etc/containerd/config.toml": CONTAINERD.format(pause=image_names()["pause"])},
        commands=(("mkdir", "-p", "/etc/cni/net.d", "/opt/cni/bin", "/lib/modules"), ("sh", "-c", IFUPDOWN)),
        services={"containerd": Service(("containerd", "--config", "/etc/containerd/config.toml"))},
        disks=("/var/lib/containerd", "/var/lib/kubelet"),
        images="/var/lib/containerd",
    )
