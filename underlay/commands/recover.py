"""Bring a stack back that was killed in the middle: its lock, its unfinished operations, its half-made Helm release."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from underlay.commands.common import Failure, say
from underlay.plan.values import NAMESPACE, RELEASE

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
RECORDS = f"owner=helm,name={RELEASE}"
"""Labels of the Secrets in which Helm keeps the revisions of a release."""
RELEASES = "kubernetes:helm.sh/v3:Release"
PROVIDER = "pulumi:providers:kubernetes"


def main(_argv: list[str]) -> int:
    """Repair the selected stack and say what was done; a stack that is whole, or not there, is left alone."""
    stack = _pulumi("stack", "--show-name").strip()
    for step in repair(stack) if stack else ():
        say(f"recover: {step}")
    return 0


def repair(stack: str) -> Iterator[str]:
    """Do everything that is needed, and yield what was done."""
    yield from unlock(stack)
    deployment = json.loads(_pulumi("stack", "export", "--show-secrets") or "{}").get("deployment") or {}
    unfinished = [one["resource"]["type"] for one in deployment.get("pending_operations") or []]
    resources = deployment.get("resources") or []
    if unfinished:
        yield from forget_unfinished()
    known = any(one["type"] == RELEASES for one in resources)
    kubeconfig = _kubeconfig(resources)
    if kubeconfig and RELEASES in unfinished:
        yield from free_release(kubeconfig, known=known)


def unlock(stack: str) -> Iterator[str]:
    """Remove the stack's lock when the process that held it is gone."""
    for file in _locks(stack):
        lock = json.loads(file.read_text(encoding="utf-8"))
        process, host = int(lock["pid"]), lock["hostname"]
        if host != socket.gethostname() or _is_pulumi(process):
            raise Failure(f"stack {stack} is being changed by process {process} on {host}; wait for it to end")
        _pulumi("cancel", "--yes", "--stack", stack)
        yield f"the lock of process {process}, which is gone, was removed"
        return


def forget_unfinished() -> Iterator[str]:
    """Forget operations that were cut off: every resource of this program may be made or changed again."""
    state = json.loads(_pulumi("stack", "export"))  # with secrets as they are stored: they are written back
    unfinished = state["deployment"].pop("pending_operations", None) or []
    _pulumi("stack", "import", text=json.dumps(state))
    yield f"{len(unfinished)} unfinished operations were forgotten; the next update does them again"


def free_release(kubeconfig: str, *, known: bool) -> Iterator[str]:
    """Remove Helm's record of a revision that an update was cut off in; other records are somebody else's.

    What the revision has made in the cluster stays, and the next update takes it over: Helm adopts objects that carry
    the name of the release.
    """
    from underlay.commands.cluster_api import ClusterApi, Unanswered  # needed rarely, and slow to load

    try:
        api = ClusterApi(kubeconfig)
        for record in api.items(SECRETS, labelSelector=RECORDS):
            name, status = record["metadata"]["name"], record["metadata"].get("labels", {}).get("status", "")
            if not known or status.startswith("pending"):
                api.delete(f"{SECRETS}/{name}")
                yield f"Helm's record {name} ({status}) was removed"
    except Unanswered as error:
        yield f"Helm's records were not looked at: {error}"


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
    return sorted((Path(path) / ".pulumi/locks").rglob(f"{stack}/*.json")) if kind == "file" else []


def _is_pulumi(process: int) -> bool:
    name = Path(f"/proc/{process}/comm")
    return name.exists() and name.read_text(encoding="utf-8").startswith("pulumi")


def _pulumi(*words: str, text: str | None = None) -> str:
    """Run the engine's program; a stack that is not there has no state, anything else is told."""
    done = subprocess.run(
        ["pulumi", *words, "--non-interactive"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode and text is not None:
        raise Failure(f"`pulumi {' '.join(words)}` fails: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else ""
