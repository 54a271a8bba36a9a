"""A node's life without a lab: prepared, restarted, looked at again and again, and given back byte for byte."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import belongings
from tests.lab.bed import NODES, ROUTER, Bed, bed
from tests.lab.test_bastion import Stack, asked, drift

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(1200)]

RECORDER = '#!/bin/sh\necho "$0 $*" >> /run/told\n'
"""Stands in for programs of services that no namespace can run: it notes that it was called."""
TOLD = ["systemctl try-restart systemd-networkd.service", "nmcli general reload conf"]
"""What services are told whose files came or went."""
CILIUM = """
ip link add cilium_host type veth peer name cilium_net
ip link set cilium_host up; ip link set cilium_net up; ip address add 10.244.2.154/32 dev cilium_host
ip route add 10.244.2.0/24 dev cilium_host src 10.244.2.154
echo 1 > /proc/sys/net/ipv4/fib_multipath_use_neigh
ipset create cilium_node_set_v4 hash:ip
for hook in POSTROUTING PREROUTING; do
    iptables -t mangle -N CILIUM_$hook
    iptables -t mangle -A $hook -m comment --comment "cilium-feeder: CILIUM_$hook" -j CILIUM_$hook
done
iptables -t nat -N CILIUM_POST_nat
iptables -t nat -A CILIUM_POST_nat -s 10.244.2.0/24 -m set --match-set cilium_node_set_v4 dst -j ACCEPT
iptables -t nat -A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_nat" -j CILIUM_POST_nat
iptables -N CILIUM_FORWARD; iptables -A CILIUM_FORWARD -i lxc+ -j ACCEPT
iptables -I FORWARD -j CILIUM_FORWARD
mkdir -p /etc/cni/net.d /run/cilium/state /sys/fs/bpf/cilium/devices/eth0/links /sys/fs/bpf/tc/globals
mkdir /run/cilium/cgroupv2; mount -t tmpfs tmpfs /run/cilium/cgroupv2; mkdir /run/cilium/cgroupv2/pods
echo {} > /etc/cni/net.d/05-cilium.conflist
echo 'net.ipv4.conf.lxc*.rp_filter = 0' > /etc/sysctl.d/99-zzz-override_cilium.conf
"""
"""What agents of 1.20 have left on a node of the lab, made by the same tools."""
FOREIGN = """
mkdir -p /etc/cni/net.d
iptables -t nat -N KUBE-KUBELET-CANARY; iptables -N KUBE-FIREWALL; iptables -A FORWARD -j KUBE-FIREWALL
"""
"""What kubelet has made before."""
Held = dict[str, dict[str, dict[str, str]]]
RUNS = int(os.environ.get("UNDERLAY_RUNS", "1"))
"""Ordinary runs, of an update and of a look, that have to change and find nothing."""


@pytest.fixture(scope="module", params=["node", "stack"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed(tmp_path_factory.mktemp("bed"), two_routers=request.param == "stack", routes=request.param) as made:
        _with_services(made)
        yield made


def _with_services(there: Bed) -> None:
    """Let worker-2 run systemd-networkd and NetworkManager, with files of somebody else's beside ours."""
    box = there.boxes["worker-2"]
    for name in ("systemctl", "nmcli"):
        box.write(f"/usr/local/bin/{name}", RECORDER, "755")
    box.write("/etc/systemd/networkd.conf.d/10-site.conf", "[Network]\nSpeedMeter=yes\n")
    box.write("/etc/sysctl.d/50-site.conf", "net.ipv4.conf.all.log_martians = 1\nnet.ipv4.conf.all.rp_filter = 1\n")
    box.sh("mkdir -p /etc/NetworkManager /run/systemd/netif /run/NetworkManager; sysctl --quiet --system")
    there.boxes["worker-3"].sh(FOREIGN)
    box.sh("nft add table inet site; nft add chain inet site in; ip route add 198.18.7.0/24 via 172.30.2.1")


def held(there: Bed) -> Held:
    text = Path(belongings.__file__).read_text(encoding="utf-8")
    return {name: json.loads(there.boxes[name].run("python3", "-IB", "-", text=text)) for name in (ROUTER, *NODES)}


def left(before: Held, after: Held) -> list[str]:
    """Return what is not as it was before, on any machine."""
    return [f"{name}: {line}" for name in before for line in belongings.difference(before[name], after[name])]


def told(there: Bed) -> list[str]:
    """Return what worker-2's services were told since it was switched on."""
    return there.boxes["worker-2"].run("cat", "/run/told").replace("/usr/local/bin/", "").splitlines()


KEPT = {"node": [], "stack": ["10.244.0.0/16"]}
"""Destinations of the routes that are ours, by who gives nodes theirs."""


def routes(there: Bed) -> dict[str, list[str]]:
    """Return the destinations of our routes on each node."""
    show = ("ip", "-json", "-4", "route", "show", "proto", "85")
    return {name: [row["dst"] for row in json.loads(there.boxes[name].run(*show))] for name in NODES}


def test_a_node_is_kept_over_a_restart_and_given_back_byte_for_byte(there: Bed, tmp_path: Path) -> None:
    stack, before = Stack(tmp_path / "stack", there), held(there)
    code, text = stack.up()
    assert code == 0, text
    prepared = held(there)
    assert told(there) == TOLD
    changed = belongings.difference(before["worker-2"], prepared["worker-2"])
    assert {line.partition(":")[0] for line in changed} >= {
        "files /etc/sysctl.d/90-underlay.conf",
        "files /etc/systemd/networkd.conf.d/90-underlay.conf",
        "files /etc/NetworkManager/conf.d/90-underlay.conf",
        "files /var/lib/underlay/node.json",
        "settings net/ipv4/ip_forward",
    }
    assert routes(there) == dict.fromkeys(NODES, KEPT[there.site["racks"][0]["routes"]])
    there.restart("worker-3")
    there.boxes["worker-3"].sh(FOREIGN)
    assert drift(there, asked(there))[0] == 0
    ordinary = [(stack.up("--expect-no-changes")[0], drift(there, asked(there))[0]) for _ in range(RUNS)]
    assert ordinary == [(0, 0)] * RUNS
    assert "\n".join(left(prepared, held(there))) == ""
    assert told(there) == TOLD
    there.boxes["worker-3"].sh(CILIUM)
    code, text = stack.destroy()
    assert code == 0, text
    assert told(there) == TOLD * 2
    assert "\n".join(left(before, held(there))) == ""
