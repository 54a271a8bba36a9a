"""Bring a node's kernel settings and files in (`apply`), give the former ones back (`remove`), or only `look`.

Input: {"site", "node", "mark", "settings", "files": [{"path", "text", "needs", "after"}], "waived": {rule: reason}} and
what the checks read. A foreign file, or one of another site, is a finding, never overwritten; a renamed node of this
site is taken over, and `remove` under its former name leaves it alone. The values found first are kept, so that
`remove` gives back exactly those. Nothing is changed when there is a finding.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from underlay.remote.cilium_remains import STAYS, first_found, taken_away
from underlay.remote.machine import Trouble, read, report, run, write
from underlay.remote.node_base import CHECKS as KERNEL
from underlay.remote.node_facts import System
from underlay.remote.node_links import CHECKS as LINKS
from underlay.remote.node_services import CHECKS as SERVICES
from underlay.remote.owner import Owner, is_anothers, left_alone, owner_in, refuse_another_site

RECORD = "var/lib/underlay/node.json"
"""What was there before: {"settings": {setting: value found first}, "folders": [made for our files], "cilium": …}."""
CHECKS = (*KERNEL, *LINKS, *SERVICES)

Findings = list[dict[str, str]]


Before = dict[str, Any]


def record(root: Path) -> Before:
    """Return the values found before this program came, and the folders that it has made since."""
    found = json.loads(read(root / RECORD) or "{}")
    if found and "settings" not in found:  # as a former version wrote it
        found = {"settings": found}
    return {"settings": {}, "folders": [], **found}


def setting(root: Path, key: str) -> Path:
    """Return the kernel's file of a setting."""
    return root / "proc/sys" / key


def place(root: Path, file: dict[str, Any]) -> Path:
    """Return where a file of the input lies."""
    return root / str(file["path"]).lstrip("/")


def wanted(root: Path, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files for services that are here, and those that we have written already."""
    return [
        file
        for file in data["files"]
        if not file["needs"] or (root / file["needs"]).exists() or place(root, file).exists()
    ]


def ownership(root: Path, data: dict[str, Any], mine: Owner) -> Iterator[Trouble]:
    """Yield a finding for each file of our names that is somebody else's."""
    for file in data["files"]:
        text = read(place(root, file))
        if text and not text.startswith(data["mark"]):
            fix = "Move the file away, or take its settings into the site."
            yield Trouble("foreign-file", file["path"], repr(text.splitlines()[0][:60]), "no file, or one of ours", fix)
            continue
        try:
            refuse_another_site("foreign-node-settings", file["path"], owner_in(text), mine)
        except Trouble as trouble:
            yield trouble


def absent(root: Path, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield a finding for each setting that this kernel does not have."""
    for key in data["settings"]:
        if not setting(root, key).exists():
            yield Trouble("kernel-setting-missing", f"/proc/sys/{key}", "nothing", "a setting")


def problems(system: System, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield what every check finds, all at once."""
    for check in CHECKS:
        yield from check(system, data)


def drifted(root: Path, data: dict[str, Any]) -> Iterator[Trouble]:
    """Yield each setting and file that is not as it was applied."""
    fix = "Apply it again: `python3 -m underlay drift --stack NAME --repair`."
    for key, value in data["settings"].items():
        found = read(setting(root, key)).strip()
        if found != value:
            yield Trouble("setting-drifted", f"/proc/sys/{key}", found or "nothing", value, fix)
    for file in wanted(root, data):
        if read(place(root, file)) != file["text"]:
            found = "another text" if place(root, file).exists() else "no file"
            yield Trouble("file-drifted", file["path"], found, "the text that was applied", fix)


def apply(system: System, data: dict[str, Any]) -> list[str]:
    """Write settings and files that differ; return what changed."""
    root = system.root
    known = record(root)
    first = known["settings"]
    found = {key: read(setting(root, key)).strip() for key in data["settings"]}
    dropped = {key: value for key, value in first.items() if key not in found}
    before = {**found, **{key: value for key, value in first.items() if key in found}}
    folders = sorted({*known["folders"], *_missing_folders(root, data)})
    wanted_record = {**known, "settings": before, "folders": folders}
    if not first and not system.runs_cilium:
        wanted_record["cilium"] = first_found(system)
    if wanted_record != known:
        write(root / RECORD, json.dumps(wanted_record, sort_keys=True), mode=0o600)
    changed = _give_back(root, dropped)
    for key, value in data["settings"].items():
        if found[key] != value:
            setting(root, key).write_text(f"{value}\n", encoding="ascii")
            changed.append(f"{key}: {found[key]} -> {value}")
    for file in wanted(root, data):
        if read(place(root, file)) != file["text"]:
            write(place(root, file), file["text"])
            _tell(root, file)
            changed.append(f"{file['path']} written")
    return changed


def remove(system: System, data: dict[str, Any]) -> list[str]:
    """Give back what was there before; a setting that somebody changed since stays as it is.

    The record goes last, and stays while an agent runs: without it nobody knows what else has to go.
    """
    root = system.root
    before = record(root)
    ours = {key: value for key, value in before["settings"].items() if _is_ours(root, key, data)}
    changed = _give_back(root, ours)
    for file in data["files"]:
        if gone := _gone(root, place(root, file)):
            changed += gone
            _tell(root, file)
    if data["brings_cilium"] and "cilium" in before:
        changed += taken_away(system, before["cilium"])
    if STAYS not in changed:
        changed += _gone(root, root / RECORD)
    for folder in sorted(before["folders"], reverse=True):  # inner ones first
        _drop_empty(root / folder)
    return changed


def _gone(root: Path, path: Path) -> list[str]:
    """Remove a file, if it is there, and say so."""
    if not path.exists():
        return []
    path.unlink()
    return [f"/{path.relative_to(root)} removed"]


def _missing_folders(root: Path, data: dict[str, Any]) -> set[str]:
    """Return the folders that the files of the input and the record need and that are not there yet."""
    files = [root / RECORD, *(place(root, file) for file in wanted(root, data))]
    above = (parent for file in files for parent in file.parents)
    return {str(folder.relative_to(root)) for folder in above if folder.is_relative_to(root) and not folder.exists()}


def _tell(root: Path, file: dict[str, Any]) -> None:
    """Let a service read its file; where it does not, the file goes, so that the next run tries again."""
    if not file["after"] or not (root / file["needs"]).exists():
        return
    code, text = run(*file["after"])
    if code:
        place(root, file).unlink(missing_ok=True)
        raise Trouble(
            "service-not-told", " ".join(file["after"]), text or f"code {code}", "a service that reads its file"
        )


def _drop_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


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


def found(action: str, system: System, data: dict[str, Any], mine: Owner) -> list[Trouble]:
    """Return what stands in the way of an action, or, for a look, all that is not as it has to be."""
    troubles = list(ownership(system.root, data, mine))
    if action != "remove":
        troubles += [*absent(system.root, data), *problems(system, data)]
    return troubles + (list(drifted(system.root, data)) if action == "look" else [])


def main(argv: list[str], root: Path = Path("/"), system: System | None = None) -> int:
    """Read the input, look, work, report; a waived finding is told and stops nothing."""
    data, action = json.load(sys.stdin), argv[0]
    mine, owner = Owner(data["site"], data["node"]), owner_in(read(place(root, data["files"][0])))
    if action == "remove" and is_anothers(owner, mine):
        return report([], left_alone(owner, {"node": data["node"]}))
    system = system or System(root)
    all_found = [_placed(trouble, data["node"]) for trouble in found(action, system, data, mine)]
    findings = [one for one in all_found if one["rule"] not in data["waived"]]
    waived = [{**one, "reason": data["waived"][one["rule"]]} for one in all_found if one["rule"] in data["waived"]]
    changed: list[str] = []
    try:
        changed = [] if findings or action == "look" else {"apply": apply, "remove": remove}[action](system, data)
    except Trouble as trouble:
        findings = [_placed(trouble, data["node"])]
    return report(findings, {"node": data["node"], "changed": changed, **({"waived": waived} if waived else {})})


def _placed(trouble: Trouble, node: str) -> dict[str, str]:
    return {**trouble.finding, "where": f"{node}, {trouble.finding['where']}"}
