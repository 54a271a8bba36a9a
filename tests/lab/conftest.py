"""What most tests of the lab begin with: the small fabric, or the site that the main job has brought up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.balanced import Balanced
from tests.lab.minifabric import Fabric, fabric
from tests.lab.site import Site, running


@pytest.fixture(scope="module")
def lab() -> Iterator[Fabric]:
    with fabric() as made:
        yield made


@pytest.fixture(scope="module")
def site() -> Site:
    return running()


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    made = Balanced(running())
    try:
        made.start(tmp_path_factory.mktemp("balanced"))
        yield made
    finally:
        made.stop()
