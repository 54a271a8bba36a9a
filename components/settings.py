"""The stack's configuration: the declared site, its waivers, and the secrets, which stay Pulumi secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi

from components.cluster import show_to_policies
from components.refusal import refuse
from underlay.finding import Finding, Refused
from underlay.model import Site
from underlay.plan.checks import Declaration
from underlay.plan.reading import read
from underlay.plan.waivers import Waiver


@dataclass(frozen=True)
class Settings:
    """What one stack declares."""

    declaration: Declaration
    waivers: tuple[Waiver, ...]
    chart: str
    ssh_key: pulumi.Output[str]
    bastion_key: pulumi.Output[str] | None
    """Of the bastions; None: `ssh_key` opens them too."""
    bgp_password: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    """Of a cluster that somebody else's installer has made; unused when the site names an installer."""
    cluster_password: pulumi.Output[str] | None
    """SSH password of the masters for the cluster file; None: the file's own stays."""

    @property
    def site(self) -> Site:
        """Return the declared site."""
        return self.declaration.site


def load_settings() -> Settings:
    """Read the stack's configuration; whatever is malformed ends the program with every finding in one message."""
    config = pulumi.Config()
    try:
        declaration, waivers = read(
            _plain(config, "site"),
            _plain(config, "hostKeys", {}),
            _plain(config, "waivers", []),
            datetime.now(UTC).date(),
        )
        site = declaration.site
        _kubeconfig_is_told(site, config)
        return Settings(
            declaration=declaration,
            waivers=waivers,
            chart=_chart(site, config),
            ssh_key=config.require_secret("sshKey"),
            bastion_key=config.get_secret("bastionKey"),
            bgp_password=config.require_secret("bgpPassword"),
            kubeconfig=config.get_secret("kubeconfig") or pulumi.Output.secret(""),
            cluster_password=config.get_secret("clusterPassword"),
        )
    except Refused as refused:
        show_to_policies(_shown(config))
        refuse(refused.findings, refused.note)


def _plain(config: pulumi.Config, key: str, default: object = None) -> object:
    """Return a value as plain data; a text that is no JSON is told like any other mistake."""
    try:
        found = config.get_object(key)
    except pulumi.ConfigTypeError:
        text = repr(config.get(key))[:120]
        raise Refused([Finding("configuration-malformed", key, text, "a mapping or a list, not a text")]) from None
    return default if found is None else found


def _shown(config: pulumi.Config) -> object:
    try:
        return config.get_object("site")
    except pulumi.ConfigTypeError:
        return None


def _chart(site: Site, config: pulumi.Config) -> str:
    chart = config.get("chart") or site.cilium.chart or ""
    if site.cilium.owner == "release" and not chart:
        expected = "directory, archive or OCI reference of the Cilium chart"
        raise Refused([Finding("chart-missing", "site.cilium.chart", "nothing", expected, "Or set the key `chart`.")])
    return chart


def _kubeconfig_is_told(site: Site, config: pulumi.Config) -> None:
    if site.cluster.has_installer and config.get("kubeconfig"):
        expected = "one of the two: a kubeconfig, or site.cluster.installer, which prints one"
        raise Refused([Finding("kubeconfig-told-twice", "kubeconfig", "a value", expected)])
    if not site.cluster.has_installer and not config.get("kubeconfig"):
        expected = "a kubeconfig, because the site names no installer"
        fix = "Run `pulumi config set --secret kubeconfig < FILE`, or declare site.cluster.installer."
        raise Refused([Finding("kubeconfig-missing", "kubeconfig", "nothing", expected, fix)])
