"""Facts about a node that nothing may change: kernel, mounts, interfaces, routes, traces of another network plug-in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from underlay.remote.machine import Trouble, read, run

Input = dict[str, Any]
Check = Callable[[Path, Input], Iterator[Trouble]]

CILIUM_CNI = "05-cilium.conflist"


def kernel_has_btf(root: Path, _data: Input) -> Iterator[Trouble]:
    """Require the kernel's own description of its structures, by which Cilium and the verifier read them."""
    if not (root / "sys/kernel/btf/vmlinux").exists():
        yield Trouble(
            "kernel-btf-missing", "/sys/kernel/btf/vmlinux", "nothing", "BTF", "Use a kernel with DEBUG_INFO_BTF."
        )


def kernel_has_filesystems(root: Path, _data: Input) -> Iterator[Trouble]:
    """Require both kinds that the agent mounts."""
    known = read(root / "proc/filesystems").split()
    for kind in ("bpf", "cgroup2"):
        if kind not in known:
            yield Trouble("kernel-filesystem-missing", "/proc/filesystems", f"no {kind}", f"{kind} in this kernel")


def uplinks_are_as_declared(root: Path, data: Input) -> Iterator[Trouble]:
    """Require each uplink, carrying packets of the declared size."""
    for name, mtu in data["uplinks"].items():
        found = read(root / "sys/class/net" / name / "mtu").strip()
        if not found:
            there = ", ".join(sorted(path.name for path in (root / "sys/class/net").glob("*")))
            yield Trouble("uplink-missing", f"interface {name}", f"only {there}", f"an interface {name}")
        elif found != str(mtu):
            yield Trouble(
                "uplink-mtu-differs", f"interface {name}", f"MTU {found}", f"MTU {mtu}", "Correct one of them."
            )


def address_is_on_an_uplink(_root: Path, data: Input) -> Iterator[Trouble]:
    """Require the node's address in each segment where the site says, with the segment's prefix length."""
    _, text = run("ip", "-json", "-4", "address", "show")
    found = {
        f"{address['local']}/{address['prefixlen']}": link["ifname"]
        for link in _json(text)
        for address in link.get("addr_info", [])
    }
    there = ", ".join(f"{address} on {name}" for address, name in sorted(found.items()) if name != "lo")
    for address in data["addresses"]:
        if found.get(address) not in data["uplinks"]:
            expected = f"{address} on {' or '.join(data['uplinks'])}"
            yield Trouble("node-address-missing", "the node's interfaces", there or "no address", expected)


def pods_are_behind_an_uplink(_root: Path, data: Input) -> Iterator[Trouble]:
    """Require a route for pods by an uplink: BGP only advertises, it gives the node no routes."""
    _, text = run("ip", "-json", "-4", "route", "get", data["pod_address"])
    device = next((route.get("dev", "") for route in _json(text)), "")
    if device not in (*data["uplinks"], "cilium_host"):
        expected = f"a route by {' or '.join(data['uplinks'])}"
        fix = "Give the node a default route to its rack's gateway."
        yield Trouble("pod-route-not-by-uplink", f"route to {data['pod_address']}", device or text, expected, fix)


def no_other_plugin(root: Path, _data: Input) -> Iterator[Trouble]:
    """Require a node without traces of another network plug-in: only a new cluster may run Cilium."""
    files = sorted(
        path.name for path in (root / "etc/cni/net.d").glob("*") if path.suffix in (".conf", ".conflist", ".json")
    )
    if foreign := [name for name in files if name != CILIUM_CNI]:
        yield Trouble("foreign-cni-config", "/etc/cni/net.d", ", ".join(foreign), f"nothing, or {CILIUM_CNI} alone")


CHECKS: tuple[Check, ...] = (
    kernel_has_btf,
    kernel_has_filesystems,
    uplinks_are_as_declared,
    address_is_on_an_uplink,
    pods_are_behind_an_uplink,
    no_other_plugin,
)


def problems(root: Path, data: Input) -> list[dict[str, str]]:
    """Return what every check finds, all at once."""
    return [trouble.finding for check in CHECKS for trouble in check(root, data)]


def _json(text: str) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return []
    return [item for item in parsed if isinstance(item, dict)] if isinstance(parsed, list) else []
