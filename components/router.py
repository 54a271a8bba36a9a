"""Router configuration: applied to managed routers, rendered for those of the network team."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_command import remote

from components.commands import Ssh, on_machine, outcome
from underlay.model import Router, Site
from underlay.plan.lineage import ROUTERS
from underlay.plan.routers import router_input, router_text
from underlay.remote import request


class Configuration(pulumi.ComponentResource):
    """Our part of every router's configuration."""

    configured: dict[str, remote.Command]
    outcome: pulumi.Output[str]
    """Changes whenever a router has been worked on."""
    rendered: dict[str, str]
    """Text for each router that is not managed here, with a mark where the password belongs."""

    def __init__(
        self,
        name: str,
        site: Site,
        *,
        ssh: Ssh,
        password: pulumi.Output[str],
        waived: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        managed = [router for router in site.routers if router.managed]
        facts = {"managed": [router.name for router in managed]}
        texts = {router.name: router_text(site, router) for router in site.routers}
        # The state keeps the texts, without the password, so that a preview shows what changes in them.
        super().__init__(ROUTERS, name, {**facts, "texts": texts}, opts)
        self.configured = {
            router.name: self._configure(site, router, texts[router.name], ssh, password, waived) for router in managed
        }
        self.outcome = outcome(self.configured.values())
        self.rendered = {router.name: texts[router.name] for router in site.routers if not router.managed}
        self.register_outputs(facts)

    def _configure(
        self,
        site: Site,
        router: Router,
        text: str,
        ssh: Ssh,
        password: pulumi.Output[str],
        waived: Mapping[str, str],
    ) -> remote.Command:
        assert router.management is not None  # noqa: S101 - the plan refuses a managed router without it
        data = router_input(site, router, text, waived)
        stdin = password.apply(lambda secret: request("configure_router", {**data, "password": secret}))
        opts = pulumi.ResourceOptions(parent=self)
        return on_machine(
            f"configure-{router.name}",
            ssh.to(router.name, router.management),
            router.management.user,
            stdin,
            opts,
        )
