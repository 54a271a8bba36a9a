"""The cables: network namespaces, virtual links and bridges between operator, nodes and routers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.hardware import OPERATOR, SEGMENT, VIRTUAL_MAC, Cable, Hardware, Machine, operator_address
from lab.paths import cache
from lab.ports import rules

POWER_ON = {
    "ip_forward": "0",
    "fib_multipath_hash_policy": "0",
    "conf/*/rp_filter": "0",
    "conf/*/send_redirects": "1",
    "conf/*/accept_redirects": "1",
}
"""Linux's own defaults below net/ipv4; a new network namespace would copy the host's values."""


def power(hardware: Hardware) -> None:
    """Make the operator's network, every machine's network, and all cables."""
    address = operator_address(hardware.site)
    operator = ["link set lo up", "link add oob type bridge", "link set oob up"]
    operator += [f"address add {address} dev oob"] if address else []
    run_ip([*operator, *(f"netns add {name}" for name in (*hardware.machines, *hardware.switches))])
    for switch in hardware.switches:
        run_ip([f"link add {SEGMENT} type bridge", f"link set {SEGMENT} up"], switch)
    for machine in hardware.machines.values():
        run_ip([f"link add {bridge} type bridge" for bridge in machine.bridges], machine.name)
    _plug(hardware.cables)
    for owner in (*hardware.machines, *hardware.switches):
        _filter(owner, rules(hardware, owner))
    for machine in hardware.machines.values():
        virtual = f"address {VIRTUAL_MAC} type macvlan mode private"
        run_ip([f"link add link {parent} name {port} {virtual}" for port, parent in machine.shared], machine.name)


def _filter(owner: str, text: str) -> None:
    """Bring a packet filter into a network, by the program of the machines' own root tree."""
    words = ["ip", "netns", "exec", owner, "chroot", str(cache() / "noderoot"), "nft", "-f", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False) if text else None
    if done and done.returncode:
        raise OSError(f"packet filter of {owner}: {done.stderr.strip()}")


def replug(machine: Machine, hardware: Hardware) -> None:
    """Do to the network what a power-off does: a node's is made anew, a router's ports go down but stay."""
    if machine.kind != "node":
        ports = [port for port, _ in machine.addresses if port not in {"lo", "mgmt0"}]
        run_ip([f"link set {port} down" for port in ports], machine.name)
        return
    cables = hardware.cables_of(machine.name)
    for cable in cables:
        run_ip([f"link delete {cable.far_port}"], cable.far)
    run_ip([f"netns delete {machine.name}", f"netns add {machine.name}"])
    _plug(cables)


def connect(machine: Machine, hardware: Hardware) -> None:
    """Set the machine's addresses and the settings that Linux itself would boot with; runs in its network."""
    mtu = {cable.port: cable.mtu for cable in hardware.cables_of(machine.name)}
    run_ip(["link set lo up", *_addresses(machine, mtu)])
    for pattern, value in POWER_ON.items():
        for path in Path("/proc/sys/net/ipv4").glob(pattern):
            path.write_text(value)
    if machine.shared:  # two ports in one segment: each answers for its own address only
        Path("/proc/sys/net/ipv4/conf/all/arp_ignore").write_text("1")


def _addresses(machine: Machine, mtu: dict[str, int]) -> Iterator[str]:
    for port, address in machine.addresses:
        yield f"address replace {address} dev {port}"
        yield f"link set {port} up" + (f" mtu {mtu[port]}" if port in mtu else "")
    if machine.gateways:
        hops = " ".join(f"nexthop via {gateway}" for gateway in machine.gateways)
        yield f"route replace default {hops}"


def _plug(cables: tuple[Cable, ...]) -> None:
    """Make the cables; their far ends come up at once, their owners' ends when the owners boot."""
    run_ip([_cable(cable) for cable in cables])
    for far in {cable.far for cable in cables}:
        run_ip([_far_end(cable) for cable in cables if cable.far == far], far)


def _cable(cable: Cable) -> str:
    far = "" if cable.far == OPERATOR else f"netns {cable.far}"
    near = f"link add {cable.port} netns {cable.owner} address {cable.mac} type veth"
    return f"{near} peer name {cable.far_port} {far}"


def _far_end(cable: Cable) -> str:
    bridge = f" master {cable.bridge}" if cable.bridge else ""
    return f"link set {cable.far_port} mtu {cable.mtu}{bridge} up"


def run_ip(lines: list[str], network: str = OPERATOR) -> None:
    """Run `ip` commands in one go, in a machine's network or the operator's."""
    command = ["ip", *([] if network == OPERATOR else ["-n", network]), "-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
