"""The stack's configuration: the declared site, its waivers, and the secrets, which stay Pulumi secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pulumi
from pulumi.runtime import get_config_secret_keys_env, is_config_secret

from components.cluster import show_to_policies
from components.quiet import keep_values_back
from components.refusal import refuse
from underlay.finding import Refused
from underlay.model import Site
from underlay.plan.checks import Declaration
from underlay.plan.reading import PLAIN, SECRETS, Told, read
from underlay.plan.waivers import Waiver


@dataclass(frozen=True)
class Settings:
    """What one stack declares."""

    declaration: Declaration
    waivers: tuple[Waiver, ...]
    chart: str
    evidence: str
    """Directory for an update's proof; empty for none."""
    ssh_key: pulumi.Output[str]
    bastion_key: pulumi.Output[str] | None
    """Of the bastions; None: `ssh_key` opens them too."""
    bgp_password: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    """Of a cluster that somebody else's installer has made; unused when the site names an installer."""
    today: date
    """The day by which waivers hold, in UTC; one for the whole run."""
    cluster_password: pulumi.Output[str] | None
    """SSH password of the masters for the cluster file; None: the file's own stays."""

    @property
    def site(self) -> Site:
        """Return the declared site."""
        return self.declaration.site


def load_settings() -> Settings:
    """Read the stack's configuration; whatever is wrong with it ends the program with every finding in one message."""
    keep_values_back()
    config, today = pulumi.Config(), datetime.now(UTC).date()
    told = _told(config)
    try:
        found = read(told, today)
    except Refused as refused:
        show_to_policies(told.site)
        refuse(refused.findings, refused.note)
    return Settings(
        declaration=found.declaration,
        waivers=found.waivers,
        chart=found.chart,
        evidence=config.get("evidence") or "",
        ssh_key=config.require_secret("sshKey"),
        bastion_key=config.get_secret("bastionKey"),
        bgp_password=config.require_secret("bgpPassword"),
        kubeconfig=config.get_secret("kubeconfig") or pulumi.Output.secret(""),
        today=today,
        cluster_password=config.get_secret("clusterPassword"),
    )


def _told(config: pulumi.Config) -> Told:
    if hidden := frozenset(key for key in PLAIN if _secret(config.full_key(key))):
        return Told(site=None, hidden=hidden)
    return Told(
        site=_plain(config, "site"),
        host_keys=_plain(config, "hostKeys", {}),
        waivers=_plain(config, "waivers", []),
        chart=config.get("chart") or "",
        secrets=frozenset(key for key in (*SECRETS, "kubeconfig") if config.get(key)),
    )


def _secret(name: str) -> bool:
    """Return whether the engine marks a key as secret; one value within it is enough."""
    return is_config_secret(name) or name in get_config_secret_keys_env()


def _plain(config: pulumi.Config, key: str, default: object = None) -> object:
    """Return a value as plain data, or its text where it is no JSON."""
    try:
        found = config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)
    return default if found is None else found
