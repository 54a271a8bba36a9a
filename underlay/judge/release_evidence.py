"""What the cluster has of the release, against what Helm was told and what Helm wrote down, as data."""

from __future__ import annotations

from underlay.judge.parts import Many, Part, Text


class Edited(Part):
    """An option of the agents that is not as the release made it; None: it is not there."""

    name: Text
    found: Text | None
    released: Text | None
    by: Text = ""
    """What overrides the agents' ConfigMap, and where; empty: it stands there itself."""


class Unplanned(Part):
    """A value of the release, or its chart, that is not as planned; None: it is not there."""

    name: Text
    found: Text | None
    planned: Text | None


class Revision(Part):
    """Helm's last revision of the release, against what the plan has Helm told; number 0: there is none."""

    number: int
    at: Text = ""
    """When it was applied, as Helm has it."""
    state: Text = ""
    """What became of it, unless Helm has applied it whole."""
    by: Many[Text] = ()
    """The programs that have written it down."""
    differ: Many[Unplanned] = ()
    more: int = 0
    """Further ones that differ."""
