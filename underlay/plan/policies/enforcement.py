"""What the site's policies have to come to on the nodes: the objects, and which pods are closed in which direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from underlay.model import Site
from underlay.plan.policies.baselines import labels
from underlay.plan.policies.drift import key
from underlay.plan.policies.objects import policy_objects
from underlay.plan.policies.selectors import Object

DIRECTIONS = ("ingress", "egress")


@dataclass(frozen=True)
class Closure:
    """Pods that a policy closes to everything that no policy lets through, by namespace and labels."""

    policy: str
    namespaces: frozenset[str]
    labels: Mapping[str, str]
    directions: tuple[str, ...]

    def selects(self, namespace: str, found: Mapping[str, str]) -> bool:
        """Tell whether a pod is one of them."""
        return namespace in self.namespaces and self.labels.items() <= found.items()


@dataclass(frozen=True)
class Enforcement:
    """The declared policies as the verdict compares them."""

    objects: tuple[Object, ...]
    labels: Mapping[str, str]
    """Of the site's own policies."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the policies by kind and name."""
        return tuple(" ".join(key(one)) for one in self.objects)

    @cached_property
    def closures(self) -> tuple[Closure, ...]:
        """Return the pods that have to be closed."""
        return tuple(closure for one in self.objects for closure in _closures(one))


def enforcement(site: Site) -> Enforcement | None:
    """Return what the site's policies have to come to; None where it declares none."""
    return Enforcement(tuple(policy_objects(site)), labels(site)) if site.policies else None


def _closures(item: Object) -> Iterator[Closure]:
    """Yield whom a policy closes; one that only denies, or that is about nodes, closes no pod."""
    spec = item["spec"]
    selector = spec.get("podSelector") or spec.get("endpointSelector") or {}
    spaces = [value for one in selector.get("matchExpressions", ()) for value in one["values"]]
    inside = item["metadata"].get("namespace")
    types = [one.lower() for one in spec.get("policyTypes", ())]
    directions = tuple(one for one in DIRECTIONS if one in types or one in spec)
    if selector and directions:
        name = " ".join(key(item))
        spaces = [inside] if inside else spaces
        yield Closure(name, frozenset(spaces), selector.get("matchLabels", {}), directions)
