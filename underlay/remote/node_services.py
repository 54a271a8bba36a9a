"""What else runs on a node and would undo Cilium's work: other plug-ins, speakers, filters, network managers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from bpf.programs import MIRROR
from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System
from underlay.remote.node_kernel import why
from underlay.remote.node_sockets import listeners
from underlay.remote.node_sysctl import OURS, in_order

CILIUM_CNI = "05-cilium.conflist"
CILIUM = "cilium"
"""How the names of Cilium's own programs, in memory and in the kernel, begin; `cil_` in the kernel."""
TABLES = ("200", "202", "2004", "2005")
"""Routing tables that Cilium takes for its own."""
BGP = 179
LOCAL = 100
"""Priority to which agents with the L7 proxy move the rule for the node's own addresses; without it, it is 0."""
NO_PROGRAM = 127
"""Exit code of a shell, and of `run`, for a program that is not there."""
NETWORKD = ("usr/lib/systemd/networkd.conf.d", "run/systemd/networkd.conf.d", "etc/systemd/networkd.conf.d")
NETWORK_MANAGER = ("usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d")
"""Folders whose files are read in the order of their names, after the service's one file; weakest first: a file hides
those of its name in the folders before."""
LINKS = ("interface-name:cilium_*", "interface-name:lxc*")
UNMANAGED = re.compile(r"^\s*unmanaged-devices\s*(-?)=\s*(.*?)\s*$", re.MULTILINE)
"""A list in place of all before it, or one taken from them; `+=` takes nothing away."""
FOREIGN = re.compile(
    r"^\s*(ManageForeign(?:Routes|RoutingPolicyRules))\s*=\s*(yes|true|on|1)\s*$", re.MULTILINE | re.IGNORECASE
)


def no_other_plugin(system: System, _data: Input) -> Iterator[Trouble]:
    """Require a node without traces of another network plug-in: only a new cluster may run Cilium."""
    files = [name for name in system.names("etc/cni/net.d") if name.endswith((".conf", ".conflist", ".json"))]
    if foreign := [name for name in files if name != CILIUM_CNI]:
        yield Trouble("foreign-cni-config", "/etc/cni/net.d", ", ".join(foreign), f"nothing, or {CILIUM_CNI} alone")


def ports_are_free(system: System, data: Input) -> Iterator[Trouble]:
    """Require the ports that agents listen on: one that cannot listen starts again and again."""
    for port, owner in listeners(system).items():
        if port in data["ports"] and not owner.startswith(CILIUM):
            yield Trouble("port-taken", f"TCP port {port}", f"{owner} listens", "a free port", "Move that service.")


def no_other_speaker(system: System, _data: Input) -> Iterator[Trouble]:
    """Require no other BGP speaker: two of one address reset each other's sessions."""
    owner = listeners(system).get(BGP, "")
    if owner and not owner.startswith(CILIUM):
        yield Trouble("bgp-speaker-foreign", f"TCP port {BGP}", f"{owner} listens", "no BGP speaker but Cilium")


def routing_tables_are_free(system: System, _data: Input) -> Iterator[Trouble]:
    """Require the tables that Cilium takes for its own to be empty before it comes."""
    rules = {str(row.get("table", "")) for row in system.rows("ip", "-json", "-4", "rule", "show")}
    for table in TABLES if not system.runs_cilium else ():
        rows = system.rows("ip", "-json", "-4", "route", "show", "table", table)
        if rows or table in rules:
            found = f"{len(rows)} routes" if rows else "a rule that leads there"
            yield Trouble("routing-table-taken", f"routing table {table}", found, "nothing: Cilium uses it")


def own_addresses_come_first(system: System, data: Input) -> Iterator[Trouble]:
    """Require no routing rule before the node's own addresses, whose table the L7 proxy moves from 0 to 100."""
    for row in system.rows("ip", "-json", "-4", "rule", "show") if data["l7_proxy"] else ():
        table = str(row.get("table", ""))
        if int(row.get("priority", 0)) < LOCAL and table not in {"local", *TABLES}:
            found = f"priority {row['priority']}, table {table or 'none'}"
            fix = "Packets for the node itself follow that rule; give it a priority above 100."
            yield Trouble("routing-rule-before-local", "routing rules", found, f"priority {LOCAL} or more", fix)


def no_kube_proxy_rules(system: System, data: Input) -> Iterator[Trouble]:
    """Require no rules of kube-proxy where Cilium replaces it: services would be translated twice."""
    if not data["kube_proxy_replacement"]:
        return
    code, text = system.ask("iptables-save", "-t", "nat")
    left = len(re.findall(r"^:KUBE-(?:SVC|SEP)-", text, re.MULTILINE)) if code == 0 else 0
    if left or system.there("sys/class/net/kube-ipvs0"):
        found = f"{left} chains of services" if left else "the device kube-ipvs0"
        yield Trouble("kube-proxy-rules-left", "nat table", found, "none", "Run `kube-proxy --cleanup` on the node.")


def forwarding_is_allowed(system: System, data: Input) -> Iterator[Trouble]:
    """Require that the host's filter forwards by default, where pods' packets pass through it."""
    if data["host_routing"] != "legacy":
        return
    text = system.ask("iptables", "-S", "FORWARD")[1] + "\n" + system.ask("nft", "list", "chains")[1]
    if re.search(r"^-P FORWARD DROP$|hook forward .*policy drop", text, re.MULTILINE):
        fix = "Set the policy to accept, or choose host_routing: bpf."
        yield Trouble("forward-policy-drop", "FORWARD chain", "policy drop", "policy accept", fix)


def no_firewalld(system: System, _data: Input) -> Iterator[Trouble]:
    """Require firewalld to be off: its zones reject what it has not been told of, service answers among them."""
    if "firewalld" in system.ask("nft", "list", "tables")[1] or system.there("run/firewalld"):
        fix = "Disable it: `systemctl disable --now firewalld`."
        yield Trouble("firewalld-running", "firewalld", "at work", "not at work", fix)


def networkd_keeps_foreign_routes(system: System, _data: Input) -> Iterator[Trouble]:
    """Require that nobody tells systemd-networkd to remove Cilium's rules and routes."""
    for file in _after_ours(system, NETWORKD):
        for key, value in FOREIGN.findall(system.text(file)):
            yield Trouble("networkd-removes-routes", f"/{file}", f"{key}={value}", "no", f"It overrules {OURS}.")


def network_manager_leaves_links_alone(system: System, _data: Input) -> Iterator[Trouble]:
    """Require that no later file gives Cilium's links to NetworkManager, by a list of its own or by taking them out."""
    for file in _after_ours(system, NETWORK_MANAGER) if system.there("run/NetworkManager") else ():
        for less, value in UNMANAGED.findall(system.text(file)):
            if lacking := [link for link in LINKS if (link in value) == bool(less)]:
                found = f"unmanaged-devices{less}={value}"
                expected = f"{' and '.join(lacking)} in the list"
                yield Trouble("network-manager-takes-links", f"/{file}", found, expected, f"It overrules {OURS}.")


def _after_ours(system: System, folders: tuple[str, ...]) -> list[str]:
    """Return the files of some folders that a service reads after ours."""
    return [file for name, file in in_order(system, folders).items() if name > OURS]


def no_foreign_programs(system: System, data: Input) -> Iterator[Trouble]:
    """Require no other program at the uplinks' hooks: it may stop packets before Cilium sees them."""
    for device in data["uplinks"]:
        if not system.there(f"sys/class/net/{device}"):
            continue
        try:
            names = [*system.kernel.attached(device), *_classic(system, device), *_driver(system, device)]
        except OSError as error:
            names = [f"nothing readable: {why(error)}"]
        for name in names:
            if not name.startswith("cil_") and name != MIRROR:  # the verdict looks after our own
                yield Trouble("foreign-bpf-program", f"hooks of {device}", name, "Cilium's programs and our mirror")


def _classic(system: System, device: str) -> Iterator[str]:
    """Yield the names of a device's programs at the hooks that kernels before 6.6 have only; none without `tc`."""
    for hook in ("ingress", "egress"):
        code, text = system.ask("tc", "-json", "filter", "show", "dev", device, hook)
        if code == NO_PROGRAM:
            return
        if code or not text.startswith("["):
            raise OSError(code, f"tc: {text}")
        for row in json.JSONDecoder().raw_decode(text)[0]:  # a warning may follow
            options = row.get("options") or {}
            if name := (options.get("prog") or {}).get("name") or options.get("bpf_name"):
                yield str(name)


def _driver(system: System, device: str) -> Iterator[str]:
    """Yield the program in a device's driver; Cilium's own may bear no name that `ip` tells."""
    for row in system.rows("ip", "-json", "-details", "link", "show", "dev", device):
        program = (row.get("xdp") or {}).get("prog") or {}
        if program and not (system.runs_cilium and "name" not in program):
            yield str(program.get("name") or f"XDP program {program.get('id')}")


CHECKS: tuple[Check, ...] = (
    no_other_plugin,
    ports_are_free,
    no_other_speaker,
    routing_tables_are_free,
    own_addresses_come_first,
    no_kube_proxy_rules,
    forwarding_is_allowed,
    no_firewalld,
    networkd_keeps_foreign_routes,
    network_manager_leaves_links_alone,
    no_foreign_programs,
)
