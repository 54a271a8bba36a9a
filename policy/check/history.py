"""What was declared and applied before: every version of every stack file that git knows, and saved states."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .stack import Unusable

CLUSTER = "underlay:cluster:Cluster"
FILES = ("Pulumi.*.yaml", "Pulumi.*.yml")
NEWEST = 2000
"""Versions of stack files that are read at most; a longer history counts as cut off."""


@dataclass
class History:
    """Earlier declarations, and whether they are all."""

    records: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    notes: list[str] = field(default_factory=list)


def history(project: Path, states: list[Path]) -> History:
    """Return what git and saved states say of clusters and their origins."""
    found = _of_git(project)
    for state in states:
        found.records += _of_state(state)
    unique = {json.dumps({**one, "source": ""}, sort_keys=True): one for one in reversed(found.records)}
    found.records = list(unique.values())
    return found


def _of_git(project: Path) -> History:
    if _git(project, "rev-parse", "--is-inside-work-tree") is None:
        return History(notes=["no git history: the project is in no repository"])
    cut = (_git(project, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    log = _git(project, "log", "--all", "--format=%x00%H %cs", "--name-only", "--relative", "--", *FILES) or ""
    versions = list(_versions(log))
    records = [one for version in versions[:NEWEST] for one in _declared(project, *version)]
    return History(records, complete=not cut and len(versions) <= NEWEST)


def _versions(log: str) -> Iterator[tuple[str, str, str]]:
    """Yield commit, day and file of each version."""
    for entry in log.split("\0")[1:]:
        head, *names = entry.split("\n")
        commit, _, day = head.partition(" ")
        yield from ((commit, day, name) for name in names if name)


def _declared(project: Path, commit: str, day: str, name: str) -> Iterator[dict[str, Any]]:
    text = _git(project, "show", f"{commit}:./{name}")
    try:
        content = yaml.safe_load(text or "")
    except yaml.YAMLError:
        return
    for cluster in _clusters(content):
        api = cluster.get("api")
        yield {
            "source": f"{name} of {day} ({commit[:10]})",
            "cluster": cluster.get("name") or cluster.get("clusterName"),
            "api": str(api.get("address")) if isinstance(api, Mapping) else api,
            "origin": cluster.get("origin") or cluster.get("clusterOrigin"),
        }


def _clusters(content: object) -> Iterator[Mapping[str, Any]]:
    """Yield each part of a file that says how a cluster was born."""
    if isinstance(content, Mapping):
        if isinstance(content.get("origin"), str) or isinstance(content.get("clusterOrigin"), str):
            yield content
        for value in content.values():
            yield from _clusters(value)
    elif isinstance(content, list):
        for value in content:
            yield from _clusters(value)


def _of_state(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a saved state says of its clusters; the birth comes from the record that the stack keeps."""
    try:
        resources = json.loads(path.read_text(encoding="utf-8"))["deployment"].get("resources") or []
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unusable(f"{path} is no state, as `pulumi stack export` writes one") from None
    uid = next((uid for one in resources if (uid := _uid(one))), "")
    for one in resources:
        if one.get("type") == CLUSTER:
            said = one.get("inputs") or {}
            yield {
                "source": f"state {path.name}",
                "cluster": said.get("clusterName"),
                "api": said.get("api"),
                "uid": uid,
                "origin": said.get("origin"),
            }


def _uid(resource: Mapping[str, Any]) -> str:
    if not str(resource.get("urn")).endswith("$command:local:Command::lineage"):
        return ""
    try:
        return str(json.loads(resource["outputs"]["stdout"])["birth"]["uid"])
    except (ValueError, KeyError, TypeError):
        return ""


def _git(project: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=project, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
