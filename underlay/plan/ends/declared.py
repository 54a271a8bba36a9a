"""The ends as the configurations say them that are rendered for a site: each must be what is planned."""

from __future__ import annotations

from underlay.model import Site
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends.compare import Read
from underlay.plan.ends.objects import node_ends
from underlay.plan.ends.texts import READERS, digested
from underlay.plan.routers import PASSWORD_MARK, router_text

KEY = b"declared"
"""No secret: what is digested here is the mark that stands where the password will be."""


def declared_ends(site: Site, texts: dict[str, str] | None = None) -> Read:
    """Return both ends of a site's sessions; `texts` are routers' texts in place of the rendered ones."""
    given = texts or {}
    routers, ranges = {}, {}
    for router in site.routers:
        if reader := READERS.get(router.platform):
            text = digested(given.get(router.name) or router_text(site, router), KEY)
            routers[router.name], ranges[router.name] = reader.ends(text), reader.ranges(text)
    mark = next(iter(digested(f"password {PASSWORD_MARK}", KEY).split()[1:]))
    return Read(routers, ranges, node_ends(objects(site), {PASSWORD_SECRET: mark}))
