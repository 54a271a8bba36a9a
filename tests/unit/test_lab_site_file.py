"""The lab reads a site file as the product and the engine do."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import stack
from lab.failure import Failure
from lab.hardware import read

DEV = Path(__file__).parents[2] / "Pulumi.dev.yaml"
BASTION = "    ssh: { bastions: [{ name: jump-1, address: 198.51.100.5, user: jump }], bastion: jump-1 }\n"


def test_the_site_of_this_repository_has_machines() -> None:
    assert {"cp-1", "worker-1", "tor-a"} <= set(read(DEV).machines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("config:\n  a: 1\n  a: 2\n", "cannot be read as YAML: the key 'a' stands twice"),
        ("config: {}\n", "has no key `config: cilium-underlay:site`"),
        ("config: {'cilium-underlay:site': {name: yes}}\n", "is refused:"),
        (DEV.read_text(encoding="utf-8").replace("    racks:\n", f"{BASTION}    racks:\n"), "declares bastions"),
    ],
)
def test_what_the_engine_would_refuse_makes_no_lab(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    for asked in (stack.declared, read):
        with pytest.raises(Failure, match=f"^site file {file} ") as caught:
            asked(file)
        assert words in str(caught.value)
