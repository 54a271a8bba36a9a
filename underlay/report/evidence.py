"""The proof of one verification as files: page, tables, test results, what was observed, a manifest with digests."""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from underlay.judge.evidence import Evidence
from underlay.judge.verdict import Verdict
from underlay.model import Site
from underlay.report.document import digest, document
from underlay.report.junit import junit
from underlay.report.page_html import html
from underlay.report.page_markdown import markdown
from underlay.report.verdict_page import verdict_page

MANIFEST = "manifest.json"
LARGEST = 1_000_000
"""Bytes of a file from which it is packed."""
REDACTED = "(redacted)"
SHORTEST = 8
"""Letters of a secret below which it is no secret, and would be found everywhere."""
USER_SECRETS = ("token", "password", "client-key-data")


def run_id(verdict: Verdict) -> str:
    """Return the name of a verification: when the evidence was taken, and the verdict's digest."""
    return f"{verdict.taken:%Y%m%dT%H%M%SZ}-{digest(verdict.to_json())[:12]}"


def files(site: Site, verdict: Verdict, evidence: Evidence, secrets: Iterable[str]) -> dict[str, bytes]:
    """Return every file by name; the manifest, which comes last, holds the others' SHA-256."""
    run, known = run_id(verdict), versions(site, evidence)
    page = verdict_page(site, verdict, evidence, run, known)
    texts = {
        "verdict.md": markdown(page),
        "verdict.json": json.dumps(document(verdict), indent=2) + "\n",
        "verdict.html": html(page),
        "verdict.xml": junit(verdict, run),
        "evidence.json": evidence.model_dump_json(by_alias=True, exclude_defaults=True) + "\n",
    }
    hidden = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
    made = dict(_packed(name, redacted(text, hidden).encode()) for name, text in texts.items())
    manifest = {
        "schema": 1,
        "run": run,
        "site": verdict.site,
        "status": verdict.status.value,
        "taken": verdict.taken.isoformat(timespec="seconds"),
        "seconds": verdict.seconds,
        "verdict": digest(verdict.to_json()),
        "versions": known,
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in made.items()
        },
    }
    return {**made, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}


def write(folder: Path, made: Mapping[str, bytes]) -> None:
    """Write the files of a run; those that a former run has left under these names go."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        for former in (name, f"{name}.gz", name.removesuffix(".gz")):
            (folder / former).unlink(missing_ok=True)
        (folder / name).write_bytes(data)


def versions(site: Site, evidence: Evidence) -> dict[str, Any]:
    """Return the versions of everything that took part, as declared and as seen."""
    return {
        "kubernetes": site.cluster.kubernetes,
        "cilium": site.cilium.version,
        "chart_sha256": site.cilium.chart_sha256 or "",
        "python": platform.python_version(),
        "kernels": sorted({report.kernel for report in evidence.nodes.values()}),
        "routers": sorted({router.platform.value for router in site.routers}),
    }


def secrets_of(keys: Iterable[str], kubeconfig: str) -> Iterator[str]:
    """Yield whatever of them must appear in no file: each line of a key, each credential of a user."""
    yield from (line.strip() for key in keys for line in key.splitlines() if not line.startswith("-----"))
    try:
        users = (yaml.safe_load(kubeconfig) or {}).get("users") or ()
        credentials = [one["user"] for one in users]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        yield kubeconfig.strip()
        return
    yield from (str(user[key]) for user in credentials for key in USER_SECRETS if user and user.get(key))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return a text without any of the secrets."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _packed(name: str, data: bytes) -> tuple[str, bytes]:
    if len(data) <= LARGEST:
        return name, data
    return f"{name}.gz", gzip.compress(data, mtime=0)  # without a time the same run is the same bytes
