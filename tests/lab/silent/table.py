"""What Cilium accepts and then does wrongly, as data: the rule that refuses it, an example, where harm is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, TypeAdapter, model_validator

from tests.oracle.space import declare
from underlay.model import Model, Site
from underlay.plan.values import helm_values, merged

ADDED = "cilium.values."
Bad = Mapping[str, Any]
"""Changes of the dev site, as path below `site` to value."""


class Case(Model):
    """One way to be silently wrong."""

    id: str
    rule: str
    """The rule that refuses it: of a declaration, of its shape, or of a node."""
    bad: Bad = Field(default={})
    """A declaration that the rule refuses; empty where it is a node's own state."""
    group: str = ""
    """Cases of one group are applied together, by one restart of the agents."""
    measure: str = ""
    """The function of `measures` that looks for the damage."""
    elsewhere: str = ""
    """The test that measures the damage, where it is not this campaign."""
    unseen: str = ""
    """Why this machine cannot hold it."""

    @model_validator(mode="after")
    def is_seen_in_one_place(self) -> Case:
        """Refuse a case whose damage is seen in two places, or in none without a reason."""
        if sum(map(bool, (self.measure, self.elsewhere, self.unseen))) != 1 or bool(self.group) != bool(self.measure):
            raise ValueError("exactly one of `group` with `measure`, `elsewhere` and `unseen`")
        return self


class Row(Model):
    """One of the errors that are known."""

    id: str
    says: str
    kind: Literal["in", "out"]
    why: str = ""
    """Why it is out of scope."""
    cases: tuple[Case, ...] = ()

    @model_validator(mode="after")
    def tells_why(self) -> Row:
        """Refuse a row in scope without a case, and one out of scope without a reason."""
        if (self.kind == "in") != bool(self.cases) or (self.kind == "out") != bool(self.why):
            raise ValueError("`in` has cases, `out` has a reason")
        return self


def rows() -> tuple[Row, ...]:
    """Return the whole table."""
    text = Path(__file__).with_name("table.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Row, ...]).validate_python(yaml.safe_load(text))


def cases() -> Iterator[Case]:
    """Yield every case in the table's order."""
    for row in rows():
        yield from row.cases


def groups() -> dict[str, list[Case]]:
    """Return the cases that are applied to the running site, by group."""
    found: dict[str, list[Case]] = {}
    for case in cases():
        if case.group:
            found.setdefault(case.group, []).append(case)
    return found


def together(group: list[Case]) -> Bad:
    """Return the changes of all cases of a group."""
    return {path: value for case in group for path, value in case.bad.items()}


def past_the_rules(bad: Bad) -> dict[str, Any]:
    """Return the values of Helm without our rules: what a person adds stands above what the site decides."""
    site = declare(bad).site
    return merged(helm_values(site), site.cilium.values)


def meant(bad: Bad) -> Site:
    """Return the site as a person means it: its own settings of Cilium, without what is added or put wrongly."""
    return declare({path: bad[path] for path in bad if path.startswith("cilium.") and not path.startswith(ADDED)}).site
