"""Resources as a policy gets them."""

from __future__ import annotations

from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    StackValidationArgs,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

UNKNOWN = UNKNOWN_STRING_VALUE
OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
    parent="",
)


def urn(kind: str, name: str, *parents: str) -> str:
    """Return the URN of a resource below components of these types."""
    return f"urn:pulumi:dev::p::{'$'.join((*parents, kind))}::{name}"


def resource(
    kind: str, props: dict[str, Any], *parents: str, config: dict[str, Any] | None = None
) -> ResourceValidationArgs:
    """Return what a resource's policy is called with."""
    place = urn(kind, "it", *parents)
    return ResourceValidationArgs(kind, unknown_checking_proxy(props), place, "it", OPTIONS, None, config)


def stack(*resources: tuple[str, dict[str, Any]], config: dict[str, Any] | None = None) -> StackValidationArgs:
    """Return what a stack's policy is called with."""
    made = [
        PolicyResource(kind, unknown_checking_proxy(props), urn(kind, "it"), "it", OPTIONS, None, None, [], {})
        for kind, props in resources
    ]
    return StackValidationArgs(made, config)
