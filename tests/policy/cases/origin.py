"""Cases of the two rules about a cluster's origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.cluster_origin import NAME, STATED
from policy.strict import Answer
from policy.testing import KUBERNETES, UNKNOWN, Resource
from tests.policy.cases.case import (
    CLUSTER,
    CONFIG,
    DAEMONS,
    LOCAL,
    NOT_APPLICABLE,
    OURS,
    PASS,
    RELEASE,
    UNDETERMINED,
    V3,
    V4,
    VIOLATION,
    Case,
    one,
)

CILIUM = {"chart": "cilium"}
BGP = "kubernetes:cilium.io/v2:CiliumBGPPeerConfig"
NEW, OLD = {"clusterOrigin": "new"}, {"clusterOrigin": "upgraded"}
COMPLETE = {"rule": NAME, "reason": "a trial", "allowed_by": "network team", "until": "2999-12-31"}


def _pod(image: str) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


CLUSTERS: tuple[tuple[str, dict[str, Any], Answer], ...] = (
    ("a new cluster", {"origin": "new"}, PASS),
    ("a Cilium-born cluster after a Kubernetes upgrade", {"origin": "new", "kubernetesVersion": "1.35.0"}, PASS),
    ("an existing cluster", {"origin": "existing"}, VIOLATION),
    ("an upgraded cluster", {"origin": "upgraded"}, VIOLATION),
    ("a cluster that does not say", {}, VIOLATION),
    ("a cluster with an empty origin", {"origin": ""}, VIOLATION),
    ("a word that only looks like it", {"origin": "New"}, VIOLATION),
    ("a list that holds the word", {"origin": ["new"]}, VIOLATION),
    ("an unknown origin", {"origin": UNKNOWN}, UNDETERMINED),
    ("a waived cluster", {"origin": "existing", "waivers": [COMPLETE]}, PASS),
    ("a waiver of another rule", {"origin": "existing", "waivers": [{**COMPLETE, "rule": "other"}]}, VIOLATION),
    ("a waiver that ended", {"origin": "existing", "waivers": [{**COMPLETE, "until": "2020-01-01"}]}, VIOLATION),
    (
        "a waiver that nobody allowed",
        {"origin": "existing", "waivers": [{key: COMPLETE[key] for key in ("rule", "reason", "until")}]},
        VIOLATION,
    ),
)

BRINGERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "a release": (RELEASE, CILIUM),
    "a chart by its registry": (V4, {"chart": "oci://r.example/charts/cilium"}),
    "a chart by its folder": (V3, {"chart": "./charts/cilium-1.20.2/"}),
    "a chart by its archive": (RELEASE, {"chart": "cilium-1.20.2.tgz"}),
    "a chart by its tag": (V4, {"chart": "oci://r.example/charts/cilium:1.20.2"}),
    "a chart by its digest": (V4, {"chart": "oci://r.example/charts/cilium@sha256:aa"}),
    "a chart by a folder of another name": (V3, {"chart": "./vendor/cilium-chart"}),
    "a chart by a signed address": (RELEASE, {"chart": "https://m.example/cilium-1.tgz?s=a/b"}),
    "a chart by its repository": (
        RELEASE,
        {"chart": "x", "repositoryOpts": {"repo": "https://charts.cilium.example/"}},
    ),
    "a chart by its release's name": (RELEASE, {"chart": "./c", "name": "cilium"}),
    "a chart that holds it": (RELEASE, {"chart": "./platform", "values": {"cilium": {"routingMode": "native"}}}),
    "a chart by its values": (V4, {"chart": "./net", "values": {"routingMode": "native", "bgpControlPlane": {}}}),
    "a chart of a Kubernetes distribution": (RELEASE, {"chart": "rke2-cilium"}),
    "the agents as a manifest": (DAEMONS, {"metadata": {"name": "cilium"}}),
    "the agents by their label": (DAEMONS, {"metadata": {"name": "cni", "labels": {"k8s-app": "cilium"}}}),
    "the agents by their image": (DAEMONS, _pod("mirror.example/net/cilium:v1.20.2")),
    "a patch of the agents": (f"{DAEMONS}Patch", {"metadata": {"name": "cilium"}}),
    "Cilium's configuration": (CONFIG, {"metadata": {"name": "cilium-config"}}),
    "its configuration under another name": (
        CONFIG,
        {"metadata": {"name": "net"}, "data": {"routing-mode": "native", "cluster-pool-ipv4-cidr": "10.1.0.0/16"}},
    ),
    "a patch of it": (f"{CONFIG}Patch", {"metadata": {"name": "cilium-config"}}),
    "one of Cilium's objects": (BGP, {"spec": {}}),
    "one of its kinds": (
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        {"metadata": {"name": "ciliumnodes.cilium.io"}},
    ),
    "a release of Flux": (
        "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease",
        {"spec": {"chart": {"spec": {"chart": "cilium"}}}},
    ),
    "an application of Argo": (
        "kubernetes:argoproj.io/v1alpha1:Application",
        {"spec": {"source": {"chart": "cilium"}}},
    ),
    "a set of applications of Argo": (
        "kubernetes:argoproj.io/v1alpha1:ApplicationSet",
        {"spec": {"template": {"spec": {"sources": [{"chart": "cilium"}]}}}},
    ),
    "a chart of Cluster API": (
        "kubernetes:addons.cluster.x-k8s.io/v1alpha1:HelmChartProxy",
        {"spec": {"chartName": "cilium"}},
    ),
    "a command over several lines": (LOCAL, {"create": "helm upgrade --install \\\n  net \\\n  cilium/cilium"}),
    "a manifest on standard input": (
        LOCAL,
        {"create": "kubectl apply -f -", "stdin": "containers:\n- image: quay.example/cilium/cilium:v1.20.2\n"},
    ),
    "the agents' settings on standard input": (
        LOCAL,
        {"create": "kubectl apply -f -", "stdin": '{"kind": "ConfigMap", "metadata": {"name": "cilium-config"}}'},
    ),
    "a command with its installer": (LOCAL, {"create": "cilium install --version 1.20.2"}),
    "a command with its installer and a context": (LOCAL, {"create": "cilium --context x -n kube-system install"}),
    "a command with its installer under another name": (LOCAL, {"create": "x", "update": "cilium-cli upgrade"}),
    "a manifest from elsewhere": (LOCAL, {"create": "curl -sL https://r.example/cilium.yaml | kubectl apply -f -"}),
    "a command with helm": (LOCAL, {"create": "helm upgrade --install net oci://r.example/cilium -f v.yaml"}),
    "the cluster file in a command": (LOCAL, {"create": "cat", "stdin": "USERNAME: root\nNETWORK_PROVIDER: cilium\n"}),
    "the cluster file's keys as JSON": (LOCAL, {"create": "x", "stdin": '{"keys": {"NETWORK_PROVIDER": "cilium"}}'}),
    "the cluster file in a ConfigMap": (CONFIG, {"metadata": {"name": "c"}, "data": {"NETWORK_PROVIDER": "cilium"}}),
}

OTHERS: dict[str, tuple[str, dict[str, Any], Answer]] = {
    "another chart": (RELEASE, {"chart": "ciliumlike"}, NOT_APPLICABLE),
    "a tool of the same house": (
        RELEASE,
        {"chart": "tetragon", "repositoryOpts": {"repo": "https://helm.cilium.example"}},
        NOT_APPLICABLE,
    ),
    "a chart that is not known yet": (RELEASE, {"chart": UNKNOWN}, UNDETERMINED),
    "another chart whose values are not known yet": (RELEASE, {"chart": "x", "values": UNKNOWN}, NOT_APPLICABLE),
    "another chart that only knows of Cilium": (
        RELEASE,
        {"chart": "shop", "values": {"cilium": {"enabled": True}}},
        NOT_APPLICABLE,
    ),
    "a command that asks Cilium": (LOCAL, {"create": "cilium --context x status && ./install.sh"}, NOT_APPLICABLE),
    "a command about another program's manifest": (
        LOCAL,
        {"create": "kubectl apply -f -", "stdin": "image: r.example/shop/web:1\n"},
        NOT_APPLICABLE,
    ),
    "another DaemonSet": (DAEMONS, _pod("r.example/fluent:1"), NOT_APPLICABLE),
    "a DaemonSet without a name": (DAEMONS, {"metadata": {}}, NOT_APPLICABLE),
    "another ConfigMap": (CONFIG, {"metadata": {"name": "settings"}}, NOT_APPLICABLE),
    "another command": (LOCAL, {"create": "echo cilium", "stdin": UNKNOWN}, NOT_APPLICABLE),
    "a Secret": ("kubernetes:core/v1:Secret", {"data": {}}, NOT_APPLICABLE),
}

PARENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Answer]] = {
    "by the cluster's own provider": ((), OURS, NOT_APPLICABLE),
    "below the cluster": ((CLUSTER,), (KUBERNETES,), NOT_APPLICABLE),
    "below somebody's component": (("acme:net:Cilium",), (KUBERNETES,), VIOLATION),
    "below a component that only sounds like ours": (("underlay:cilium:Release",), (KUBERNETES,), VIOLATION),
    "below a component of our prefix": (("underlay:x:Anything",), (KUBERNETES,), VIOLATION),
    "by a provider of another component": ((), ("underlay:x:Anything", KUBERNETES), VIOLATION),
}

STACKS: tuple[tuple[str, tuple[Resource, ...], Mapping[str, Any], Answer], ...] = (
    ("nothing of Cilium", (Resource("kubernetes:core/v1:Secret"),), {}, NOT_APPLICABLE),
    ("Cilium beside our cluster", (Resource(CLUSTER, {"origin": "new"}), Resource(RELEASE, CILIUM, "r")), {}, PASS),
    ("Cilium, and nobody says", (Resource(RELEASE, CILIUM), Resource(BGP, {}, "b")), {}, VIOLATION),
    ("Cilium, and the configuration says", (Resource(RELEASE, CILIUM),), NEW, PASS),
    ("Cilium, and the configuration says otherwise", (Resource(RELEASE, CILIUM),), OLD, VIOLATION),
    (
        "Cilium below a component without a cluster",
        (Resource(RELEASE, CILIUM, above=("underlay:cilium:Release",)),),
        {},
        VIOLATION,
    ),
    ("a chart that is not known yet", (Resource(RELEASE, {"chart": UNKNOWN}),), {}, UNDETERMINED),
)


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, props, expected in CLUSTERS:
        yield one(NAME, title, expected, Resource(CLUSTER, props))
    contradicted = Resource(CLUSTER, {"origin": "existing"})
    yield one(NAME, "a component's word against the configuration's", VIOLATION, contradicted, NEW)
    for title, (kind, told) in BRINGERS.items():
        yield one(NAME, title, VIOLATION, Resource(kind, told))
        yield one(NAME, f"{title} on a new cluster", PASS, Resource(kind, told), NEW)
        yield one(NAME, f"{title} on an upgraded cluster", VIOLATION, Resource(kind, told), OLD)
    for title, (kind, told, expected) in OTHERS.items():
        yield one(NAME, title, expected, Resource(kind, told))
    for title, (above, provider, expected) in PARENTS.items():
        yield one(NAME, f"a release {title}", expected, Resource(RELEASE, CILIUM, above=above, provider=provider))
    for title, resources, config, expected in STACKS:
        yield Case(STATED, title, expected, resources, config)
