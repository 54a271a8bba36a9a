"""Bring a stack back that was killed in the middle: its lock, its unfinished operations, its half-made Helm release."""

from __future__ import annotations

import json
import os
import re
import socket
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from underlay.collect.conditions import Object
from underlay.collect.helm_records import options, revision, status
from underlay.commands import engine
from underlay.commands.common import Failure, no_words, say
from underlay.plan.chart.objects import CONFIG
from underlay.plan.values import HELM_RECORDS, NAMESPACE, RELEASE
from underlay.report.schema import PROJECT

if TYPE_CHECKING:
    from underlay.collect.cluster_api import ClusterApi

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
CONFIGURATION = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{CONFIG}"
FIRST, WHOLE = f"sh.helm.release.v1.{RELEASE}.v1", ("deployed", "failed")
RELEASES = "kubernetes:helm.sh/v3:Release"
PROVIDER = "pulumi:providers:kubernetes"
SELECTED = "PULUMI_STACK"
"""Names the stack that the engine works on, in place of the one that was selected."""
UNLIKE = "timeout"
"""What is noted as another one, so that the engine applies a release again; it changes nothing that runs."""
NO_STACK = re.compile(r"no stack selected|no stack named .* found")
"""How the engine says that there is no stack; every other failure is told."""


class Lock(NamedTuple):
    """Who holds a stack; process 0 where the file does not say it."""

    file: Path
    process: int
    host: str

    def __str__(self) -> str:
        """Return the lock as people read it."""
        return (
            f"of process {self.process}, which is gone,"
            if self.process
            else f"{self.file.name}, which is not readable,"
        )


def main(argv: list[str]) -> int:
    """Repair the selected stack and say what was done; a stack that is whole, or not there, is left alone."""
    no_words("recover", __doc__, argv)
    stack = os.environ.get(SELECTED) or _pulumi("stack", "--show-name").strip()
    for step in repair(stack) if stack else ():
        say(f"recover: {step}")
    return 0


def repair(stack: str) -> Iterator[str]:
    """Do everything that is needed, and yield what was done."""
    yield from unlock(stack)
    deployment = json.loads(_pulumi("stack", "export", "--show-secrets") or "{}").get("deployment") or {}
    unfinished = deployment.get("pending_operations") or []
    resources = deployment.get("resources") or []
    release = [one["type"] for one in unfinished if one["resource"]["type"] == RELEASES]
    kubeconfig = _kubeconfig(resources)
    if kubeconfig and release:
        known = any(one["type"] == RELEASES for one in resources)
        yield from free_release(kubeconfig, first="creating" in release and not known)
    if unfinished:
        yield from forget_unfinished()


def unlock(stack: str) -> Iterator[str]:
    """Remove the stack's locks when no process that holds one is left: the engine removes all of them at once."""
    locks = [_lock(file) for file in _locks(stack)]
    for lock in locks:
        if lock.process and (lock.host != socket.gethostname() or _is_pulumi(lock.process)):
            gone = "" if lock.host == socket.gethostname() else f"; if it is gone, `pulumi cancel --stack {stack}`"
            raise Failure(
                f"stack {stack} is being changed by process {lock.process} on {lock.host}; wait for it to end{gone}"
            )
    if locks:
        _pulumi("cancel", "--yes", "--stack", stack)
    for lock in locks:
        yield f"the lock {lock} was removed"


def _lock(file: Path) -> Lock:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Lock(file, int(said["pid"]), str(said["hostname"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Lock(file, 0, "")


def forget_unfinished() -> Iterator[str]:
    """Forget operations that were cut off: every resource of this program may be made or changed again.

    A release that was being changed may run with the new values or with the old ones, whatever the state says.
    """
    state = json.loads(_pulumi("stack", "export"))  # with secrets as they are stored: they are written back
    unfinished = state["deployment"].pop("pending_operations", None) or []
    if any(one["resource"]["type"] == RELEASES for one in unfinished):
        for one in state["deployment"].get("resources") or []:
            if one["type"] == RELEASES:
                one["inputs"][UNLIKE] = one["outputs"][UNLIKE] = 0
    _pulumi("stack", "import", text=json.dumps(state))
    yield f"{len(unfinished)} unfinished operations were forgotten; the next update does them again"


def free_release(kubeconfig: str, *, first: bool) -> Iterator[str]:
    """Remove Helm's record of a revision that an update was cut off in; other records are somebody else's.

    A whole revision goes only where it is the very first one, and the stack was cut off in making it. What it has made
    in the cluster stays, and the next update takes it over: Helm adopts objects that carry the name of the release.
    """
    from underlay.collect.cluster_api import ClusterApi, Unanswered  # needed rarely, and slow to load

    try:
        api = ClusterApi(kubeconfig)
        found = api.items(SECRETS, labelSelector=HELM_RECORDS)
        alone = first and [one["metadata"]["name"] for one in found] == [FIRST]
        yield from _take_back(api, found)
        for record in found:
            name, state = record["metadata"]["name"], status(record)
            if state.startswith("pending") or (alone and state in WHOLE):
                api.delete(f"{SECRETS}/{name}")
                yield f"Helm's record {name} ({state}) was removed"
    except Unanswered as error:
        yield f"Helm's records were not looked at: {error}"


def _take_back(api: ClusterApi, records: list[Object]) -> Iterator[str]:
    """Take away the options that only an unfinished revision has: Helm leaves alone what its base does not name.

    Cut off at its end, an upgrade has superseded the revision before and is not deployed itself yet.
    """
    known: defaultdict[str, set[str]] = defaultdict(set)
    for record in sorted(records, key=revision):
        state = status(record).partition("-")[0]
        known[state] = {*options(record)} | (set() if state == "superseded" else known[state])
    base = known["deployed"] or known["failed"] or known["superseded"]
    if added := sorted((known["pending"] | known["failed"]) - base) if base else []:
        api.merge(CONFIGURATION, {"data": dict.fromkeys(added)})
        yield f"options that only an unfinished revision has were taken back: {', '.join(added)}"


def _kubeconfig(resources: list[dict[str, Any]]) -> str:
    """Return the kubeconfig that the state holds for its Kubernetes provider."""
    for one in resources:
        value = one.get("inputs", {}).get("kubeconfig") if one["type"] == PROVIDER else None
        if isinstance(value, dict):
            value = json.loads(value.get("plaintext") or '""')
        if value:
            return str(value)
    return ""


def _locks(stack: str) -> list[Path]:
    kind, _, path = os.environ.get("PULUMI_BACKEND_URL", "").partition("://")
    folder = Path(path.partition("?")[0]).expanduser() / ".pulumi/locks"
    return sorted(folder.glob(f"*/{PROJECT}/{stack.rpartition('/')[2]}/*.json")) if kind == "file" else []


def _is_pulumi(process: int) -> bool:
    name = Path(f"/proc/{process}/comm")
    return name.exists() and name.read_text(encoding="utf-8").startswith("pulumi")


def _pulumi(*words: str, text: str | None = None) -> str:
    """Run the engine's program; a stack that is not there has no state, any other failure is told."""
    done = engine.run(*words, text=text)
    if done.returncode == 0:
        return done.stdout
    if NO_STACK.search(done.stderr) and text is None:
        return ""
    raise Failure(f"`pulumi {' '.join(words)}` fails: {engine.said(done)}")
