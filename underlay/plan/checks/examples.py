"""Examples of rules: small changes of one site, applied to its plain data, and shown to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from underlay.model import load_site
from underlay.plan.checks.registry import REMOVED, Declaration, Example

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIAuTmYsVf5WIS4PHCfzjA98ZLtDj2Kqcy/EcAsj+ASm"
"""The host key of every machine of an example, where the example says nothing else."""
HOST_KEYS = "hostKeys."
"""Paths that begin so change a host key; all others are below `site`."""

Data = dict[str, Any]


def changed(base: Mapping[str, Any], example: Example) -> Data:
    """Return plain data with an example's changes; an index one beyond a list's end appends."""
    data = deepcopy(dict(base))
    for path, value in example.items():
        *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
        place: Any = data
        for word in way:
            place = place[word]
        _put(place, last, deepcopy(value) if value is not REMOVED else REMOVED)
    return data


def _put(place: Any, key: Any, value: object) -> None:  # noqa: ANN401 - a mapping or a list of any depth
    if value is REMOVED:
        del place[key]
    elif isinstance(place, list) and key == len(place):
        place.append(value)
    else:
        place[key] = value


def declared(base: Mapping[str, Any], example: Example) -> Declaration:
    """Return what an example declares: the site, and a host key for each machine."""
    site = load_site(changed(base, {path: to for path, to in example.items() if not path.startswith(HOST_KEYS)}))
    names = [*(node.name for node in site.nodes), *(router.name for router in site.routers)]
    names += [bastion.name for bastion in site.ssh.bastions]
    keys: Data = dict.fromkeys(names, KEY)
    told = {path.removeprefix(HOST_KEYS): to for path, to in example.items() if path.startswith(HOST_KEYS)}
    return Declaration(site, changed(keys, told))


def lines(example: Example) -> list[str]:
    """Return an example for people: a path and its value a line."""
    return [f"{path}: {_shown(value)}" for path, value in example.items()]


def _shown(value: object) -> str:
    return "(left out)" if value is REMOVED else json.dumps(value, ensure_ascii=False).replace('"', "")
