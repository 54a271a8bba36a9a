"""Security policies: the objects that the declared intent becomes, and what a change of it opens and closes."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
from components.objects import custom
from underlay.model import Site
from underlay.plan.lineage import POLICIES, Lineage
from underlay.plan.policies import policy_objects, told, verdicts


def policies(site: Site, *, cluster: Cluster, past: Lineage, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Tell what changes for whom, and declare the policies; nothing is declared where the site has none."""
    for line in told(past.reach, site):
        pulumi.log.info(line)
    return [Policies("policies", site, cluster=cluster, opts=opts)] if site.policies else []


class Policies(pulumi.ComponentResource):
    """Who may talk to whom."""

    def __init__(self, name: str, site: Site, *, cluster: Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        facts = {"reach": verdicts(site)}
        super().__init__(POLICIES, name, dict(facts), opts)
        last: pulumi.Resource | None = None
        for item in policy_objects(site):
            # One after the other: what is allowed has to be open before anything closes the rest.
            last = custom(item, cluster, parent=self, after=[last] if last else [])
        self.register_outputs(facts)
