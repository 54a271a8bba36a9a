"""A test kit for packs: resources as a rule gets them, a rule's answer by its SDK object, and a state to analyse.

Nothing here needs an engine or a test framework. `state` makes the file that `pulumi policy analyze --file` reads, so
that the same cases can be put to the real engine without a program, a provider or a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from . import marks
from .strict import UNDETERMINED_MARK, Answer

UNKNOWN = UNKNOWN_STRING_VALUE
"""Stands for a value that preview does not know."""
KUBERNETES = "pulumi:providers:kubernetes"
STACK = "pulumi:pulumi:Stack"
ID = "11111111-1111-4111-8111-111111111111"
Props = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource as a program registers it."""

    kind: str
    props: Props = field(default_factory=dict)
    name: str = "it"
    above: tuple[str, ...] = ()
    """Types of the components above it, outermost first."""
    provider: tuple[str, ...] = (KUBERNETES,)
    """Types above the provider and its own last; empty for none, (KUBERNETES, "default_…") for the engine's own."""
    seconds: float = 0
    """The time limit that the program gives its operations."""

    @property
    def urn(self) -> str:
        """Return the resource's URN."""
        return f"urn:pulumi:test::test::{'$'.join((*self.above, self.kind))}::{self.name}"

    @property
    def provider_urn(self) -> str:
        """Return the URN of its provider; empty for a component."""
        named = self.provider[-1].startswith("default") if self.provider else False
        kinds = self.provider[:-1] if named else self.provider
        name = self.provider[-1] if named else "cluster"
        return f"urn:pulumi:test::test::{'$'.join(kinds)}::{name}" if self.provider and self.is_custom else ""

    @property
    def is_custom(self) -> bool:
        """Tell whether a provider makes it; the kubernetes provider's, and those of commands."""
        return self.kind.startswith(("kubernetes:", "command:")) and not self.kind.startswith("kubernetes:helm.sh/v4")


def secret(value: object) -> dict[str, Any]:
    """Return a value as the engine sends it when it is a secret."""
    return {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": value}


def answer(policy: Policy, *resources: Resource, config: Props | None = None) -> tuple[Answer, str]:
    """Return what a policy says: of the first resource, or of all of them where it judges stacks."""
    told: list[str] = []

    def report(text: str, _urn: str | None = None) -> None:
        told.append(text)

    marks.keep()
    try:
        if isinstance(policy, StackValidationPolicy):
            policy.validate(StackValidationArgs([_seen(one) for one in resources], config), report)
        elif isinstance(policy, ResourceValidationPolicy):
            policy.validate(_args(resources[0], config), report)
    except _NotApplicableError as error:
        return Answer.NOT_APPLICABLE, error.reason or ""
    if not told:
        return Answer.PASS, ""
    undetermined = told[0].startswith(UNDETERMINED_MARK)
    return (Answer.UNDETERMINED if undetermined else Answer.VIOLATION), "\n".join(told)


def state(resources: Iterable[Resource]) -> dict[str, Any]:
    """Return a state with these resources and what is above them, as `pulumi stack export` writes one."""
    root = {"urn": f"urn:pulumi:test::test::{STACK}::test-test", "custom": False, "type": STACK}
    made: dict[str, dict[str, Any]] = {root["urn"]: root}  # type: ignore[dict-item]
    for one in resources:
        _put(made, one)
    return {"version": 3, "deployment": {"manifest": {}, "resources": list(made.values())}}


def _put(made: dict[str, dict[str, Any]], one: Resource) -> None:
    if one.kind == STACK:
        made[next(iter(made))] |= {"inputs": {}, "outputs": _stored(one.props)}
        return
    parent = f"urn:pulumi:test::test::{STACK}::test-test"
    real = {entry["type"]: urn for urn, entry in made.items() if not entry["custom"]}
    for depth in range(len(one.above)):
        if one.above[depth] in real:
            parent = real[one.above[depth]]
            continue
        urn = f"urn:pulumi:test::test::{'$'.join(one.above[: depth + 1])}::above"
        made.setdefault(urn, {"urn": urn, "custom": False, "type": one.above[depth], "parent": parent})
        parent = urn
    entry: dict[str, Any] = {"urn": one.urn, "custom": one.is_custom, "type": one.kind, "parent": parent}
    entry["inputs"] = entry["outputs"] = _stored(one.props)
    if one.seconds:
        entry["customTimeouts"] = {"create": one.seconds, "update": one.seconds, "delete": one.seconds}
    if one.is_custom:
        entry |= {"id": "x", "provider": f"{one.provider_urn}::{ID}"}
        kind = one.provider_urn.split("::")[2].rpartition("$")[2]
        provider = {"urn": one.provider_urn, "custom": True, "type": kind, "id": ID, "inputs": {}, "outputs": {}}
        made.setdefault(one.provider_urn, provider)
    made[one.urn] = entry


def _stored(value: Any) -> Any:  # noqa: ANN401 - plain data of any form
    """Return a value as the engine reads it from a state: a secret is only a word that stands for it."""
    if isinstance(value, Mapping):
        if value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return marks.REDACTED
        return {key: _stored(item) for key, item in value.items()}
    return [_stored(item) for item in value] if isinstance(value, list | tuple) else value


def _options(one: Resource) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(one.seconds, one.seconds, one.seconds),
        additional_secret_outputs=[],
        parent="",
    )


def _provider(one: Resource) -> PolicyProviderResource | None:
    if not one.provider_urn:
        return None
    kind = one.provider_urn.split("::")[2].rpartition("$")[2]
    return PolicyProviderResource(kind, {}, one.provider_urn, one.provider_urn.rpartition("::")[2])


def _props(one: Resource) -> dict[str, Any]:
    return unknown_checking_proxy(deserialize_properties(dict(one.props)))


def _args(one: Resource, config: Props | None) -> ResourceValidationArgs:
    return ResourceValidationArgs(one.kind, _props(one), one.urn, one.name, _options(one), _provider(one), config)


def _seen(one: Resource) -> PolicyResource:
    return PolicyResource(one.kind, _props(one), one.urn, one.name, _options(one), _provider(one), None, [], {})
