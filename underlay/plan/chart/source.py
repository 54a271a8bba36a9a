"""Where a chart comes from, read from its reference: a directory, an archive, a registry or a repository."""

from __future__ import annotations

from typing import Literal

Kind = Literal["directory", "archive", "registry", "repository"]


def kind(reference: str) -> Kind:
    """Return what a reference names."""
    if reference.startswith("oci://"):
        return "registry"
    if reference.endswith((".tgz", ".tar.gz")):
        return "archive"
    return "repository" if reference.startswith(("https://", "http://")) else "directory"


def is_directory(reference: str) -> bool:
    """Return whether a reference names a directory, which has no digest of its own."""
    return kind(reference) == "directory"
