"""The ends as the configurations say them that are rendered for a site: each must be what is planned."""

from __future__ import annotations

from functools import partial

from underlay.model import Site
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends.compare import Read
from underlay.plan.ends.end import Secret
from underlay.plan.ends.objects import node_ends
from underlay.plan.ends.texts import READERS, digest
from underlay.plan.routers import PASSWORD_MARK, router_text

KEY = b"declared"
"""No secret: what is digested here is the mark that stands where the password will be."""
DIGEST: Secret = partial(digest, key=KEY)


def declared_ends(site: Site, texts: dict[str, str] | None = None, secret: Secret = DIGEST) -> Read:
    """Return both ends of a site's sessions; `texts` are routers' texts in place of the rendered ones.

    `secret` is what is kept of each password, the nodes' included, for which the mark stands.
    """
    given = texts or {}
    routers, ranges = {}, {}
    for router in site.routers:
        if reader := READERS.get(router.platform):
            own = given.get(router.name)
            text = router_text(site, router) if own is None else own
            routers[router.name], ranges[router.name] = reader.ends(text, secret), reader.ranges(text, secret)
    return Read(routers, ranges, node_ends(objects(site), {PASSWORD_SECRET: secret(PASSWORD_MARK)}))
