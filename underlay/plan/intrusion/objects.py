"""The objects of intrusion detection: a namespace, a ConfigMap and a DaemonSet for nodes that capture alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from underlay.model import Engine, IntrusionDetection, Site
from underlay.model.intrusion import Capture
from underlay.plan.digest import digest
from underlay.plan.intrusion import pods, snort, suricata
from underlay.plan.intrusion.capture import engine_nodes, interfaces
from underlay.plan.intrusion.words import NETS, PORTS
from underlay.plan.once import per_site
from underlay.sources import mirror

NAME = "underlay-ids"
"""Namespace, label and name of everything here."""
RULES = "site.rules"
UPDATED = "*.rules"
LARGEST = 9216
"""Bytes of a packet on an interface whose MTU the site does not tell."""
HOST_NAME = "kubernetes.io/hostname"

Object = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Nodes whose engines read the same interfaces."""

    name: str
    nodes: tuple[str, ...]
    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """What the nodes of a group get."""

    group: Group
    config_map: Object
    """The engine's configuration and rules, and the mirror's program where there is a mirror."""
    daemon_set: Object
    """A change of configuration, rules or program restarts its pods, some nodes at a time."""


@per_site
def made(site: Site) -> tuple[Made, ...]:
    """Return what each group of nodes gets; nothing where the site has no engine."""
    declared = site.intrusion_detection
    return tuple(_made(site, declared, group) for group in groups(site, declared)) if declared else ()


def everything(site: Site) -> tuple[Object, ...]:
    """Return all objects of the site's engines; nothing where it has none."""
    found = made(site)
    return (namespace(), *(item for one in found for item in (one.config_map, one.daemon_set))) if found else ()


def groups(site: Site, declared: IntrusionDetection) -> tuple[Group, ...]:
    """Return the nodes that get an engine, those with the same interfaces together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for node in engine_nodes(site, declared):
        found.setdefault(interfaces(node, declared), []).append(node.name)
    rows = enumerate(sorted(found.items()))
    return tuple(Group(f"{NAME}-{number}" if number else NAME, tuple(names), key) for number, (key, names) in rows)


def namespace() -> Object:
    """Return the namespace; its pods use the host's network, which the stricter pod security levels refuse."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {"metadata": {"name": NAME, "labels": levels}}


def _made(site: Site, declared: IntrusionDetection, group: Group) -> Made:
    texts = _config_map(site, declared, group)
    return Made(group, texts, _daemon_set(site, declared, group, digest(texts["data"])))


def _config_map(site: Site, declared: IntrusionDetection, group: Group) -> Object:
    data = {**_configuration(site, declared, group), RULES: "".join(f"{rule}\n" for rule in declared.rules)}
    if declared.capture is Capture.POD_LINKS:
        uplinks = sorted({uplink.name for node in site.nodes for uplink in node.uplinks})
        data |= {pods.SETTINGS: json.dumps(pods.settings(group.interfaces[0], uplinks), sort_keys=True)}
        data |= {pods.key(path): text for path, text in mirror().items()}
    return {"metadata": _metadata(group), "data": data}


def _daemon_set(site: Site, declared: IntrusionDetection, group: Group, content: str) -> Object:
    labels = {"app": NAME, "group": group.name}
    spec = pods.pod(site, declared, group.name, group.interfaces, _command(declared))
    if len(group.nodes) < len(site.nodes):
        term = {"matchExpressions": [{"key": HOST_NAME, "operator": "In", "values": list(group.nodes)}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        spec["affinity"] = {"nodeAffinity": required}
    template = {"metadata": {"labels": labels, "annotations": {"underlay/configuration": content}}, "spec": spec}
    # a quarter at a time: packets pass without an engine too, and hundreds of nodes one by one would take an hour
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}}
    selector = {"matchLabels": labels}
    whole = {"selector": selector, "updateStrategy": strategy, "minReadySeconds": pods.STEADY, "template": template}
    return {"metadata": _metadata(group), "spec": whole}


def nets(site: Site) -> dict[str, str]:
    """Return the variables of addresses: HOME_NET is the pod pools, as the packets carry them."""
    return {**NETS, "HOME_NET": f"[{','.join(str(pool) for pool in site.addresses.pods.pools)}]"}


def _configuration(site: Site, declared: IntrusionDetection, group: Group) -> dict[str, str]:
    files = [f"{pods.FOLDER}/{RULES}", *([f"{pods.UPDATES}/{UPDATED}"] if declared.rules_from else [])]
    match declared.engine:
        case Engine.SURICATA:
            threads = -(-declared.limits.cpu // 1000)
            mtus = {uplink.name: uplink.mtu for node in site.nodes for uplink in node.uplinks}
            sockets = [suricata.socket(name, mtus.get(name, LARGEST), threads) for name in group.interfaces]
            return {suricata.CONFIG: suricata.suricata(sockets, nets(site), PORTS, pods.LOGS, files)}
        case Engine.SNORT3:
            return {snort.CONFIG: snort.snort(group.interfaces, nets(site), PORTS, files[:1])}
        case Engine.OTHER:
            return {}


def _command(declared: IntrusionDetection) -> list[str]:
    match declared.engine:
        case Engine.SURICATA:
            return suricata.command(f"{pods.FOLDER}/{suricata.CONFIG}")
        case Engine.SNORT3:
            updates = ["--rule-path", pods.UPDATES] if declared.rules_from else []
            return [*snort.command(f"{pods.FOLDER}/{snort.CONFIG}", pods.LOGS), *updates]
        case Engine.OTHER:
            return list(declared.command)


def _metadata(group: Group) -> Object:
    return {"name": group.name, "namespace": NAME, "labels": {"app": NAME}}
