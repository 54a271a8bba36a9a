"""How an installer is called: the cluster file in, a kubeconfig out."""

from __future__ import annotations

from typing import NamedTuple

from underlay.model import Site
from underlay.model.cluster import UcsCtl
from underlay.plan.cluster_file import file_name

FILE, KUBECONFIG = "<cluster-file>", "<kubeconfig-file>"
"""Stand for paths that only the machine knows on which the installer runs."""
Words = tuple[str, ...]


class Steps(NamedTuple):
    """The commands of an installer as lists of words, never shell text."""

    make: Words
    """Makes the cluster."""
    export: Words = ()
    """Writes the kubeconfig of a cluster that is there; without it, `make` prints one, and may be run again."""


def steps(site: Site) -> Steps | None:
    """Return how the site's installer is called; None where the cluster is somebody else's work."""
    if site.cluster.ucs_ctl:
        return _ucs_ctl(site.cluster.ucs_ctl, site.cluster.name)
    return _command(site.cluster.installer, file_name(site)) if site.cluster.installer else None


def _command(words: Words, name: str) -> Steps:
    """Return the declared command; it is told the cluster file's path where the file's name stands."""
    return Steps(tuple(FILE if word == name else word for word in words))


def _ucs_ctl(tool: UcsCtl, name: str) -> Steps:
    """Return the vendor's own tool; it makes a cluster once, and exports its kubeconfig to a file."""
    return Steps(
        (tool.program, "create", "cluster", name, "-c", FILE, "-f", tool.agent),
        (tool.program, "get", "kubeconfig", "-c", name, "-o", KUBECONFIG),
    )
