"""What probe pods ask beside each other: the responders' own service, and the cluster's DNS."""

from __future__ import annotations

from underlay.model import Model
from underlay.model.base import Address, Name, Port

RESPONDER_PORT = 4271
"""TCP and UDP port of the responders; its own, so that no host network service is met by accident."""
WEB_PORT = 80
"""Port at which the responders' service speaks HTTP."""
RESPONDER_NAMESPACE = "underlay-probe"
"""Kubernetes namespace, service, and `app` label, of the responder pods."""


class ExpectedName(Model):
    """A name that the cluster's DNS has to know: the API server's own service is in every cluster."""

    server: Address
    """Where it is asked, from every probe pod."""
    name: str
    address: Address
    """The one answer."""


class ExpectedService(Model):
    """The service in front of all responder pods; the API gives it its address."""

    name: Name = RESPONDER_NAMESPACE
    port: Port = RESPONDER_PORT
    web_port: Port = WEB_PORT
    replaced: bool
    """Cilium in place of kube-proxy finds the pods behind it."""
