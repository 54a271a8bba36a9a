"""Everything on a machine that somebody could leave behind: files, settings, filters, routes, rules, links; compared.

Runs on the machine itself (standard library only), prints JSON: `python3 -` reads this file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path

PLACES = ("etc", "opt", "usr/lib/systemd", "usr/lib/sysctl.d", "usr/lib/modules-load.d", "usr/local", "var/lib")
"""Folders whose files are compared byte for byte, with owner and mode."""
LEFT_OUT = ("var/lib/containerd", "var/lib/kubelet", "var/lib/cni", "var/lib/etcd", "opt/lab")
"""Disks and notes of the container runtime, kubelet and the cluster's store, and the lab's programs."""
COUNTERS = ("conntrack_count", "nf_conntrack_count", "stable_secret")
TABLE = re.compile(r"^(?=table )", re.MULTILINE)
COMMANDS = {
    "nft": "nft --stateless list ruleset",
    "iptables": "iptables-legacy-save",
    "routes": "ip -4 route show table all",
    "routes6": "ip -6 route show table all | sed 's/^local fe80::[^ ]*/local fe80::OWN/' | sort",
    "rules": "ip -4 rule show",
    "addresses": "ip -brief -4 address show | sed 's/@[^ ]*//; s/  */ /g'",
    "pins": "find /sys/fs/bpf | sort",
    "sets": "ipset list -name",
    "mounts": "grep -o ' /run/cilium[^ ]*' /proc/self/mountinfo; ls -d /run/cilium",
}


def files(root: Path) -> dict[str, str]:
    """Return each file's owner, mode and digest by its path; a folder has no digest."""
    found: dict[str, str] = {}
    for place in PLACES:
        for folder, folders, names in os.walk(root / place):
            inside = str(Path(folder).relative_to(root))
            folders[:] = [name for name in folders if f"{inside}/{name}" not in LEFT_OUT]
            found |= {f"/{inside}/{name}": _told(Path(folder, name)) for name in (*folders, *names)}
    return found


def _told(path: Path) -> str:
    told = path.lstat()
    if stat.S_ISLNK(told.st_mode):
        body = str(path.readlink())
    elif stat.S_ISREG(told.st_mode):
        body = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        body = stat.filemode(told.st_mode)[0]
    return f"{told.st_uid}:{told.st_gid} {stat.S_IMODE(told.st_mode):o} {body}"


def settings(root: Path) -> dict[str, str]:
    """Return every setting of the network below /proc/sys/net that can be read and counts nothing."""
    found = {}
    for path in sorted((root / "proc/sys/net").rglob("*")):
        if path.is_file() and path.name not in COUNTERS:
            try:
                found[str(path.relative_to(root / "proc/sys"))] = path.read_text().strip()
            except OSError:
                continue  # nobody can read it
    return found


def belongings(root: Path = Path("/")) -> dict[str, dict[str, str]]:
    """Return everything, by kind; a program that is not there says nothing.

    A machine that starts anew has cards with other addresses of their own, and its tables of nft in another order.
    """
    told = {}
    for name, command in COMMANDS.items():
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        told[name] = done.stdout
    told["nft"] = "".join(sorted(TABLE.split(told["nft"])))
    return {"files": files(root), "settings": settings(root), "commands": told}


def difference(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """Return a line for each thing that is new, gone or another one."""
    lines = []
    for kind, old in before.items():
        new = after[kind]
        for key in sorted({*old, *new}):
            one, other = old.get(key, "nothing"), new.get(key, "nothing")
            if one != other:
                lines.append(f"{kind} {key}: {_changed(one, other)}")
    return lines


def _changed(old: str, new: str) -> str:
    """Return what differs: the lines that went and came where there are several, else both values."""
    if "\n" not in old + new:
        return f"{old!r} before, {new!r} after"
    gone, come = set(old.splitlines()) - set(new.splitlines()), set(new.splitlines()) - set(old.splitlines())
    return f"{sorted(gone)} gone, {sorted(come)} came"


if __name__ == "__main__":
    print(json.dumps(belongings()))
