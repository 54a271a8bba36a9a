"""Everything that the program makes of a site, stage by stage: what the fuzz and the scale campaign run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from underlay.model import Site
from underlay.plan.bgp import objects, sessions
from underlay.plan.cluster_file import empty_keys, file_keys, file_name
from underlay.plan.paths import solve
from underlay.plan.paths.gaps import gaps
from underlay.plan.prerequisites import node_input
from underlay.plan.responders import daemons
from underlay.plan.routers import router_text
from underlay.plan.values import helm_values
from underlay.plan.verification import expectations

Stage = Callable[[Site], Any]

STAGES: dict[str, Stage] = {
    "paths": lambda site: list(gaps(solve(site))),
    "Helm values": helm_values,
    "Cilium objects": lambda site: [*objects(site), daemons(site)],
    "sessions": lambda site: [session._asdict() for session in sessions(site)],
    "router texts": lambda site: {router.name: router_text(site, router) for router in site.routers},
    "node inputs": lambda site: [node_input(site, node) for node in site.nodes],
    "cluster file": lambda site: {file_name(site): file_keys(site), "absent": empty_keys(site)},
    "expectations": lambda site: expectations(site).model_dump(mode="json"),
}
"""In the order of the program."""


def whole_plan(site: Site) -> dict[str, Any]:
    """Return the product of every stage; all of it is plain data."""
    made = {name: stage(site) for name, stage in STAGES.items()}
    json.dumps(made)
    return made
