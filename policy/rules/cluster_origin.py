"""Only clusters that were created with Cilium as their first network plug-in may run it.

An older cluster does not support it, and does not come to support it by an upgrade. A cluster whose origin is not said
counts as old. The origin is a declared fact: a cluster component carries it; for other people's stacks the pack's
configuration says it. A Kubernetes upgrade of a cluster that was born with Cilium changes nothing.
"""

from __future__ import annotations

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, Severity, StackValidationArgs

from ..marks import shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, stack_policy, violation
from .cilium import brings_cilium
from .waivers import CLUSTER, in_force, today

NAME = "cilium-only-on-new-clusters"
STATED = "cilium-needs-a-stated-origin"
ALLOWED = "new"
HOW = (
    "Expected `new`: created with Cilium as its first network plug-in. "
    "Say it in site.cluster.origin, or as clusterOrigin in the pack's configuration; "
    "an older cluster has to be made anew."
)

CONFIG = PolicyConfigSchema(
    properties={"clusterOrigin": {"type": "string", "enum": ["new", "existing", "upgraded"]}},
)


def about(name: str, description: str) -> About:
    """Return what people read of both policies of this file."""
    return About(name=name, description=description, remediation=HOW, severity=Severity.CRITICAL, config=CONFIG)


def origin_of_the_cluster(args: ResourceValidationArgs) -> Judgement:
    """Judge a cluster component by its own origin, whatever else brings Cilium by the configuration's."""
    if args.resource_type == CLUSTER:
        if NAME in in_force(args.props, today()):
            return PASSED
        return _judged(args.props.get("origin"), "the cluster component")
    if not brings_cilium(args.resource_type, args.props):
        return not_applicable("brings no Cilium")
    if belongs_to_a_cluster(args):
        return not_applicable("the cluster component above it is judged")
    return _judged(args.get_config().get("clusterOrigin"), f"{args.resource_type} {args.name}")


def a_stack_with_cilium_says_the_origin(args: StackValidationArgs) -> Judgement:
    """Judge a stack that brings Cilium by the configuration, unless a cluster component in it is judged by itself."""
    brought = [resource for resource in args.resources if brings_cilium(resource.resource_type, resource.props)]
    said = any(resource.resource_type == CLUSTER for resource in args.resources)
    origin = args.get_config().get("clusterOrigin")
    if not brought:
        return not_applicable("the stack brings no Cilium")
    if said or origin == ALLOWED:
        return PASSED
    if origin:
        return violation(f"the configuration says origin `{shown(origin)}`. {HOW}", brought[0].urn)
    reason = f"{len(brought)} resources bring Cilium, and nothing says the cluster's origin. {HOW}"
    return violation(reason, brought[0].urn)


def belongs_to_a_cluster(args: ResourceValidationArgs) -> bool:
    """Tell whether a resource goes into a cluster whose component this stack has registered, and is judged by.

    A name that sounds like ours is worth nothing: the component itself has to be above the resource, or above the
    provider by which it reaches its cluster. The engine builds these addresses from parents that exist.
    """
    return CLUSTER in _above(args.urn) or (args.provider is not None and CLUSTER in _above(args.provider.urn))


def _judged(origin: object, where: str) -> Judgement:
    if origin == ALLOWED:
        return PASSED
    return violation(f"{where} declares origin `{shown(origin or 'not said')}`. {HOW}")


def _above(urn: str) -> list[str]:
    types = urn.split("::")[2] if urn.count("::") > 2 else ""
    return types.split("$")[:-1]


POLICIES = [
    resource_policy(about(NAME, "Cilium runs only on clusters that were created with it."), origin_of_the_cluster),
    stack_policy(
        about(STATED, "A stack that brings Cilium says how its cluster was born."),
        a_stack_with_cilium_says_the_origin,
    ),
]
