"""A look at a node takes two seconds at most: people wait for it, and so does every update."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.lab.bed import NODES, Bed, bed
from underlay.model import load_site
from underlay.plan.prerequisites import node_input
from underlay.remote import command, request

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(300)]

BOUND = 2.0
TRIES = 5
"""Of which the best counts: a busy machine adds to a time and never takes away."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed(tmp_path_factory.mktemp("bed"), two_routers=True, routes="stack") as made:
        yield made


def test_a_look_takes_two_seconds_at_most(there: Bed) -> None:
    site, box = load_site(there.site), there.boxes[NODES[0]]
    text = request("prepare_node", node_input(site, site.node(NODES[0])))
    box.run("sh", "-c", command("apply"), text=text)
    taken = []
    for _ in range(TRIES):
        begun = time.monotonic()
        answer = json.loads(box.run("sh", "-c", command("look"), text=text))
        taken.append(time.monotonic() - begun)
        assert answer["findings"] == []
    print(f"a look took {', '.join(f'{seconds:.2f}' for seconds in sorted(taken))} s")
    assert min(taken) <= BOUND
