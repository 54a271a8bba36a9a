"""Cases of the rules about objects of a cluster: secrets, providers, names and images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.strict import Answer
from policy.testing import KUBERNETES, UNKNOWN, Resource, secret
from tests.policy.cases.case import (
    CLUSTER,
    CONFIG,
    DAEMONS,
    LOCAL,
    NOT_APPLICABLE,
    PASS,
    RELEASE,
    REMOTE,
    UNDETERMINED,
    VIOLATION,
    Case,
    one,
)

SECRETS, PROVIDER, NAMES = "passwords-are-secrets", "no-default-provider", "names-are-safe"
REGISTRIES, DIGESTS = "images-come-from-allowed-registries", "images-are-pinned-by-digest"
HOLDER = "kubernetes:core/v1:Secret"
DEFAULT = (KUBERNETES, "default_4_25_0")
KUBECONFIG = "users: [{name: u, user: {token: abc}}]"

TEXTS: tuple[tuple[str, str, dict[str, Any], Answer], ...] = (
    ("a password as a secret", REMOTE, {"connection": {"password": secret("sesame")}}, PASS),
    ("a password as text", REMOTE, {"connection": {"password": "sesame"}}, VIOLATION),
    ("a private key as text", REMOTE, {"connection": {"privateKey": "k"}}, VIOLATION),
    ("a connection that is a secret as a whole", REMOTE, {"connection": secret({"privateKey": "k"})}, PASS),
    ("an empty password", REMOTE, {"connection": {"password": ""}}, NOT_APPLICABLE),
    ("a redacted password", REMOTE, {"connection": {"password": "[secret]"}}, PASS),
    ("a password not known yet", REMOTE, {"connection": {"password": UNKNOWN}}, UNDETERMINED),
    ("a secret not known yet", REMOTE, {"connection": {"password": secret(UNKNOWN)}}, PASS),
    ("a Secret of secrets", HOLDER, {"stringData": {"any": secret("sesame")}}, PASS),
    ("a Secret as text", HOLDER, {"stringData": {"any": "sesame"}}, VIOLATION),
    ("a Secret's data as text", HOLDER, {"data": {"any": "c2VzYW1l"}}, VIOLATION),
    ("a key in any text", LOCAL, {"stdin": "x\n-----BEGIN OPENSSH PRIVATE KEY-----\nx"}, VIOLATION),
    ("a key in a secret", LOCAL, {"stdin": secret("-----BEGIN OPENSSH PRIVATE KEY-----")}, PASS),
    ("a password in chart values", RELEASE, {"chart": "x", "values": {"adminPassword": "sesame"}}, VIOLATION),
    ("a kubeconfig with a token", "pulumi:providers:kubernetes", {"kubeconfig": KUBECONFIG}, VIOLATION),
    ("a kubeconfig as a secret", "pulumi:providers:kubernetes", {"kubeconfig": secret(KUBECONFIG)}, PASS),
    ("a name of a Secret", CONFIG, {"data": {"authSecretRef": "bgp"}}, NOT_APPLICABLE),
)

NAMED: tuple[tuple[str, str, dict[str, Any], Answer], ...] = (
    ("a cluster's", CLUSTER, {"clusterName": "prod-1"}, PASS),
    ("a cluster's with a path", CLUSTER, {"clusterName": "../prod"}, VIOLATION),
    ("a cluster's that is too long", CLUSTER, {"clusterName": "a" * 33}, VIOLATION),
    ("no cluster's", CLUSTER, {}, VIOLATION),
    ("an unknown cluster's", CLUSTER, {"clusterName": UNKNOWN}, UNDETERMINED),
    ("an object's", CONFIG, {"metadata": {"name": "net.settings"}}, PASS),
    ("an object's in capitals", CONFIG, {"metadata": {"name": "Net"}}, VIOLATION),
    ("an object's by the provider", CONFIG, {"metadata": {}}, NOT_APPLICABLE),
    ("no name for an object of Cilium", "kubernetes:cilium.io/v2:CiliumBGPPeerConfig", {"spec": {}}, VIOLATION),
    ("a role's", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", {"metadata": {"name": "a:b"}}, NOT_APPLICABLE),
    ("a release's", RELEASE, {"chart": "cilium", "name": "cilium"}, PASS),
    ("a release's with a dot", RELEASE, {"chart": "cilium", "name": "cilium.x"}, VIOLATION),
)

DIGEST = "@sha256:" + "0" * 64
IMAGES: tuple[tuple[str, str, Answer, Answer], ...] = (
    ("an allowed one", f"r.example/net/x:1{DIGEST}", PASS, PASS),
    ("another registry", f"quay.io/net/x{DIGEST}", VIOLATION, PASS),
    ("a registry that begins alike", f"r.example.org/net/x{DIGEST}", VIOLATION, PASS),
    ("another path", f"r.example/other/x{DIGEST}", VIOLATION, PASS),
    ("a tag", "r.example/net/x:1", PASS, VIOLATION),
    ("a name alone", "nginx", VIOLATION, VIOLATION),
    ("none", "", VIOLATION, VIOLATION),
    ("unknown", UNKNOWN, UNDETERMINED, UNDETERMINED),
)
ALLOWED = {"registries": ["r.example/net"]}


def _daemons(image: str) -> Resource:
    pod = {"initContainers": [{"image": image}], "containers": [{"image": f"r.example/net/y{DIGEST}"}]}
    return Resource(DAEMONS, {"metadata": {"name": "x"}, "spec": {"template": {"spec": pod}}})


def _release(values: dict[str, Any]) -> Resource:
    return Resource(RELEASE, {"chart": "cilium", "values": values})


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, kind, props, expected in TEXTS:
        yield one(SECRETS, title, expected, Resource(kind, props))
    further = Resource(CONFIG, {"data": {"psk": "x"}})
    yield one(SECRETS, "a configured name", VIOLATION, further, {"keys": ["psk"]})
    yield one(PROVIDER, "a provider", PASS, Resource(CONFIG, {"kind": "ConfigMap"}))
    yield one(PROVIDER, "the default one", VIOLATION, Resource(CONFIG, {"kind": "ConfigMap"}, provider=DEFAULT))
    yield one(
        PROVIDER, "the default one of commands", NOT_APPLICABLE, Resource(LOCAL, {"create": "x"}, provider=DEFAULT)
    )
    for title, kind, props, expected in NAMED:
        yield one(NAMES, title, expected, Resource(kind, props))
    yield one(NAMES, "a lower limit", VIOLATION, Resource(CLUSTER, {"clusterName": "prod"}), {"longestClusterName": 3})
    for title, image, by_registry, by_digest in IMAGES:
        yield one(REGISTRIES, title, by_registry, _daemons(image), ALLOWED)
        yield one(DIGESTS, title, by_digest, _daemons(image))
    yield one(REGISTRIES, "nothing is configured", NOT_APPLICABLE, _daemons("nginx"))
    yield one(REGISTRIES, "a chart's own image", VIOLATION, _release({}), ALLOWED)
    mirrored = _release({"image": {"repository": "r.example/net/cilium"}})
    yield one(REGISTRIES, "a chart's mirrored image", PASS, mirrored, ALLOWED)
    yield one(REGISTRIES, "no image", NOT_APPLICABLE, Resource(CONFIG, {}), ALLOWED)
    yield one(DIGESTS, "a chart as it is", PASS, _release({}))
    yield one(DIGESTS, "a chart without digests", VIOLATION, _release({"operator": {"image": {"useDigest": False}}}))
    yield one(DIGESTS, "no image", NOT_APPLICABLE, Resource(CONFIG, {}))
