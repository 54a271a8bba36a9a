"""Underlay means underlay: packets of pods cross the wire bare, whatever a stack's author meant by `native`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, ip_network

from pulumi_policy import ResourceValidationArgs, Severity

from ..marks import shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation
from .cilium import cluster_file
from .settings import (
    FROM_POOL,
    IPAM,
    MASK,
    NATIVE_CIDR,
    POOLS,
    ROUTING,
    Form,
    Option,
    Settings,
    is_on,
    judged,
    settings,
)
from .waivers import CLUSTER

MODE = About(
    name="network-mode-is-underlay",
    description="The cluster file and the cluster component say underlay; the vendor's default is overlay.",
    remediation="Write CILIUM_NETWORK_MODE: underlay beside NETWORK_PROVIDER: cilium; never leave it out.",
    severity=Severity.CRITICAL,
)
BARE = About(
    name="underlay-without-encapsulation",
    description="No option of Cilium makes a tunnel or wraps packets of pods.",
    remediation="Set routingMode: native and leave every option off that encapsulates: egress gateway, DSR by geneve "
    "or ipip, VTEP, SRv6, encryption. `native` alone is not enough: some of them make a tunnel device beside it.",
    severity=Severity.CRITICAL,
)
CIDR = About(
    name="native-cidr-is-the-pod-pool",
    description="The native routing range is exactly the range of the pods.",
    remediation="Leave ipv4NativeRoutingCIDR to what follows from the pod pool. A narrower range hides pods behind "
    "their node's address, a wider one sends them out with an address that nobody outside knows.",
    severity=Severity.HIGH,
)
FITS = About(
    name="node-share-fits-the-pool",
    description="Each node's share of the pod pool is a part of it, and not a single address.",
    remediation="Choose a mask between the pool's prefix length and 29; with a smaller one no node gets any "
    "address, with a larger one no pod, and the agents wait for ever without an error.",
    severity=Severity.HIGH,
)

FILE_MODE = re.compile(r"""CILIUM_NETWORK_MODE[\\"']*\s*[:=]\s*[\\"']*([\w.-]*)""")
COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
Switch = Callable[[object], bool]


def _is_dispatch(value: object) -> bool:
    return value is not None and value != "opt"


ENCAPSULATES: tuple[tuple[Option, Switch, str], ...] = (
    (Option("tunnel", "tunnel"), lambda value: value not in (None, "disabled"), "makes a tunnel"),
    (Option("egressGateway.enabled", "enable-egress-gateway"), is_on, "makes a tunnel device beside native routing"),
    (Option("ipv4EgressGateway", "enable-ipv4-egress-gateway"), is_on, "makes a tunnel device beside native routing"),
    (Option("loadBalancer.dsrDispatch", "bpf-lb-dsr-dispatch"), _is_dispatch, "wraps packets of services"),
    (Option("vtep.enabled", "enable-vtep"), is_on, "sends packets by VXLAN"),
    (Option("srv6.enabled", "enable-srv6"), is_on, "wraps packets in SRv6"),
    (Option("encryption.enabled", "enable-wireguard"), is_on, "wraps packets of pods"),
    (Option("", "enable-ipsec"), is_on, "wraps packets of pods"),
    (Option("highScaleIPcache.enabled", "enable-high-scale-ipcache"), is_on, "identifies pods by a tunnel"),
)
"""Options, when one of them encapsulates, and how it does."""


def mode(args: ResourceValidationArgs) -> Judgement:
    """Judge the cluster file's key in whatever resource carries it, and the cluster component's fact."""
    if args.resource_type == CLUSTER:
        found = args.props.get("networkMode")
    elif text := cluster_file(args.resource_type, args.props):
        found = _written_mode(args, text)
    else:
        return not_applicable("carries no cluster file")
    if found == "underlay":
        return PASSED
    return violation(f"found `{shown(found or 'not said, which is overlay')}`, expected `underlay`. {MODE.remediation}")


def _written_mode(args: ResourceValidationArgs, text: str) -> str | None:
    if found := FILE_MODE.findall(COMMENT.sub("", text)):
        return next((one for one in found if one != "underlay"), "underlay")
    for holder in (args.props, args.props.get("data") or {}, args.props.get("environment") or {}):
        if (value := holder.get("CILIUM_NETWORK_MODE")) is not None:
            return str(value)
    return None


def bare(args: ResourceValidationArgs) -> Judgement:
    """Judge every option by which Cilium encapsulates."""
    told = settings(args.resource_type, args.props)
    return judged(told, _bare) if told else not_applicable("tells Cilium nothing")


def _bare(told: Settings) -> Judgement:
    wrong = [
        f"{told.place(option)} is `{shown(value)}`, which {how}"
        for option, wraps, how in ENCAPSULATES
        if wraps(value := told.get(option))
    ]
    routing = told.get(ROUTING)
    if routing != "native" and not (routing is None and told.partial):
        found = shown(routing) if routing else "not said, which is a tunnel"
        wrong.insert(0, f"{told.place(ROUTING)} is `{found}`")
    return violation(f"{'; '.join(wrong)}. {BARE.remediation}") if wrong else PASSED


def native_cidr(args: ResourceValidationArgs) -> Judgement:
    """Judge the native range against the pools."""
    told = settings(args.resource_type, args.props)
    return judged(told, _native_cidr) if told else not_applicable("tells Cilium nothing")


def _native_cidr(told: Settings) -> Judgement:
    pools, native = _networks(told.get(POOLS)), told.get(NATIVE_CIDR)
    if told.form is Form.VALUES and is_on(told.get(FROM_POOL)) and native is None:
        return PASSED if len(pools) == 1 else violation(f"{len(pools)} pools, expected exactly one. {CIDR.remediation}")
    if native is None and told.partial:
        return not_applicable("says no native range")
    if told.get(IPAM) not in (None, "cluster-pool"):
        return not_applicable("the pods' addresses do not come from Cilium's pool")
    if not pools:
        return PASSED if told.partial else violation(f"{told.place(POOLS)} is not said. {CIDR.remediation}")
    expected = _supernet(pools)
    found = _networks(native)
    if found == [expected]:
        return PASSED
    text = f"{told.place(NATIVE_CIDR)} is `{shown(native)}`, the pods are in {expected}"
    return violation(f"{text}. {CIDR.remediation}")


def share(args: ResourceValidationArgs) -> Judgement:
    """Judge the size of a node's share."""
    told = settings(args.resource_type, args.props)
    if not told or told.get(MASK) is None or told.get(POOLS) is None:
        return not_applicable("says no share")
    mask, pools = int(float(str(told.get(MASK)))), _networks(told.get(POOLS))
    wrong = [str(pool) for pool in pools if not pool.prefixlen <= mask <= 29]
    return violation(f"/{mask} of {', '.join(wrong)}. {FITS.remediation}") if wrong else PASSED


def _networks(value: object) -> list[IPv4Network]:
    """Return ranges that are written as a list, or as words of one text; ValueError where one is none."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else str(value or "").split()
    words = [word for item in items for word in str(item).replace(",", " ").split()]
    return [network for word in words if isinstance(network := ip_network(word), IPv4Network)]


def _supernet(networks: list[IPv4Network]) -> IPv4Network:
    """Return the smallest range that holds all of these."""
    found = networks[0]
    while not all(network.subnet_of(found) for network in networks):
        found = found.supernet()
    return found


POLICIES = [
    resource_policy(MODE, mode),
    resource_policy(BARE, bare),
    resource_policy(CIDR, native_cidr),
    resource_policy(FITS, share),
]
