"""What a resource tells Cilium: chart values, the agents' ConfigMap, or a cluster component's facts, read alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..strict import Answer, Judgement, undetermined
from .cilium import at, chart_values, is_chart, is_config
from .waivers import CLUSTER


class Form(Enum):
    """In which form settings are written, and what the place of each is called there."""

    VALUES = "chart values"
    DATA = "ConfigMap data"
    FACTS = "facts of the cluster component"


@dataclass(frozen=True)
class Option:
    """One setting and its name in each form; empty where the form has none."""

    values: str
    data: str = ""
    facts: str = ""

    def place(self, form: Form) -> str:
        """Return the setting's name in a form."""
        return {Form.VALUES: self.values, Form.DATA: self.data, Form.FACTS: self.facts}[form]


ROUTING = Option("routingMode", "routing-mode", "routingMode")
NATIVE_CIDR = Option("ipv4NativeRoutingCIDR", "ipv4-native-routing-cidr", "nativeRoutingCidr")
POOLS = Option("ipam.operator.clusterPoolIPv4PodCIDRList", "cluster-pool-ipv4-cidr", "podPool")
MASK = Option("ipam.operator.clusterPoolIPv4MaskSize", "cluster-pool-ipv4-mask-size", "podMask")
IPAM = Option("ipam.mode", "ipam")
FROM_POOL = Option("nativeRoutingCIDRFromClusterPool")
VARIABLE = "CILIUM_"
"""How the agents' options begin as variables."""
NODES = re.compile(r"kubernetes:cilium\.io/\w+:CiliumNodeConfig(Patch)?")
"""Objects that lay other settings over the ConfigMap's on some nodes."""


@dataclass(frozen=True)
class Settings:
    """Settings as one resource writes them."""

    form: Form
    raw: Mapping[str, Any]
    partial: bool = False
    """A patch, or values laid over earlier ones: what is absent here may be set elsewhere."""
    hidden: str = ""
    """Why a part of the settings cannot be read from here."""
    over: Mapping[str, tuple[str, object]] = field(default_factory=dict)
    """Options by which the chart's values are overridden: where each is written, and what it is."""

    def get(self, option: Option) -> object:
        """Return a setting; None where this resource does not say it."""
        place = option.place(self.form)
        if self.form is Form.VALUES:
            if option.data in self.over:
                return self.over[option.data][1]
            return at(self.raw, place) if place else None
        return self.raw.get(place) if place else None

    def place(self, option: Option) -> str:
        """Return the setting's name as its author wrote it."""
        if option.data in self.over:
            return self.over[option.data][0]
        return option.place(self.form) or option.values or option.data


def _laid_over(values: Mapping[str, Any]) -> dict[str, tuple[str, object]]:
    """Return the agents' options that the chart passes on as they stand, the stronger ones last."""
    extra, environment, words = (values.get(name) for name in ("extraConfig", "extraEnv", "extraArgs"))
    found: dict[str, tuple[str, object]] = {}
    for name, value in extra.items() if isinstance(extra, Mapping) else ():
        found[name] = (f"extraConfig.{name}", value)
    for one in environment if isinstance(environment, Sequence) else ():
        name = str(one.get("name", "")) if isinstance(one, Mapping) else ""
        if name.startswith(VARIABLE):
            found[name.removeprefix(VARIABLE).lower().replace("_", "-")] = (f"extraEnv {name}", one.get("value"))
    for word in words if isinstance(words, Sequence) else ():
        name, _, value = str(word).lstrip("-").partition("=")
        found[name] = (f"extraArgs --{name}", value or "true")
    return {name: one for name, one in found.items() if name}


def settings(kind: str, props: Mapping[str, Any]) -> Settings | None:
    """Return what a resource tells Cilium; None where it tells nothing."""
    if kind == CLUSTER:
        return Settings(Form.FACTS, props)
    if is_config(kind, props):
        return Settings(Form.DATA, props.get("data") or {}, partial=kind.endswith("Patch"))
    if NODES.fullmatch(kind):
        return Settings(Form.DATA, (props.get("spec") or {}).get("defaults") or {}, partial=True)
    if not is_chart(kind, props):
        return None
    files = "values come from files (valueYamlFiles), which a policy cannot read" if props.get("valueYamlFiles") else ""
    kept = "values of an earlier release are kept (reuseValues)" if props.get("reuseValues") else ""
    values = chart_values(props) or {}
    return Settings(Form.VALUES, values, bool(files or kept), files or kept, _laid_over(values))


def judged(told: Settings, judge: Callable[[Settings], Judgement]) -> Judgement:
    """Judge what can be read first, and say that the rest could not be where nothing in it was wrong."""
    judgement = judge(told)
    if judgement.answer is Answer.VIOLATION or not told.hidden:
        return judgement
    return undetermined(f"{told.hidden}; write them as plain `values`")


def is_on(value: object) -> bool:
    """Tell whether a switch is on, as the chart and the agents read it."""
    return value is True or (isinstance(value, str) and value.strip().lower() in {"true", "1", "yes"})
