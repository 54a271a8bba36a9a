"""A fault as data: what breaks and heals it, and what the next verdict has to say in each host-routing profile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Profile = Literal["legacy", "bpf"]
Lines = tuple[Mapping[str, str], ...]
"""Commands, each by the machine that runs it; `kubectl`, `helm`, `lab` and `pod NODE` are places too."""
FILES = ("node", "router", "machine", "beyond", "hand")


class Entry(BaseModel):
    """A part of the table: immutable, closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Expect(Entry):
    """What a verdict has to say: a cause, a check that is red or could not be judged, or nothing at all."""

    cause: str = ""
    check: str = ""
    at: str = ""
    pods: Literal["cut", "unharmed", ""] = ""
    """Whether probes fail; empty where that depends on timing."""

    @model_validator(mode="after")
    def names_a_place(self) -> Expect:
        """Refuse a rule without a place, and two rules at once."""
        if bool(self.cause or self.check) != bool(self.at) or (self.cause and self.check):
            raise ValueError("exactly one of `cause` and `check` has to have a place `at`")
        return self

    @property
    def silent(self) -> bool:
        """Say whether nothing may be named."""
        return not self.at

    @property
    def text(self) -> str:
        """Return the expectation in words."""
        return f"{self.cause or f'check {self.check}'} at {self.at}" if self.at else "nothing"


class Fault(Entry):
    """One row of the table."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    inject: Lines
    heal: Lines
    expect: Mapping[Literal["both", "legacy", "bpf"], Expect]
    settle: float = 0
    """Seconds until daemons have taken notice: hold times, retries."""
    also: tuple[str, ...] = ()
    """Rules of further causes that are true as well."""
    undone: bool = False
    """A daemon puts it right by itself within a minute, so it is injected again before the second verdict."""
    alone: bool = False
    """It changes so much that a second fault cannot be told beside it."""

    @model_validator(mode="after")
    def covers_both_profiles(self) -> Fault:
        """Refuse a fault whose effect in one profile is not stated."""
        if set(self.expect) not in ({"both"}, {"legacy", "bpf"}):
            raise ValueError("`expect` has `both`, or `legacy` and `bpf`")
        return self

    def expected(self, profile: Profile) -> Expect:
        """Return what is expected in a profile."""
        return self.expect.get(profile) or self.expect["both"]


def faults() -> tuple[Fault, ...]:
    """Return the whole table in the order of its files."""
    here = Path(__file__).parent
    rows = [row for name in FILES for row in yaml.safe_load((here / f"{name}.yaml").read_text(encoding="utf-8"))]
    return TypeAdapter(tuple[Fault, ...]).validate_python(rows)
