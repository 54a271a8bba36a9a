"""`kill -9` of the engine while a running site changes: the next update ends what is declared then, old or new."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab.killed import SYSTEM, UPDATE, Moment, kill_at, pending, rollout
from tests.lab.site import Site, running
from underlay.commands.stack_file import SITE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OPTION, VALUE = "conntrack-gc-interval", {"conntrackGCInterval": "2m"}
MOMENTS = {
    "the agents' rollout begins, and the change is taken back": (rollout, False),
    "Helm's upgrade is pending, and the change stays declared": (pending, True),
}
SEED = int(os.environ.get("UNDERLAY_SEED", "7"))
"""Another seed draws another moment; all of them are `make crash-update`."""
DRAWN = MOMENTS if "UNDERLAY_CRASH" in os.environ else random.Random(SEED).sample(sorted(MOMENTS), 1)


class Run:
    """The running site, with a value of the chart or without it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.file = site.state / "Pulumi.dev.yaml"
        self.before = self.file.read_text(encoding="utf-8")

    def declare(self, values: dict[str, Any]) -> None:
        """Declare further values of the chart; nothing is applied yet."""
        content = yaml.safe_load(self.before)
        content["config"][SITE]["cilium"]["values"] = values
        self.file.write_text(yaml.safe_dump(content, sort_keys=False) if values else self.before, encoding="utf-8")

    def up(self) -> None:
        """Apply what is declared, by the steps of `make up`, and verify."""
        self.site.good("exec", "--", "python", "-m", "underlay", "recover")
        self.site.long(*UPDATE)
        judged = self.site.verify()
        assert (judged.code, judged.not_passed(), judged.causes) == (0, [], {}), judged.text

    def read(self, kind: str, *words: str) -> Any:
        """Return what the cluster says of Cilium's objects of a kind."""
        return json.loads(self.site.good(*SYSTEM, "get", kind, *words, "-o", "json"))

    def option(self) -> str | None:
        """Return the agents' option as it is in the cluster."""
        found: str | None = self.read("configmap", "cilium-config")["data"].get(OPTION)
        return found

    def current(self) -> bool:
        """Say whether all agents are ready and of the DaemonSet's last revision."""
        status = self.read("daemonset", "cilium")["status"]
        wanted = status["desiredNumberScheduled"]
        return bool(wanted == status["updatedNumberScheduled"] == status["numberReady"])

    def records(self) -> set[str]:
        """Return the states of Helm's records."""
        items = self.read("secrets", "-l", "owner=helm,name=cilium")["items"]
        return {one["metadata"]["labels"]["status"] for one in items}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    made = Run(running())
    try:
        yield made
    finally:
        made.declare({})
        made.up()


@pytest.mark.parametrize("name", DRAWN)
def test_a_killed_change_ends_as_it_is_declared_then(run: Run, name: str) -> None:
    moment: Moment
    moment, stays = MOMENTS[name]
    run.declare(VALUE)
    kill_at(run.site, moment)
    print(f"killed when {name}: Helm's records are {', '.join(sorted(run.records()))}")
    begin = time.monotonic()
    run.declare(VALUE if stays else {})
    run.up()
    print(f"green after {time.monotonic() - begin:.0f} s")
    assert run.option() == ("2m" if stays else None)
    assert run.current()
    assert run.records() <= {"deployed", "superseded"}
