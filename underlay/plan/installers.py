"""How an installer is called: the cluster file in, a kubeconfig out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from underlay.model import Site
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


def command(site: Site) -> Steps:
    """Return the declared command; it is told the cluster file's path where the file's name stands."""
    name = file_name(site)
    return Steps(tuple(FILE if word == name else word for word in site.cluster.installer))


def ucs_ctl(site: Site) -> Steps:
    """Return the vendor's own tool; it makes a cluster once, and exports its kubeconfig to a file."""
    tool, name = site.cluster.ucs_ctl, site.cluster.name
    assert tool is not None  # noqa: S101 - the table below asks first
    return Steps(
        (tool.program, "create", "cluster", name, "-c", FILE, "-f", tool.agent),
        (tool.program, "get", "kubeconfig", "-c", name, "-o", KUBECONFIG),
    )


ADAPTERS: tuple[tuple[Callable[[Site], bool], Callable[[Site], Steps]], ...] = (
    (lambda site: site.cluster.ucs_ctl is not None, ucs_ctl),
    (lambda site: bool(site.cluster.installer), command),
)
"""Whether a site declares an installer of a kind, and how that kind is called."""


def steps(site: Site) -> Steps | None:
    """Return how the site's installer is called; None where the cluster is somebody else's work."""
    return next((call(site) for declares, call in ADAPTERS if declares(site)), None)
