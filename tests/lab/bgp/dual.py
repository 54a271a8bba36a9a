"""The dev site with every node behind both routers: `python -m tests.lab.bgp.dual FILE` writes its stack file."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

from tests.lab.site import stack_with
from tests.unit.plan_sites import dev

SECOND = {"rack-a": ("tor-b", "172.30.3"), "rack-b": ("tor-a", "172.30.4")}
"""The second router of each rack, and its segment there."""
CLIENT = {"name": "client-b", "asn": 65201, "local": "172.30.255.4", "remote": "172.30.255.5"}


def dual(single: dict[str, Any]) -> dict[str, Any]:
    """Return the dev site with a second router in each rack, and a client behind the second router too."""
    site = copy.deepcopy(single)
    for rack in site["racks"]:
        router, network = SECOND[rack["name"]]
        rack["egress"] = "ecmp-link-state"
        rack["links"].append({"router": router, "subnet": f"{network}.0/24", "address": f"{network}.1"})
    for node in site["nodes"]:
        host = node["address"].rpartition(".")[2]
        second = f"{SECOND[node['rack']][1]}.{host}"
        [card] = node["uplinks"]
        node["uplinks"] = [card | {"address": node["address"]}, card | {"name": "eth1", "address": second}]
    site["routers"][1]["neighbors"].append({**CLIENT, "accepts": ["203.0.113.11/32"]})
    return site


if __name__ == "__main__":
    stack_with(dual(dev()), Path(sys.argv[1]))
