"""Keeps docs/command-provider.md and the table one; `python -m tests.unit.test_command_provider_docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.test_command_provider_rig import ROOT
from tests.unit.test_command_provider_steps import table

PAGE = ROOT / "docs/command-provider.md"

HEAD = """# The command provider: what it does, row by row

`lab/pulumi/command_provider.py` stands in for Pulumi's command provider (`local.Command`, `remote.Command`,
`remote.CopyToRemote`, `remote.CopyFile`, `local.run`), which is not to be had from a package registry.
It keeps to the schema of {sdk}. The rows below were read out of the official provider's source
({repository}, commit {commit}; files below `{sources}`; "framework" is {framework}).

`lab/pulumi/behaviours.yaml` holds them with the calls that show them, and `tests/unit/test_command_provider.py` plays
each over gRPC against a real OpenSSH server. The same rows run against another provider's program with
`UNDERLAY_COMMAND_PROVIDER=/path/to/pulumi-resource-command python -m pytest tests/unit/test_command_provider.py`.
This page is written from the table by `python -m tests.unit.test_command_provider_docs`.
"""


def lines(told: dict[str, Any]) -> Iterator[str]:
    yield HEAD.format(**told["official"])
    yield f"## The same: {len(told['rows'])} rows\n"
    yield "| row | given | what happens | read in |"
    yield "|---|---|---|---|"
    for row in told["rows"]:
        yield "| " + " | ".join([f"`{row['id']}`", row["given"], row["expected"], row["source"]]) + " |"
    yield f"\n## Different on purpose: {len(told['differences'])} rows\n"
    yield "| row | given | ours | the official one | read in |"
    yield "|---|---|---|---|---|"
    for row in told["differences"]:
        cells = [f"`{row['id']}`", row["given"], row["expected"], row["official"], row["source"]]
        yield "| " + " | ".join(cells) + " |"


def page() -> str:
    return "\n".join(lines(table())) + "\n"


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
