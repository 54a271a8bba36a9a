"""Bring a node's kernel settings in (`apply`) or give the former ones back (`remove`), after looking.

Input: {"site", "node", "addresses", "uplinks", "pod_address", "file", "mark", "text", "settings"}. A foreign file, or
one of another site, is a finding, never overwritten; a renamed node of this site is taken over, and `remove` under
its former name leaves it alone. The values found first are kept, so that `remove` gives back exactly those.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from underlay.remote.machine import Trouble, read, report, write
from underlay.remote.node_facts import problems
from underlay.remote.owner import Owner, is_anothers, left_alone, owner_in, refuse_another_site

RECORD = "var/lib/underlay/node.json"
"""What was there before: {setting: value found first}."""


def record(root: Path) -> dict[str, str]:
    """Return the values found before this program came."""
    return dict(json.loads(read(root / RECORD) or "{}"))


def setting(root: Path, key: str) -> Path:
    """Return the kernel's file of a setting."""
    return root / "proc/sys" / key


def ownership(root: Path, data: dict[str, Any], mine: Owner) -> list[dict[str, str]]:
    """Return a finding when the file of our name is somebody else's."""
    text = read(root / data["file"].lstrip("/"))
    if text and not text.startswith(data["mark"]):
        fix = "Move the file away, or take its settings into the site."
        found = repr(text.splitlines()[0][:60])
        return [Trouble("foreign-file", data["file"], found, "no file, or one of ours", fix).finding]
    try:
        refuse_another_site("foreign-node-settings", data["file"], owner_in(text), mine)
    except Trouble as trouble:
        return [trouble.finding]
    return []


def absent(root: Path, data: dict[str, Any]) -> list[dict[str, str]]:
    """Return a finding for each setting that this kernel does not have."""
    missing = [key for key in data["settings"] if not setting(root, key).exists()]
    return [Trouble("kernel-setting-missing", f"/proc/sys/{key}", "nothing", "a setting").finding for key in missing]


def apply(root: Path, data: dict[str, Any]) -> list[str]:
    """Write file and settings that differ; return what changed."""
    wanted, known = data["settings"], record(root)
    found = {key: read(setting(root, key)).strip() for key in wanted}
    dropped = {key: value for key, value in known.items() if key not in wanted}
    before = {
        **{key: value for key, value in known.items() if key in wanted},
        **{k: v for k, v in found.items() if k not in known},
    }
    if before != known:
        write(root / RECORD, json.dumps(before, sort_keys=True), mode=0o600)
    changed = _give_back(root, dropped)
    for key, value in wanted.items():
        if found[key] != value:
            setting(root, key).write_text(f"{value}\n", encoding="ascii")
            changed.append(f"{key}: {found[key]} -> {value}")
    file = root / data["file"].lstrip("/")
    if read(file) != data["text"]:
        write(file, data["text"])
        changed.append(f"{data['file']} written")
    return changed


def remove(root: Path, data: dict[str, Any]) -> list[str]:
    """Give back what was there before; a setting that somebody changed since stays as it is."""
    ours = {key: value for key, value in record(root).items() if _is_ours(root, key, data)}
    changed = _give_back(root, ours)
    for path in (root / data["file"].lstrip("/"), root / RECORD):
        if path.exists():
            path.unlink()
            changed.append(f"/{path.relative_to(root)} removed")
    folder = (root / RECORD).parent
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
    return changed


def _is_ours(root: Path, key: str, data: dict[str, Any]) -> bool:
    return bool(read(setting(root, key)).strip() == data["settings"].get(key))


def _give_back(root: Path, values: dict[str, str]) -> list[str]:
    changed = []
    for key, value in values.items():
        path = setting(root, key)
        if path.exists() and read(path).strip() != value:
            path.write_text(f"{value}\n", encoding="ascii")
            changed.append(f"{key}: back to {value}")
    return changed


def main(argv: list[str], root: Path = Path("/")) -> int:
    """Read the input, look, work, report; nothing is changed when there is a finding."""
    data = json.load(sys.stdin)
    mine, found = Owner(data["site"], data["node"]), owner_in(read(root / data["file"].lstrip("/")))
    if argv[0] == "remove" and is_anothers(found, mine):
        return report([], left_alone(found, {"node": data["node"]}))
    findings = ownership(root, data, mine)
    if argv[0] == "apply":
        findings += absent(root, data) + problems(root, data)
    for finding in findings:
        finding["where"] = f"{data['node']}, {finding['where']}"
    action = apply if argv[0] == "apply" else remove
    changed = [] if findings else action(root, data)
    return report(findings, {"node": data["node"], "changed": changed})
