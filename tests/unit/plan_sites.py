"""The dev site as plain data, and small changes to it: what the plan's tests start from."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from underlay.model import Site, load_site
from underlay.plan.checks import Declaration

Data = dict[str, Any]
Change = Callable[[Data], object]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIAuTmYsVf5WIS4PHCfzjA98ZLtDj2Kqcy/EcAsj+ASm"


@cache
def _dev() -> Data:
    text = (Path(__file__).parents[2] / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    site: Data = yaml.safe_load(text)["config"]["cilium-underlay:site"]
    return site


def dev(*changes: Change) -> Data:
    """Return the dev site with these changes."""
    data = deepcopy(_dev())
    for change in changes:
        change(data)
    return data


def site(*changes: Change) -> Site:
    """Return the dev site with these changes as a model."""
    return load_site(dev(*changes))


def declaration(*changes: Change, without_key: str = "") -> Declaration:
    """Return the dev site with these changes, and a host key for every machine but one."""
    data = dev(*changes)
    declared = load_site(data)
    return Declaration(declared, {name: key for name, key in host_keys(data).items() if name != without_key})


def host_keys(data: Data) -> dict[str, str]:
    """Return one host key for every node and router of a site."""
    return dict.fromkeys((machine["name"] for machine in (*data["nodes"], *data["routers"])), KEY)


def put(path: str, value: object) -> Change:
    """Return the change that sets one value: `put("bgp.timers.hold", 5)`, `put("racks.0.links.0.router", "tor-b")`."""

    def change(data: Data) -> None:
        *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
        place: Any = data
        for word in way:
            place = place[word]
        place[last] = value

    return change


def drop(path: str) -> Change:
    """Return the change that removes one key or list item."""

    def change(data: Data) -> None:
        *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
        place: Any = data
        for word in way:
            place = place[word]
        del place[last]

    return change
