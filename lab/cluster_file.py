"""The cluster file as the vendor's installer would read it: flat, upper case, every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from lab.failure import Failure

Keys = dict[str, Any]
KEY = re.compile(r"^[A-Z0-9]+([_-][A-Z0-9]+)*$")


def _address(value: object) -> bool:
    return isinstance(value, str) and _parses(IPv4Address, value)


def _network(value: object) -> bool:
    return isinstance(value, str) and _parses(IPv4Network, value)


def _parses(kind: Callable[[str], object], value: str) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "USERNAME": (lambda value: value == "root", "root, the user this site's machines know"),
    "MASTER-1": (_address, "the address of the first master"),
    "NETWORK_PROVIDER": (lambda value: value == "cilium", "cilium, the only network service of this installer"),
    "CILIUM_IPV4POOL_CIDR": (_network, "an IPv4 network in CIDR form"),
    "CILIUM_NETWORK_MODE": (lambda value: value in {"underlay", "overlay"}, "underlay or overlay"),
    "PROXY_MODE": (lambda value: value == "ebpf", "ebpf, because this installer has no kube-proxy"),
    "ACCESS_EXTERNAL_LOAD_BALANCE": (lambda value: isinstance(value, bool), "true or false"),
}
"""Keys that have to be there, the test of each, and what is expected."""


def read(path: Path) -> Keys:
    """Return the file's keys, or refuse it with all its mistakes."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise Failure(f"cluster file {path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise Failure(f"cluster file {path} holds no keys; expected lines such as `MASTER-1: 172.30.1.11`")
    if wrong := list(_mistakes(content)):
        raise Failure("\n  ".join([f"cluster file {path} is refused:", *wrong]))
    return {str(key): value for key, value in content.items()}


def entrance(keys: Keys) -> str:
    """Return the key that names the API server's address: a load balancer's, or a virtual one."""
    return "EXTERNAL_LOAD_BALANCE_IP" if keys["ACCESS_EXTERNAL_LOAD_BALANCE"] else "VIRTUAL_IP"


def _mistakes(content: dict[Any, Any]) -> Iterator[str]:
    for key, value in content.items():
        if not KEY.match(str(key)):
            yield f"{key}: keys are upper case; found {key!r}"
        if isinstance(value, dict | list):
            yield f"{key}: the file is flat; found {type(value).__name__}, expected one value"
    for key, (test, expected) in RULES.items():
        if not test(content.get(key)):
            yield f"{key}: found {content.get(key, 'nothing')!r}, expected {expected}"
    if isinstance(content.get("ACCESS_EXTERNAL_LOAD_BALANCE"), bool) and not _address(content.get(entrance(content))):
        yield f"{entrance(content)}: found {content.get(entrance(content), 'nothing')!r}, expected an IPv4 address"
    for key in ("MASTER-2", "MASTER-3"):
        if content.get(key):
            yield f"{key}: found {content[key]!r}, expected nothing: this installer makes one master"
