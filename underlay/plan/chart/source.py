"""Where a chart comes from, read from its reference: a directory, an archive, a registry or a repository."""

from __future__ import annotations

from typing import Literal

from underlay.finding import Finding
from underlay.model import Site

Kind = Literal["directory", "archive", "registry", "repository"]


def kind(reference: str) -> Kind:
    """Return what a reference names."""
    if reference.startswith("oci://"):
        return "registry"
    if reference.endswith((".tgz", ".tar.gz")):
        return "archive"
    return "repository" if reference.startswith(("https://", "http://")) else "directory"


def chosen(site: Site, told: str = "") -> str:
    """Return the chart to install, which may be told beside the site; nothing where there is none or nobody asks."""
    return (told or site.cilium.chart or "") if site.cilium.owner == "release" else ""


def unpinned(reference: str, sha256: str | None) -> Finding | None:
    """Return the finding about a chart that may be another one tomorrow; None where it is pinned, or a directory."""
    if sha256 or kind(reference) == "directory":
        return None
    fix = "Print it with `sha256sum` on an archive that you trust."
    return Finding("chart-not-pinned", "site.cilium.chart_sha256", "nothing", f"the SHA-256 of {reference}", fix)
