"""Images: from registries that are allowed, and pinned so that the same declaration runs the same program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, ResourceValidationArgs, Severity

from ..marks import shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation
from .cilium import at, containers, is_chart
from .settings import is_on

REGISTRIES = About(
    name="images-come-from-allowed-registries",
    description="Images come from registries that the pack's configuration allows.",
    remediation="Mirror the image into an allowed registry, or add its registry (with the path, where one is meant) to "
    "`registries` in the pack's configuration.",
    severity=Severity.HIGH,
    config=PolicyConfigSchema(properties={"registries": {"type": "array", "items": {"type": "string"}}}),
)
DIGESTS = About(
    name="images-are-pinned-by-digest",
    description="An image is named by its digest; a tag may be another image tomorrow.",
    remediation="Write IMAGE@sha256:…, and leave useDigest of the chart on.",
    severity=Severity.MEDIUM,
    level=EnforcementLevel.ADVISORY,
)
DEFAULT = "quay.io/cilium/cilium"
PARTS = ("", "operator.", "preflight.", "hubble.relay.", "envoy.")
"""Parts of Cilium's chart that have an image."""
HUB = "docker.io"


def registries(args: ResourceValidationArgs) -> Judgement:
    """Judge from where each image of a workload or of Cilium's chart comes."""
    allowed = [str(name).rstrip("/") for name in args.get_config().get("registries") or []]
    found = list(_repositories(args.resource_type, args.props))
    if not allowed or not found:
        return not_applicable("runs no image" if allowed else "the configuration names no registries")
    wrong = [image for image in found if not any(f"{_full(image)}/".startswith(f"{name}/") for name in allowed)]
    return violation(f"{_list(wrong)}, expected {', '.join(allowed)}. {REGISTRIES.remediation}") if wrong else PASSED


def digests(args: ResourceValidationArgs) -> Judgement:
    """Judge whether each image is pinned."""
    images = [str(one.get("image") or "") for _, one in containers(args.resource_type, args.props)]
    wrong = [image for image in images if "@sha256:" not in image]
    if is_chart(args.resource_type, args.props):
        values = args.props.get("values") or {}
        switches = [f"{part}image.useDigest" for part in PARTS]
        wrong = [f"{place}: false" for place in switches if (on := at(values, place)) is not None and not is_on(on)]
    elif not images:
        return not_applicable("runs no image")
    return violation(f"{_list(wrong)}. {DIGESTS.remediation}") if wrong else PASSED


def _repositories(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    for _, container in containers(kind, props):
        yield str(container.get("image") or "")
    if is_chart(kind, props):
        values = props.get("values") or {}
        yield str(at(values, "image.repository") or DEFAULT)
        for part in PARTS[1:]:
            if repository := at(values, f"{part}image.repository"):
                yield str(repository)


def _full(image: str) -> str:
    """Return an image's reference without tag and digest, with the registry that is meant where none is written."""
    name = image.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    name = path if colon and "/" not in tag else name
    first = name.partition("/")[0]
    return name if "/" in name and ("." in first or ":" in first or first == "localhost") else f"{HUB}/{name}"


def _list(items: list[str]) -> str:
    return ", ".join(dict.fromkeys(shown(item or "no image") for item in items))


POLICIES = [resource_policy(REGISTRIES, registries), resource_policy(DIGESTS, digests)]
