"""What Cilium leaves on a node once its release is gone: taken away, except for what was there before this project.

Its agents leave devices, chains, pinned programs and files on purpose, so that pods live on while one restarts. While
an agent runs, nothing is touched.
"""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from underlay.remote.machine import read
from underlay.remote.node_facts import System

AGENT, PLUGIN = "cilium-agent", "cilium-cni"
"""Names of processes: Cilium's own, and what kubelet's runtime calls for a pod that comes or goes."""
STAYS = f"{AGENT} still runs: what it has made stays"
WAIT, CALL, PAUSE = 20.0, 30.0, 0.5
"""Seconds that an agent has to end, that a call of the plug-in has, and between two looks.

Without an agent a call tries for 20 s before it notes a pod that went; both together stay below a command's limit.
"""
FILES = (
    "etc/cni/net.d/05-cilium.conflist",
    "etc/sysctl.d/99-zzz-override_cilium.conf",
    "opt/cni/bin/cilium-cni",
    "opt/cni/bin/loopback",
)
FOLDERS = ("run/cilium", "sys/fs/bpf/cilium")
PINS = "sys/fs/bpf/tc/globals"
EMPTIED = (PINS, "sys/fs/bpf/tc")
"""Folders that agents make and others may share: they go once they are empty."""
MOUNT = "sys/fs/bpf"
ITS_OWN = {"maps.debug", "progs.debug"}
"""The file system of pins, which agents mount where nobody has, and what the kernel itself shows in it."""
SETTINGS = {"net/ipv4/fib_multipath_use_neigh": "1"}
"""Settings that agents write and keep no record of, with their value."""
DEVICES = ("cilium_host", "cilium_net", "cilium_vxlan", "cilium_geneve", "lxc_health")
TOOLS = ("iptables", "ip6tables")
TABLES = ("filter", "nat", "mangle", "raw", "security")
"""Those that these tools make: a table of another name is somebody's own."""
Before = dict[str, Any]
Chain = tuple[str, str, str]


def first_found(system: System) -> Before:
    """Return what of this is on a node already, so that nobody takes it for Cilium's later."""
    return {
        "files": [file for file in (*FILES, *EMPTIED) if system.there(file)],
        "settings": {key: system.text(f"proc/sys/{key}").strip() for key in SETTINGS},
        "chains": [list(chain) for chain in _chains(system)],
        "mounted": _is_mounted(system),
    }


def taken_away(system: System, known: Before) -> list[str]:
    """Take away what Cilium has left, and return what that was; a running agent keeps everything."""
    if not _ends(system, AGENT, WAIT):
        return [STAYS]
    taken = [*_devices(system), *_rules(system), *_empty_chains(system, known)]
    return taken + [line for step in (_files, _folders, _mount, _settings) for line in step(system, known)]


def _ends(system: System, name: str, seconds: float) -> bool:
    """Wait until no process of this name is left, and tell whether that was so in time."""
    end = time.monotonic() + seconds
    while any(system.text(f"proc/{one}/comm").strip() == name for one in system.names("proc") if one.isdigit()):
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE)
    return True


def _devices(system: System) -> Iterator[str]:
    for name in DEVICES:
        if system.there(f"sys/class/net/{name}") and system.ask("ip", "link", "delete", name)[0] == 0:
            yield f"device {name} removed"


def _rules(system: System) -> Iterator[str]:
    """Take Cilium's chains away, first the rules that lead to them, then the sets that they used."""
    for tool in TOOLS:
        table, code_and_text = "", system.ask(f"{tool}-save")
        lines = code_and_text[1].splitlines() if code_and_text[0] == 0 else []
        chains: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith(":CILIUM_"):
                chains.append((table, line[1:].split()[0]))
            elif line.startswith("-A ") and " -j CILIUM_" in line and not line.startswith("-A CILIUM_"):
                system.ask(tool, "-t", table, "-D", *shlex.split(line)[1:])
        for step in ("-F", "-X"):
            for table, chain in chains:
                system.ask(tool, "-t", table, step, chain)
        yield from [f"{len(chains)} chains of {tool} removed"] if chains else []
    for name in system.ask("ipset", "list", "-name")[1].split():
        if name.startswith("cilium_"):
            system.ask("ipset", "destroy", name)


def _empty_chains(system: System, known: Before) -> Iterator[str]:
    """Take away the hooks that the chains hung on, where they are empty, let all pass, and were not there before."""
    kept = {tuple(chain) for chain in known["chains"]}
    found = _chains(system)
    for chain in sorted(chain for chain, empty in found.items() if empty and chain not in kept):
        system.ask("nft", "delete", "chain", *chain)
    tables, left = {chain[:2] for chain in found}, {chain[:2] for chain in _chains(system)}
    for table in sorted(tables - left - {chain[:2] for chain in kept}):
        system.ask("nft", "delete", "table", *table)
        yield f"table {' '.join(table)} removed"


def _chains(system: System) -> dict[Chain, bool]:
    """Return each chain of iptables' tables, and whether it is a hook without rules that lets all pass."""
    try:
        items = json.loads(system.ask("nft", "-j", "list", "ruleset")[1])["nftables"]
    except (ValueError, KeyError, TypeError):
        return {}
    chains = [item["chain"] for item in items if "chain" in item and _is_of_iptables(item["chain"])]
    used = {(rule["family"], rule["table"], rule["chain"]) for item in items for rule in [item.get("rule")] if rule}
    named = {(chain["family"], chain["table"], chain["name"]): chain for chain in chains}
    return {name: chain.get("policy") == "accept" and name not in used for name, chain in named.items()}


def _is_of_iptables(chain: dict[str, Any]) -> bool:
    return chain["family"] in ("ip", "ip6") and chain["table"] in TABLES


def _files(system: System, known: Before) -> Iterator[str]:
    for file in FILES:
        if file not in known["files"] and system.there(file):
            yield _told(system.root / file, Path.unlink)


def _folders(system: System, known: Before) -> Iterator[str]:
    """Take folders away once no call of the plug-in is left, which makes the agent's anew to note a pod that went."""
    _ends(system, PLUGIN, CALL)
    for name in system.names(PINS):
        if name.startswith("cilium_"):
            yield _told(system.root / PINS / name, Path.unlink)
    for folder in FOLDERS:
        if system.there(folder) and _unmounted(system, f"/{folder}/"):
            shutil.rmtree(system.root / folder, ignore_errors=True)
            yield f"/{folder} removed" if not system.there(folder) else f"/{folder} cannot be removed"
    for folder in EMPTIED:
        if folder not in known["files"] and system.there(folder) and not system.names(folder):
            yield _told(system.root / folder, Path.rmdir)


def _mount(system: System, known: Before) -> Iterator[str]:
    """Unmount the file system of pins where an agent has mounted it and nobody keeps anything in it."""
    if not known.get("mounted", True) and _is_mounted(system) and not set(system.names(MOUNT)) - ITS_OWN:
        code, text = system.ask("umount", f"/{MOUNT}")
        yield f"/{MOUNT} cannot be unmounted: {text.strip()}" if code else f"/{MOUNT} unmounted"


def _is_mounted(system: System) -> bool:
    return f"/{MOUNT}" in _mounted(system, f"/{MOUNT}")


def _told(path: Path, remove: Callable[[Path], None]) -> str:
    """Remove something and say so, or why it stays: what the kernel holds on to stops nothing else."""
    try:
        remove(path)
    except OSError as error:
        return f"{path} cannot be removed: {error.strerror}"
    return f"{path} removed"


def _settings(system: System, known: Before) -> Iterator[str]:
    for key, written in SETTINGS.items():
        path, value = Path(system.root / "proc/sys" / key), known["settings"].get(key, "")
        if value and value != written and read(path).strip() == written:
            try:
                path.write_text(f"{value}\n", encoding="ascii")
            except OSError as error:
                yield f"{key} cannot be set back to {value}: {error.strerror}"
            else:
                yield f"{key}: back to {value}"


def _unmounted(system: System, below: str) -> bool:
    """Take away what is mounted below a folder, as the control groups are; tell whether nothing is left there."""
    for place in sorted(_mounted(system, below), reverse=True):
        system.ask("umount", place)
    return not _mounted(system, below)


def _mounted(system: System, below: str) -> list[str]:
    places = (line.split()[4] for line in system.text("proc/self/mountinfo").splitlines() if line.count(" ") > 4)
    return [place for place in places if place.startswith(below)]
