"""A chart from wherever it is declared to this machine, with the digest and the version that were declared."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from underlay.chart.helm import FETCH_SECONDS, run
from underlay.finding import Finding, Refused
from underlay.plan.chart.source import kind, unpinned

KEPT = Path("build/charts")
"""Where fetched archives are kept, by digest; below the program, so that every machine calls a chart the same."""
NAME = "cilium"


def obtain(reference: str, version: str, sha256: str | None) -> str:
    """Return the path of the chart's directory or archive; Refused says why there is none that can be trusted."""
    how = kind(reference)
    if found := unpinned(reference, sha256):
        raise Refused([found])
    path = Path(reference)
    if sha256 and how != "directory":
        path = path if how == "archive" else _fetched(reference, version, sha256)
        _has_digest(path, sha256)
    described = _description(path)
    name = f"{described.get('name')} {described.get('version')}"
    if name != f"{NAME} {version}":
        raise Refused([Finding("chart-of-another-version", reference, name, f"{NAME} {version}")])
    return reference if how in ("directory", "archive") else str(path)


def _fetched(reference: str, version: str, sha256: str) -> Path:
    """Return an archive from a registry or repository; one of the declared digest is fetched once only."""
    path = KEPT / sha256 / f"{NAME}-{version}.tgz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        place = [reference] if kind(reference) == "registry" else [NAME, "--repo", reference]
        done = run(["pull", *place, "--version", version, "--destination", str(path.parent)], FETCH_SECONDS)
        if done.returncode:
            found = " ".join(done.stderr.split())[-300:]
            raise Refused([Finding("chart-not-fetched", reference, found, f"chart {NAME} {version}")])
    return path


def _has_digest(path: Path, sha256: str) -> None:
    found = hashlib.sha256(_bytes(path)).hexdigest()
    if found != sha256:
        if path.is_relative_to(KEPT):
            path.unlink()
        fix = "Compare with an archive that you trust before you change the declared digest."
        raise Refused([Finding("chart-digest-differs", str(path), f"sha256 {found}", f"sha256 {sha256}", fix)])


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _description(path: Path) -> Mapping[str, Any]:
    """Return the content of Chart.yaml of a directory or an archive."""
    try:
        text = (path / "Chart.yaml").read_bytes() if path.is_dir() else _member(path)
        described = yaml.safe_load(text)
    except (OSError, tarfile.TarError, KeyError, yaml.YAMLError) as error:
        raise _unreadable(path, error) from None
    return described if isinstance(described, dict) else {}


def _member(path: Path) -> bytes:
    with tarfile.open(path) as archive:
        member = archive.extractfile(f"{NAME}/Chart.yaml")
        return member.read() if member else b""


def _unreadable(path: Path, error: Exception) -> Refused:
    reason = str(getattr(error, "strerror", None) or error)
    return Refused([Finding("chart-unreadable", str(path), reason, "a directory or an archive with a chart")])
