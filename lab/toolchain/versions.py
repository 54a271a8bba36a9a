"""What is pinned, in one table; the Go modules' own pins stand in their go.mod and go.sum."""

from __future__ import annotations

PULUMI = "3.259.0"
KUBERNETES_PROVIDER = "4.25.0"
COMMAND_PROVIDER = "1.2.1"
KUBERNETES = "1.34.1"
CILIUM = "1.20.2"
FORMER = "1.19.6"
"""The newest of the minor version before, from which an upgrade comes; only tests of upgrades ask for it."""
GOBGP = "4.8.0"
"""That of the agent: lab/toolchain/cilium/go.mod."""
HELM = "3.18.6"
LOOPBACK = "1.7.1"
COREDNS = "1.13.1"
RUNC_CAPS = "1"
PAUSE = "1"
PROBE = "1"
DEBIAN = "bookworm"
BACKPORTS = f"{DEBIAN}-backports"
CLANG = "19"

GO_MINIMUM = (1, 26)
GO_PACKAGE = "1.26.6"
GO_PACKAGE_SHA256 = "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"

PROVIDER_MODULE = "v4.0.0-20260115033456-f47bc2d6f199"

NODE_PACKAGES = (
    *("containerd", "runc", "conntrack", "socat", "tini", "etcd-server", "etcd-client"),
    *("iproute2", "iptables", "nftables", "ipset", "ebtables", "ethtool", "kmod", "procps"),
    *("frr", "bird2", "openssh-server", "sudo", "curl", "iputils-ping"),
    *("python3", "python3-bpfcc", "python3-pyroute2", "linux-headers-amd64"),
)
AGENT_IMAGE_PACKAGES = (
    *("iproute2", "iptables", "ipset", "kmod", "mount", "util-linux", "ca-certificates"),
    *(f"libclang-cpp{CLANG}", f"libllvm{CLANG}"),
)
COMPILER_PACKAGES = (f"clang-{CLANG}", f"libclang-common-{CLANG}-dev")
ENGINE_PACKAGES = ("suricata",)
"""Intrusion detection: Debian 12 itself has no such engine, its backports have this one."""
PROBE_PACKAGES = ("python3", "curl", "iputils-ping", "iproute2")
