"""Kubernetes objects of the plan as resources, which an update takes over from one that was killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster import Cluster

TAKE_OVER = {"pulumi.com/patchForce": "true"}
"""An update that was killed may have made an object without noting it; the next one takes it over."""


def custom(
    item: Mapping[str, Any], cluster: Cluster, *, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
) -> kubernetes.apiextensions.CustomResource:
    """Declare an object of the plan, which is made once others are there."""
    return kubernetes.apiextensions.CustomResource(
        f"{item['kind']}-{item['metadata']['name']}",
        api_version=item["apiVersion"],
        kind=item["kind"],
        metadata={**item["metadata"], "annotations": TAKE_OVER},
        spec=item["spec"],
        opts=pulumi.ResourceOptions(parent=parent, provider=cluster.provider, depends_on=list(after)),
    )
