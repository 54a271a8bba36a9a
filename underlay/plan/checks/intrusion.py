"""Rules about intrusion detection: a capture point that exists, and rules that the engine will take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from underlay.model import Capture, Engine, IntrusionDetection, Site
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.intrusion.rules import BLOCKS, MALFORMED, SID, VARIABLE, Complaint, complaints
from underlay.plan.once import per_site

WHERE = "site.intrusion_detection"
GOOD_RULE = 'alert tcp any any -> $HOME_NET 8080 (msg:"probe of the admin page"; content:"/admin"; sid:1000001; rev:1;)'
BASE: dict[str, Any] = {
    "engine": "suricata",
    "image": "registry.example/suricata@sha256:" + "0" * 64,
    "rules": [GOOD_RULE],
}


def changed(**keys: object) -> dict[str, Any]:
    """Return the change that gives the dev site an engine, with other keys."""
    return {"intrusion_detection": {**BASE, **keys}}


def _engine(declaration: Declaration) -> Iterator[IntrusionDetection]:
    if declaration.site.intrusion_detection:
        yield declaration.site.intrusion_detection


@per_site
def _complaints(site: Site) -> tuple[Complaint, ...]:
    declared = site.intrusion_detection
    if declared is None or declared.engine is Engine.OTHER:
        return ()
    return tuple(complaints(declared.rules, declared.engine))


def _problems(declaration: Declaration, kind: str, fix: str) -> Iterator[Problem]:
    for one in _complaints(declaration.site):
        if one.kind == kind:
            yield Problem(f"{WHERE}.rules.{one.index}", one.found, one.expected, fix)


@rule(
    "intrusion-rule-malformed",
    bad=changed(rules=[GOOD_RULE.replace("-> ", "")]),
    good=changed(),
)
def rules_can_be_read(declaration: Declaration) -> Iterator[Problem]:
    """An engine that cannot read a rule does not start, or starts without it and stays silent."""
    yield from _problems(declaration, MALFORMED, "The engine's manual has a page on the format of rules.")


@rule(
    "intrusion-rule-sid-repeated",
    bad=changed(rules=[GOOD_RULE, GOOD_RULE.replace("/admin", "/debug")]),
    good=changed(rules=[GOOD_RULE, GOOD_RULE.replace("/admin", "/debug").replace("1000001", "1000002")]),
)
def rules_have_names_and_numbers_of_their_own(declaration: Declaration) -> Iterator[Problem]:
    """Alerts are counted by a rule's number and told by its message; of two with one number an engine keeps one."""
    yield from _problems(declaration, SID, "Numbers from 1000000 on are left to local rules.")


@rule(
    "intrusion-rule-variable-unknown",
    bad=changed(rules=[GOOD_RULE.replace("HOME_NET", "POD_NET")]),
    good=changed(),
)
def rules_use_known_variables(declaration: Declaration) -> Iterator[Problem]:
    """A variable that the configuration does not set ends the engine's start."""
    yield from _problems(declaration, VARIABLE, "Write the addresses or ports themselves.")


@rule(
    "intrusion-rule-blocks-nothing",
    severity="warning",
    bad=changed(rules=[GOOD_RULE.replace("alert", "drop")]),
    good=changed(),
)
def rules_only_alert(declaration: Declaration) -> Iterator[Problem]:
    """The engine reads copies: whoever relies on `drop` is not protected; policies are what closes a way."""
    yield from _problems(declaration, BLOCKS, "Close the way by site.policies.")


@rule(
    "intrusion-without-rules",
    severity="warning",
    bad=changed(rules=[]),
    good=changed(),
)
def engines_have_rules(declaration: Declaration) -> Iterator[Problem]:
    """An engine without rules costs a processor and never says a word."""
    for declared in _engine(declaration):
        if declared.engine is not Engine.OTHER and not declared.rules and not declared.rules_from:
            yield Problem(f"{WHERE}.rules", "no rule, and no rules_from", "at least one rule")


@rule(
    "intrusion-interface-wrong",
    bad=changed(capture="switch-mirror"),
    good=changed(capture="switch-mirror", interface="eth9"),
)
def the_capture_point_exists(declaration: Declaration) -> Iterator[Problem]:
    """A switch sends its copies to an interface of their own: on an uplink they would be taken for traffic."""
    for declared in _engine(declaration):
        name, mirrored = declared.interface, declared.capture is Capture.SWITCH_MIRROR
        uplinks = {uplink.name for node in declaration.site.nodes for uplink in node.uplinks}
        if mirrored and (name is None or name in uplinks):
            found = name or "nothing"
            yield Problem(f"{WHERE}.interface", found, "an interface of the nodes that is no uplink, for the copies")
        if not mirrored and name is not None:
            fix = "Leave it out, or choose capture: switch-mirror."
            yield Problem(f"{WHERE}.interface", name, f"nothing with capture {declared.capture.value}", fix)


@rule(
    "intrusion-node-unknown",
    bad=changed(nodes=["worker-9"]),
    good=changed(nodes=["worker-1"]),
)
def engines_stand_on_declared_nodes(declaration: Declaration) -> Iterator[Problem]:
    """A misspelt name leaves a node without an engine, and nobody is told."""
    known = [node.name for node in declaration.site.nodes]
    for declared in _engine(declaration):
        for index, name in enumerate(declared.nodes):
            if name not in known:
                yield Problem(f"{WHERE}.nodes.{index}", name, f"one of {', '.join(known[:8])}")


@rule(
    "intrusion-image-unpinned",
    severity="warning",
    bad=changed(image="registry.example/suricata:7"),
    good=changed(),
)
def engine_images_are_pinned(declaration: Declaration) -> Iterator[Problem]:
    """The engine reads everybody's packets as root: what a tag names tomorrow may be something else."""
    for declared in _engine(declaration):
        if "@sha256:" not in declared.image:
            yield Problem(f"{WHERE}.image", declared.image, "IMAGE@sha256:DIGEST")


@rule(
    "intrusion-command-unused",
    bad=changed(command=["suricata", "-i", "eth0"]),
    good=changed(engine="other", command=["suricata", "-i", "eth0"]),
)
def known_engines_have_their_own_command(declaration: Declaration) -> Iterator[Problem]:
    """The plan starts Suricata and Snort itself; another command would be left out without a word."""
    for declared in _engine(declaration):
        if declared.command and declared.engine is not Engine.OTHER:
            yield Problem(f"{WHERE}.command", " ".join(declared.command), f"nothing for {declared.engine.value}")
