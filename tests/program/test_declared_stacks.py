"""What a stack declares: refused in one message, let through by a waiver, or followed from what was applied before."""

from __future__ import annotations

import json

import pytest

from components.refusal import SHOWN
from tests.program.recorder import SIGNATURE, run, state_of
from tests.unit.plan_sites import Data, dev, drop, put
from underlay.plan.checks.transitions import MISSING, UNRECORDED

FAR = {"until": "2999-01-01"}


@pytest.mark.parametrize("origin", ["existing", "upgraded"])
def test_an_old_cluster_is_refused_after_policies_have_seen_it(origin: str) -> None:
    made = run(dev(put("cluster.origin", origin)))
    assert made.code == SHOWN
    assert [(one.kind, one.inputs["origin"]) for one in made.resources] == [("underlay:cluster:Cluster", origin)]
    [message] = made.messages
    assert message.startswith("error: the declaration is refused, 1 finding(s); nothing was applied:\n")
    assert "[cilium-only-on-new-clusters] site.cluster.origin: found " + origin in message


def test_a_missing_origin_reaches_policies_as_missing() -> None:
    made = run(dev(drop("cluster.origin")))
    assert made.code == SHOWN
    assert [one.inputs for one in made.resources] == [{"clusterName": "dev"}]
    assert "[site-key-missing] site.cluster.origin" in made.messages[0]


@pytest.mark.parametrize("site", [{}, {"cluster": 5}, {"cluster": {"name": None}}, []])
def test_a_site_that_is_no_site_is_one_message(site: Data) -> None:
    made = run(dev(), site=site)
    assert made.code == SHOWN
    assert len(made.messages) == 1


def test_every_finding_is_in_the_one_message() -> None:
    made = run(dev(put("bgp.timers.keepalive", 9), put("nodes.0.uplinks", [])))
    [message] = made.messages
    assert "[hold-below-three-keepalives]" in message
    assert "[uplink-missing]" in message


def test_a_waiver_lets_the_program_go_on_with_a_warning() -> None:
    waiver = {"rule": "hold-below-three-keepalives", "reason": "old switches", "allowed_by": "net", **FAR}
    made = run(dev(put("bgp.timers.keepalive", 9)), waivers=[waiver])
    assert made.code == 0
    assert [message[:58] for message in made.messages] == ["warning: waived until 2999-01-01 by net (old switches): [h"]
    assert made.named("dev", "cluster:Cluster").inputs["waivers"] == [waiver]


MASK = {"rule": "transition-pod-mask", "reason": "not in use yet", "allowed_by": "net", **FAR}


def test_a_change_that_the_cluster_cannot_follow_is_refused_with_everything_else() -> None:
    made = run(dev(put("addresses.pods.mask", 25), put("bgp.timers.keepalive", 9)), state=state_of(dev()))
    assert made.code == SHOWN
    [message] = made.messages
    assert "[transition-pod-mask] site.addresses.pods.mask: found 24 -> 25; expected 24" in message
    assert "[hold-below-three-keepalives]" in message
    assert [one.kind for one in made.resources] == ["underlay:cluster:Cluster"]


def test_policies_get_what_was_applied_where_it_changes() -> None:
    facts = run(dev(put("addresses.pods.mask", 25)), state=state_of(dev())).named("dev", "cluster:Cluster").inputs
    assert (facts["changedFrom"]["pod_mask"], facts["lineage"]["pod_mask"]) == (24, 25)
    assert "changedFrom" not in run(dev(), state=state_of(dev())).named("dev", "cluster:Cluster").inputs


@pytest.mark.parametrize(("change", "code"), [("24 -> 25", 0), ("24 -> 26", SHOWN), ("25 -> 24", SHOWN)])
def test_a_change_passes_where_a_waiver_names_it(change: str, code: int) -> None:
    made = run(dev(put("addresses.pods.mask", 25)), state=state_of(dev()), waivers=[{**MASK, "change": change}])
    assert made.code == code


LATE = {"rule": "first-release-too-late", "reason": "it has waited", "allowed_by": "net", **FAR}
LOST = {"rule": MISSING, "reason": "the record was lost", "allowed_by": "net", **FAR, "change": UNRECORDED}
OWN: Data = {"urn:pulumi:dev::p::underlay:cilium:Release$kubernetes:helm.sh/v3:Release::cilium": {"outputs": {}}}


@pytest.mark.parametrize(
    ("waivers", "state", "waived"),
    [
        ([], {}, None),
        ([MASK | {"change": "24 -> 25"}], {}, None),
        ([LATE], {}, {LATE["rule"]: LATE["reason"]}),
        ([{**LATE, "until": "2020-01-01"}], {}, None),
        ([LOST], {}, None),
        ([LOST], OWN, {LOST["rule"]: LOST["reason"]}),
    ],
)
def test_the_look_at_the_cluster_is_told_what_is_waived_there(
    waivers: list[Data], state: Data, waived: dict[str, str] | None
) -> None:
    made = run(dev(), waivers=waivers, state=state, preview=False)
    assert made.code == 0, made.messages
    assert json.loads(made.named("lineage").inputs["stdin"]["value"]).get("waived") == waived


def test_an_ordinary_upgrade_of_kubernetes_passes() -> None:
    assert run(dev(put("cluster.kubernetes", "1.35.0")), state=state_of(dev())).code == 0


def test_a_cluster_that_somebody_else_made_needs_no_installer() -> None:
    made = run(dev(drop("cluster.installer")), kubeconfig="given-config")
    assert made.code == 0
    assert not [one for one in made.resources if one.name == "installer"]
    kubeconfig = made.named("cluster").inputs["kubeconfig"]
    assert SIGNATURE in kubeconfig
    assert kubeconfig["value"] == "given-config"


@pytest.mark.parametrize(
    ("site", "other", "rule"),
    [
        (dev(drop("cluster.installer")), {}, "kubeconfig-missing"),
        (dev(), {"kubeconfig": "given-config"}, "kubeconfig-told-twice"),
        (dev(), {"chart": ""}, "chart-missing"),
        (dev(), {"hostKeys": {}}, "host-key-missing"),
        (dev(), {"hostKeys": {"cp-1": None}}, "host-key-malformed"),
        (dev(), {"hostKeys": [1]}, "host-key-malformed"),
        (dev(), {"hostKeys": "5"}, "host-key-malformed"),
        (dev(), {"hostKeys": "no json"}, "configuration-malformed"),
        (dev(), {"waivers": [{"rule": "x"}]}, "waiver-malformed"),
        (dev(), {"waivers": "5"}, "waiver-malformed"),
        (dev(), {"waivers": "no json"}, "configuration-malformed"),
        (dev(), {"site": "no json"}, "configuration-malformed"),
    ],
)
def test_what_a_stack_has_to_say_is_asked_for_by_name(site: Data, other: Data, rule: str) -> None:
    made = run(site, **other)
    assert made.code == SHOWN
    assert f"[{rule}]" in made.messages[0]


def test_keys_without_a_value_are_told_together_with_what_the_rules_find() -> None:
    made = run(dev(put("bgp.timers.keepalive", 9)), sshKey="", bgpPassword="", chart="", kubeconfig="given-config")
    [message] = made.messages
    assert made.code == SHOWN
    assert "the declaration is refused, 5 finding(s)" in message
    assert message.count("[configuration-missing]") == 2
