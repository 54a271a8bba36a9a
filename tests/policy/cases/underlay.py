"""Cases of the rules by which underlay means underlay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.strict import Answer
from policy.testing import UNKNOWN, Resource
from tests.policy.cases.case import (
    CLUSTER,
    CONFIG,
    LOCAL,
    NOT_APPLICABLE,
    PASS,
    RELEASE,
    UNDETERMINED,
    V3,
    V4,
    VIOLATION,
    Case,
    one,
)

MODE, BARE = "network-mode-is-underlay", "underlay-without-encapsulation"
CIDR, FITS = "native-cidr-is-the-pod-pool", "node-share-fits-the-pool"

FILE = "NETWORK_PROVIDER: cilium\nCILIUM_IPV4POOL_CIDR: 10.1.0.0/16\n"

MODES: tuple[tuple[str, str, Mapping[str, Any], Answer], ...] = (
    ("the component's fact", CLUSTER, {"networkMode": "underlay"}, PASS),
    ("the component's overlay", CLUSTER, {"networkMode": "overlay"}, VIOLATION),
    ("a component that does not say", CLUSTER, {}, VIOLATION),
    ("an unknown mode", CLUSTER, {"networkMode": UNKNOWN}, UNDETERMINED),
    ("the file", LOCAL, {"create": "x", "stdin": f"{FILE}CILIUM_NETWORK_MODE: underlay\n"}, PASS),
    ("the file's overlay", LOCAL, {"create": "x", "stdin": f"{FILE}CILIUM_NETWORK_MODE: overlay\n"}, VIOLATION),
    ("a file that does not say", LOCAL, {"create": "x", "stdin": FILE}, VIOLATION),
    (
        "a file in a file",
        LOCAL,
        {"create": "x", "stdin": '"{\\"NETWORK_PROVIDER\\": \\"cilium\\", \\"CILIUM_NETWORK_MODE\\": \\"underlay\\"}"'},
        PASS,
    ),
    (
        "keys of a ConfigMap",
        CONFIG,
        {"data": {"NETWORK_PROVIDER": "cilium", "CILIUM_NETWORK_MODE": "underlay"}},
        PASS,
    ),
    ("keys of a ConfigMap without it", CONFIG, {"data": {"NETWORK_PROVIDER": "cilium"}}, VIOLATION),
    ("another command", LOCAL, {"create": "x"}, NOT_APPLICABLE),
    (
        "underlay in a comment alone",
        LOCAL,
        {"create": "x", "stdin": f"{FILE}# CILIUM_NETWORK_MODE: underlay (see wiki)\nCILIUM_NETWORK_MODE: overlay\n"},
        VIOLATION,
    ),
    (
        "the last of two",
        LOCAL,
        {"create": "x", "stdin": f"{FILE}CILIUM_NETWORK_MODE: underlay\nCILIUM_NETWORK_MODE: overlay\n"},
        VIOLATION,
    ),
)

NATIVE = {"routingMode": "native"}
VALUES: tuple[tuple[str, dict[str, Any], Answer], ...] = (
    ("native", NATIVE, PASS),
    ("not said", {}, VIOLATION),
    ("tunnel", {"routingMode": "tunnel"}, VIOLATION),
    ("misspelt", {"routingMode": "natve"}, VIOLATION),
    ("unknown", {"routingMode": UNKNOWN}, UNDETERMINED),
    ("egress gateway", {**NATIVE, "egressGateway": {"enabled": True}}, VIOLATION),
    ("egress gateway as text", {**NATIVE, "egressGateway": {"enabled": "true"}}, VIOLATION),
    ("egress gateway off", {**NATIVE, "egressGateway": {"enabled": False}}, PASS),
    ("egress gateway by dots", {**NATIVE, "egressGateway.enabled": True}, VIOLATION),
    ("egress gateway unknown", {**NATIVE, "egressGateway": {"enabled": UNKNOWN}}, UNDETERMINED),
    ("dispatch geneve", {**NATIVE, "loadBalancer": {"mode": "dsr", "dsrDispatch": "geneve"}}, VIOLATION),
    ("dispatch ipip", {**NATIVE, "loadBalancer": {"mode": "dsr", "dsrDispatch": "ipip"}}, VIOLATION),
    ("dispatch opt", {**NATIVE, "loadBalancer": {"mode": "dsr", "dsrDispatch": "opt"}}, PASS),
    ("mode by annotation", {**NATIVE, "bpf": {"lbModeAnnotation": True}}, PASS),
    (
        "mode by annotation, dispatch geneve",
        {**NATIVE, "bpf": {"lbModeAnnotation": True}, "loadBalancer": {"mode": "snat", "dsrDispatch": "geneve"}},
        VIOLATION,
    ),
    ("VTEP", {**NATIVE, "vtep": {"enabled": True}}, VIOLATION),
    ("SRv6", {**NATIVE, "srv6": {"enabled": True}}, VIOLATION),
    ("encryption", {**NATIVE, "encryption": {"enabled": True, "type": "wireguard"}}, VIOLATION),
    ("a tunnel of old charts", {**NATIVE, "tunnel": "vxlan"}, VIOLATION),
    ("a tunnel by extraConfig", {**NATIVE, "extraConfig": {"routing-mode": "tunnel"}}, VIOLATION),
    ("a tunnel by extraArgs", {**NATIVE, "extraArgs": ["--routing-mode=tunnel"]}, VIOLATION),
    ("IPsec by extraArgs", {**NATIVE, "extraArgs": ["--enable-ipsec"]}, VIOLATION),
    ("a tunnel by extraEnv", {**NATIVE, "extraEnv": [{"name": "CILIUM_ROUTING_MODE", "value": "tunnel"}]}, VIOLATION),
    ("other extras", {**NATIVE, "extraConfig": {"debug": "true"}, "extraArgs": ["--debug"], "extraEnv": []}, PASS),
    ("native by extraConfig alone", {"extraConfig": {"routing-mode": "native"}}, PASS),
)

DATA: tuple[tuple[str, str, dict[str, Any], Answer], ...] = (
    ("native", CONFIG, {"routing-mode": "native"}, PASS),
    ("not said", CONFIG, {}, VIOLATION),
    ("a patch that does not say", f"{CONFIG}Patch", {"debug": "true"}, PASS),
    ("a patch to a tunnel", f"{CONFIG}Patch", {"routing-mode": "tunnel"}, VIOLATION),
    ("wireguard", CONFIG, {"routing-mode": "native", "enable-wireguard": "true"}, VIOLATION),
    ("ipsec", CONFIG, {"routing-mode": "native", "enable-ipsec": "true"}, VIOLATION),
    ("dispatch", CONFIG, {"routing-mode": "native", "bpf-lb-dsr-dispatch": "geneve"}, VIOLATION),
    ("another ConfigMap", CONFIG, {}, NOT_APPLICABLE),
)

NODES = "kubernetes:cilium.io/v2:CiliumNodeConfig"
NODE_CONFIGS: tuple[tuple[str, dict[str, Any], Answer], ...] = (
    ("a tunnel", {"routing-mode": "tunnel"}, VIOLATION),
    ("egress gateway", {"enable-egress-gateway": "true"}, VIOLATION),
    ("something else", {"debug": "true"}, PASS),
    ("unknown", {"routing-mode": UNKNOWN}, UNDETERMINED),
)
WITHIN: tuple[tuple[str, dict[str, Any], Answer], ...] = (
    ("native", {"cilium": {"routingMode": "native"}, "routingMode": "tunnel"}, PASS),
    ("a tunnel", {"cilium": {"routingMode": "tunnel"}}, VIOLATION),
    ("not said", {"cilium": {"kubeProxyReplacement": True}}, VIOLATION),
    ("unknown", {"cilium": {"routingMode": UNKNOWN}}, UNDETERMINED),
    ("by another name", {"routingMode": "tunnel", "kubeProxyReplacement": True}, VIOLATION),
)

POOL = {"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"], "clusterPoolIPv4MaskSize": 24}}}
TWO = {"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.0.0.0/16", "10.1.0.0/16"]}}}
RANGES: tuple[tuple[str, dict[str, Any], Answer], ...] = (
    ("the pool", {**POOL, "ipv4NativeRoutingCIDR": "10.1.0.0/16"}, PASS),
    ("narrower", {**POOL, "ipv4NativeRoutingCIDR": "10.1.0.0/17"}, VIOLATION),
    ("wider", {**POOL, "ipv4NativeRoutingCIDR": "10.0.0.0/8"}, VIOLATION),
    ("everything", {**POOL, "ipv4NativeRoutingCIDR": "0.0.0.0/0"}, VIOLATION),
    ("not said", POOL, VIOLATION),
    ("no range", {**POOL, "ipv4NativeRoutingCIDR": "pods"}, UNDETERMINED),
    ("from the pool", {**POOL, "nativeRoutingCIDRFromClusterPool": True}, PASS),
    ("from two pools", {**TWO, "nativeRoutingCIDRFromClusterPool": True}, VIOLATION),
    ("over two pools", {**TWO, "ipv4NativeRoutingCIDR": "10.0.0.0/15"}, PASS),
    ("one of two pools", {**TWO, "ipv4NativeRoutingCIDR": "10.1.0.0/16"}, VIOLATION),
    ("no pool", {"ipv4NativeRoutingCIDR": "10.1.0.0/16"}, VIOLATION),
    ("unknown", {**POOL, "ipv4NativeRoutingCIDR": UNKNOWN}, UNDETERMINED),
    (
        "addresses of Kubernetes",
        {"ipam": {"mode": "kubernetes"}, "ipv4NativeRoutingCIDR": "10.1.0.0/16"},
        NOT_APPLICABLE,
    ),
)

FACTS = {"routingMode": "native", "nativeRoutingCidr": "10.1.0.0/16", "podPool": "10.1.0.0/16", "podMask": 24}


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, kind, props, expected in MODES:
        yield one(MODE, title, expected, Resource(kind, props))
    for title, values, expected in VALUES:
        yield one(BARE, title, expected, Resource(RELEASE, {"chart": "cilium", "values": values}))
    for title, kind, data, expected in DATA:
        name = "settings" if title == "another ConfigMap" else "cilium-config"
        yield one(BARE, f"data: {title}", expected, Resource(kind, {"metadata": {"name": name}, "data": data}))
    for title, defaults, expected in NODE_CONFIGS:
        yield one(BARE, f"some nodes: {title}", expected, Resource(NODES, {"spec": {"defaults": defaults}}))
    for title, values, expected in WITHIN:
        told = {"chart": "./platform", "values": values}
        yield one(BARE, f"a chart that holds it: {title}", expected, Resource(RELEASE, told))
    yield one(BARE, "a chart v3", VIOLATION, Resource(V3, {"chart": "cilium"}))
    yield one(BARE, "a chart v4", VIOLATION, Resource(V4, {"chart": "oci://r.example/cilium"}))
    yield from _hidden()
    for title, values, expected in RANGES:
        yield one(CIDR, title, expected, Resource(RELEASE, {"chart": "cilium", "values": values}))
    yield one(CIDR, "facts", PASS, Resource(CLUSTER, FACTS))
    yield one(CIDR, "facts that contradict", VIOLATION, Resource(CLUSTER, {**FACTS, "podPool": "10.2.0.0/16"}))
    yield one(
        CIDR, "facts with two pools", VIOLATION, Resource(CLUSTER, {**FACTS, "podPool": ["10.1.0.0/16", "10.9.0.0/16"]})
    )
    yield one(CIDR, "another chart", NOT_APPLICABLE, Resource(RELEASE, {"chart": "x"}))
    yield one(FITS, "a share", PASS, Resource(CLUSTER, FACTS))
    for mask in (15, 31, 32):
        yield one(FITS, f"a share of /{mask}", VIOLATION, Resource(CLUSTER, {**FACTS, "podMask": mask}))
    yield one(FITS, "a chart's share", PASS, Resource(RELEASE, {"chart": "cilium", "values": POOL}))
    yield one(FITS, "no share", NOT_APPLICABLE, Resource(RELEASE, {"chart": "cilium"}))
    yield one(FITS, "a share that is no number", UNDETERMINED, Resource(CLUSTER, {**FACTS, "podMask": "all"}))


def _hidden() -> Iterator[Case]:
    told = {"chart": "cilium", "values": NATIVE}
    kept = {**told, "reuseValues": True}
    files = {**told, "valueYamlFiles": [{"path": "./values.yaml"}]}
    wrong = {**files, "values": {"routingMode": "tunnel"}}
    yield one(BARE, "values in files", UNDETERMINED, Resource(RELEASE, files))
    yield one(BARE, "values in files beside wrong ones", VIOLATION, Resource(RELEASE, wrong))
    yield one(BARE, "values of an earlier release", UNDETERMINED, Resource(RELEASE, kept))
    yield one(CIDR, "a range in files", UNDETERMINED, Resource(RELEASE, files))
