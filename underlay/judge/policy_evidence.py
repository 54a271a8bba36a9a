"""What is known of security policies, as data: the cluster's objects, and what each node's agent enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from underlay.judge.parts import Many, Named, Part, Text

LEAVING = ("disconnecting", "disconnected", "invalid")
"""States in which an agent lets go of a pod."""


class AgentPod(Part):
    """A pod as its node's agent has it."""

    namespace: Text
    name: Text
    address: Text | None
    state: Text
    revision: int
    """Of the policies that the pod's programs enforce."""
    enabled: Text
    """Which directions are closed to everything that no policy lets through."""
    labels: Named[Text]

    @property
    def is_leaving(self) -> bool:
        """Tell whether the pod's address may be another one's already."""
        return self.state in LEAVING

    @property
    def title(self) -> str:
        """Return what people call the pod."""
        return f"{self.namespace}/{self.name}"


class PolicyFacts(Part):
    """What an agent holds and enforces."""

    revision: int
    """Of the policies that the agent held when it was asked first."""
    policies: Many[Text]
    """Those of this program's names, by kind and name."""
    pods: Many[AgentPod]


class PolicySurvey(Part):
    """The cluster's policies that are the site's, or bear the name of one of its own."""

    objects: tuple[Mapping[str, Any], ...] = ()
    error: Text = ""
    """Why nobody could read them."""
