"""Bring what an underlay needs into a node (`apply`), give back what was there before (`remove`), or only `look`.

Input: {"site", "node", "mark", "owner", "settings", "reserved": [[first, last]], "routes": {destination: [next hop]},
"files": [{"path", "text", "needs", "after"}], "waived": {rule: reason}} and what the checks read. A foreign file or
route, or one of another site, is a finding, never overwritten; a renamed node of this site is taken over, and `remove`
under its former name leaves it alone. What was found first is kept, so that `remove` gives back exactly that. Nothing
is changed when there is a finding; what a first `apply` had changed before it failed is taken back, because nobody
else knows of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from underlay.remote.cilium_remains import STAYS, first_found, taken_away
from underlay.remote.machine import Trouble, read, report, unwritten, write
from underlay.remote.node_base import CHECKS as KERNEL
from underlay.remote.node_facts import Check, System
from underlay.remote.node_files import (
    REPAIR,
    drop_empty,
    files_have_drifted,
    gone,
    missing_folders,
    ownership,
    place,
    present,
    remove_file,
    write_files,
)
from underlay.remote.node_keepers import CHECKS as KEEPERS
from underlay.remote.node_keepers import keepers
from underlay.remote.node_links import CHECKS as LINKS
from underlay.remote.node_links import LEAVING
from underlay.remote.node_ports import CHECKS as PORTS
from underlay.remote.node_ports import FILE as PORTS_FILE
from underlay.remote.node_ports import apply_ports, ever, kept, listed, ports_have_drifted, return_ports
from underlay.remote.node_routes import CHECKS as ROUTES
from underlay.remote.node_routes import apply_routes, return_routes, routes_have_drifted
from underlay.remote.node_services import CHECKS as SERVICES
from underlay.remote.node_sysctl import CHECKS as SETTINGS
from underlay.remote.node_sysctl import OURS
from underlay.remote.owner import Owner, is_anothers, left_alone, owner_in

RECORD = "var/lib/underlay/node.json"
"""What was there before: {"settings": {setting: value found first}, "ports": reserved ones, "reserved": those of
ours so far, "folders": [made for our files], "keepers": [files that bring routes back], "cilium": …}."""
SETTINGS_FILE = f"/etc/sysctl.d/{OURS}"
CHECKS = (*KERNEL, *LINKS, *SERVICES, *SETTINGS, *PORTS, *KEEPERS, *ROUTES)
DRIFT: tuple[Check, ...] = (ports_have_drifted, routes_have_drifted)

Before = dict[str, Any]


def record(root: Path) -> Before:
    """Return what was found before this program came, and what it has made since."""
    try:
        found = dict(json.loads(read(root / RECORD) or "{}"))
    except (ValueError, TypeError):
        fix = "Restore it from a backup; without it nobody knows what the node had before."
        raise Trouble("record-unreadable", f"/{RECORD}", "no record", "what this program wrote", fix) from None
    if found and "settings" not in found:  # as a former version wrote it
        found = {"settings": found}
    return {"settings": {}, "folders": [], "keepers": [], **found}


def setting(root: Path, key: str) -> Path:
    """Return the kernel's file of a setting."""
    return root / "proc/sys" / key


def completed(system: System, data: dict[str, Any]) -> dict[str, Any]:
    """Return the input with what only the node knows: ports of its administrator, and who brings routes back there."""
    known = record(system.root)
    settings = next(file for file in data["files"] if file["path"] == SETTINGS_FILE)
    others = [file for file in data["files"] if file is not settings]
    line = kept(system, data, known.get("ports", system.text(PORTS_FILE).strip()))
    new = keepers(system, data)
    paths = {file["path"] for file in new}
    former = [{**file, "text": ""} for file in known["keepers"] if file["path"] not in paths]
    return {
        **data,
        "files": [{**settings, "text": settings["text"] + line}, *others, *new, *former],
        "keepers": [*new, *former],
    }


def absent(root: Path, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield a finding for each setting that this kernel does not have."""
    for key in data["settings"]:
        if not setting(root, key).exists():
            yield Trouble("kernel-setting-missing", f"/proc/sys/{key}", "nothing", "a setting")


def drifted(system: System, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield each setting, file and route that is not as it was applied."""
    for key, value in data["settings"].items():
        found = read(setting(system.root, key)).strip()
        if found != value:
            yield Trouble("setting-drifted", f"/proc/sys/{key}", found or "nothing", value, REPAIR)
    yield from files_have_drifted(system.root, data["files"])
    yield from checked(DRIFT, system, data)


def apply(system: System, data: dict[str, Any]) -> list[str]:
    """Write settings, files and routes that differ; return what changed."""
    root, known = system.root, record(system.root)
    first = known["settings"]
    found = {key: read(setting(root, key)).strip() for key in data["settings"]}
    _keep(system, data, known, found)
    changed = _give_back(root, {key: value for key, value in first.items() if key not in found})
    for key, value in data["settings"].items():
        if found[key] != value:
            setting(root, key).write_text(f"{value}\n", encoding="ascii")
            changed.append(f"{key}: {found[key]} -> {value}")
    return [*changed, *apply_ports(system, data), *write_files(root, data["files"]), *apply_routes(system, data)]


def _keep(system: System, data: dict[str, Any], known: Before, found: dict[str, str]) -> None:
    """Write down what was found first, before anything is changed."""
    root, first = system.root, known["settings"]
    paths = [root / RECORD, *(place(root, file) for file in present(root, data["files"]))]
    new = {
        **known,
        "settings": {**found, **{key: value for key, value in first.items() if key in found}},
        "ports": known.get("ports", system.text(PORTS_FILE).strip()),
        "reserved": listed(ever(data, known.get("reserved", ""))),
        "folders": sorted({*known["folders"], *missing_folders(root, paths)}),
        "keepers": [{key: file[key] for key in ("path", "needs", "after")} for file in _kept(root, data)],
    }
    if not first and not system.runs_cilium:
        new["cilium"] = first_found(system)
    if new != known:
        write(root / RECORD, json.dumps(new, sort_keys=True), mode=0o600)


def _kept(root: Path, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of routes that will be there, and those that are still to go."""
    return [file for file in data["keepers"] if file["text"] or place(root, file).exists()]


def remove(system: System, data: dict[str, Any]) -> list[str]:
    """Give back what was there before; a setting that somebody changed since stays as it is.

    The record goes last, and stays while an agent runs: without it nobody knows what else has to go.
    """
    root = system.root
    before = record(root)
    ours = {key: value for key, value in before["settings"].items() if _is_ours(root, key, data)}
    changed = _give_back(root, ours)
    if "ports" in before:
        changed += return_ports(system, ever(data, before.get("reserved", "")), before["ports"])
    for file in data["files"]:
        changed += remove_file(root, file)
    changed += return_routes(system)
    if data["brings_cilium"] and "cilium" in before:
        changed += taken_away(system, before["cilium"])
    if STAYS not in changed:
        changed += gone(root, root / RECORD)
    for folder in sorted(before["folders"], reverse=True):  # inner ones first
        drop_empty(root / folder)
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


def checked(checks: tuple[Check, ...], system: System, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield what checks find, all at once."""
    for check in checks:
        yield from check(system, data)


def found(action: str, system: System, data: dict[str, Any], mine: Owner) -> list[Trouble]:
    """Return what stands in the way of an action, or, for a look, all that is not as it has to be."""
    troubles = list(ownership(system.root, data["files"], data["mark"], mine))
    if action == "remove":
        return troubles
    leaving = () if action == "apply" and data["routes"] else LEAVING
    troubles += [*absent(system.root, data), *checked((*CHECKS, *leaving), system, data)]
    return troubles + (list(drifted(system, data)) if action == "look" else [])


def done(action: str, system: System, data: dict[str, Any]) -> tuple[list[str], list[Trouble]]:
    """Work, and return what changed and what is still wrong: routes are judged by where pods leave now."""
    try:
        changed = {"apply": apply, "remove": remove}[action](system, data)
    except Trouble as trouble:
        return [], [trouble]
    except OSError as error:
        return [], [unwritten(error, system.root, "it goes on from what the node has")]
    return changed, list(checked(LEAVING, system, data)) if action == "apply" else []


def main(argv: list[str], root: Path = Path("/"), system: System | None = None) -> int:
    """Read the input, look, work, report; a waived finding is told and stops nothing."""
    data, action = json.load(sys.stdin), argv[0]
    mine, owner = Owner(data["site"], data["node"]), owner_in(read(place(root, data["files"][0])))
    if action == "remove" and is_anothers(owner, mine):
        return report([], left_alone(owner, {"node": data["node"]}))
    system = system or System(root)
    try:
        data = completed(system, data)
    except Trouble as trouble:
        return report(_judged([trouble], data)[0], {"node": data["node"], "changed": []})
    findings, waived = _judged(found(action, system, data, mine), data)
    changed: list[str] = []
    if not findings and action != "look":
        first = action == "apply" and not (system.root / RECORD).exists()
        changed, left = done(action, system, data)
        findings, more = _judged(left, data)
        waived += [one for one in more if one not in waived]
        if first and findings:
            changed = []
            take_back(system, data, findings)
    return report(findings, {"node": data["node"], "changed": changed, **({"waived": waived} if waived else {})})


def take_back(system: System, data: dict[str, Any], findings: list[dict[str, str]]) -> None:
    """Give back what a first apply has changed, and say so in each finding."""
    _, left = done("remove", system, data)
    said = f"Not all was taken back: {left[0].finding['found']}." if left else "What had been changed is taken back."
    for finding in findings:
        finding["fix"] = f"{finding['fix']} {said}".strip()


def _judged(troubles: list[Trouble], data: dict[str, Any]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the findings that count, and those that a waiver excuses, with its reason."""
    placed = [{**one.finding, "where": f"{data['node']}, {one.finding['where']}"} for one in troubles]
    excused = data["waived"]
    findings = [one for one in placed if one["rule"] not in excused]
    return findings, [{**one, "reason": excused[one["rule"]]} for one in placed if one["rule"] in excused]
