"""What every part of a machine's evidence shares: immutable, closed, and bounded before it is looked at."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field

T = TypeVar("T")


class First(FailFast):
    """Pydantic's mark `end at the first error`, in a form that optional fields can carry."""

    __hash__ = object.__hash__


Many = Annotated[tuple[T, ...], First()]
"""A list from a machine; the first wrong entry ends its validation, or millions of them would cost gigabytes."""
NAMES = 100_000
"""Values by name that a machine may send in one place."""


def _few(value: object) -> object:
    """Refuse too many names before each one of them is looked at."""
    if isinstance(value, Mapping) and len(value) > NAMES:
        raise ValueError(f"{len(value)} names; at most {NAMES}")
    return value


Named = Annotated[Mapping[str, T], BeforeValidator(_few)]

Text = Annotated[str, Field(max_length=4096)]
"""A sentence from a machine; longer ones are refused."""


class Part(BaseModel):
    """A part of the evidence: immutable, closed to keys it does not know, because a machine may lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, answer: object) -> Self:
        """Return an answer as evidence; ValidationError for any other.

        Python's collector waits meanwhile: it would look for cycles, which evidence has none of, in all that is there.
        """
        collects = gc.isenabled()
        gc.disable()
        try:
            return cls.model_validate(answer)
        finally:
            if collects:
                gc.enable()
