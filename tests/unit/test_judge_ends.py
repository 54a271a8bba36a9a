"""Both ends of each session in a verdict: read from routers and Cilium's objects, told with the end that is wrong."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from tests.unit.judge_site import healthy, site
from tests.unit.plan_sites import put
from tests.unit.test_collect_routers import KERNEL, Shell
from tests.unit.test_judge_checks import one
from underlay.collect import kubernetes, routers
from underlay.judge.evidence import Evidence, RouterReport
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.model import Platform
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends import planned
from underlay.plan.routers import PASSWORD_MARK, router_text
from underlay.plan.verification import expectations

PASSWORD = "sesame"  # noqa: S105 - a test's
KINDS = {"peers": "CiliumBGPPeerConfig", "advertisements": "CiliumBGPAdvertisement"}


def api(secret: str | None = PASSWORD) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of the API where the plan's objects are applied, and the operator has made its own."""
    made = objects(site())
    lists = {name: [item for item in made if item["kind"] == kind] for name, kind in KINDS.items()}
    clusters = [item["spec"] for item in made if item["kind"] == "CiliumBGPClusterConfig"]
    lists["sessions"] = [
        {"metadata": {"name": name}, "spec": {"bgpInstances": spec["bgpInstances"]}}
        for spec in clusters
        for name in spec["nodeSelector"]["matchExpressions"][0]["values"]
    ]
    data = {"password": base64.b64encode((secret or "").encode()).decode()}
    lists["secrets"] = [{"metadata": {"name": PASSWORD_SECRET}, "data": data}] if secret else []
    return lists


def text(name: str) -> str:
    return router_text(site(), site().router(name)).replace(PASSWORD_MARK, PASSWORD)


def judged(
    lists: dict[str, list[dict[str, Any]]], texts: dict[str, str], broken: dict[str, str] | None = None
) -> Verdict:
    """Return the verdict where machines and API say this; `broken` are sessions by router and address that are down."""
    evidence = healthy()
    ends = kubernetes.configured(lists, [])
    for name, seen in evidence["survey"]["nodes"].items():
        seen["ends"] = ends.get(name)
    for name, report in evidence["routers"].items():
        said = texts.get(name, text(name))
        report["configuration"] = routers.configuration(said, site().router(name).platform)
        for session in report["sessions"]:
            if (broken or {}).get(name) == session["address"]:
                session["state"] = "active"
    return judge(expectations(site()), Evidence.model_validate(evidence), planned(site()))


def test_two_right_ends_are_no_word() -> None:
    verdict = judged(api(), {})
    assert (verdict.status, verdict.causes) == (Status.PASS, ())
    assert {one(verdict, "session-ends", name).status for name in ("tor-a", "tor-b", "cp-1", "worker-3")} == {
        Status.PASS
    }


@pytest.mark.parametrize(
    ("router", "address", "old", "new", "sentence"),
    [
        ("tor-a", "172.30.1.12", "UNDERLAY-NODES remote-as 65010", "UNDERLAY-NODES remote-as 65009",
         "tor-a expects AS 65009 of worker-1, which has AS 65010"),
        ("tor-b", "172.30.2.11", 'password "sesame"', 'password "other"',
         "tor-b has another password than planned for worker-2"),
        ("tor-b", "172.30.2.11", "import limit 512 action restart;",
         "import limit 512 action restart; receive limit 2 action restart;",
         "tor-b has another limit for worker-2, which is not planned: receive limit 2"),
        ("tor-b", "172.30.2.11", "passive on;", "passive on; disable after error on;",
         "tor-b leaves its session with worker-2 down once an error has ended it; planned otherwise"),
        ("tor-a", "172.30.1.12", " neighbor UNDERLAY-NODES password sesame\n", "",
         "tor-a has no password for worker-1"),
    ],
)  # fmt: skip
def test_the_cause_of_a_session_that_is_down_names_the_wrong_end(
    router: str, address: str, old: str, new: str, sentence: str
) -> None:
    verdict = judged(api(), {router: text(router).replace(old, new)}, {router: address})
    [cause] = [found for found in verdict.causes if found.rule == "session-down"]
    assert sentence in cause.sentence
    assert sentence in one(verdict, "session-ends", router).found


def test_different_passwords_that_accuse_nobody_are_red_at_both_ends() -> None:
    verdict = judged(api("another"), {}, {"tor-a": "172.30.1.11"})
    sentence = "tor-a and cp-1 have different passwords"
    assert one(verdict, "session-ends", "cp-1").status is Status.FAIL
    assert one(verdict, "session-ends", "cp-1").found == sentence
    assert sentence in one(verdict, "session-ends", "tor-a").found
    [cause] = [found for found in verdict.causes if found.rule == "session-down"]
    assert cause.sentence.endswith(f"is down: {sentence}")
    assert f"read back from both: {sentence}" in cause.witnesses


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("neighbor UNDERLAY-NODES timers 3 nine", "its hold time towards cp-1"),
        ("neighbor UNDERLAY-NODES timers 3 9\n neighbor 172.30.1.11 port 1179",
         "what `port` does to its session with cp-1"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_no_pass(new: str, words: str) -> None:
    strange = text("tor-a").replace("neighbor UNDERLAY-NODES timers 3 9", new)
    found = one(judged(api(), {"tor-a": strange}), "session-ends", "tor-a")
    assert found.status is Status.ERROR
    assert f"tor-a: {words} is not understood" in found.found


def test_a_missing_secret_is_the_nodes_end() -> None:
    verdict = judged(api(secret=None), {})
    assert one(verdict, "session-ends", "cp-1").found == "cp-1 has no password for tor-a"
    assert one(verdict, "session-ends", "tor-a").status is Status.PASS


def test_a_reader_that_may_not_see_secrets_compares_the_rest() -> None:
    lists = api()
    del lists["secrets"]
    assert judged(lists, {}).status is Status.PASS


def test_an_advertisement_that_nobody_selects_is_the_cause_of_the_missing_route() -> None:
    lists = api()
    put("metadata.labels", {"other": "label"})(lists["advertisements"][0])
    assert (
        one(judged(lists, {}), "session-ends", "worker-2").found
        == "worker-2 does not advertise LoadBalancerIP, PodCIDR to tor-b"
    )


def test_what_could_not_be_read_is_an_error_and_no_difference() -> None:
    lists = api()
    del lists["advertisements"]
    evidence = healthy()
    evidence["survey"]["errors"] = ["advertisements: not found"]
    del evidence["survey"]["nodes"]["cp-1"]["ends"], evidence["routers"]["tor-a"]["configuration"]
    verdict = judge(expectations(site()), Evidence.model_validate(evidence), planned(site()))
    assert kubernetes.configured(lists, []) == {}
    assert one(verdict, "session-ends", "cp-1").status is Status.ERROR
    assert one(verdict, "session-ends", "tor-a").status is Status.ERROR


def test_an_object_that_nobody_understands_is_an_error_of_the_survey() -> None:
    lists, errors = api(), list[str]()
    lists["peers"].append({"spec": 7})
    assert kubernetes.configured(lists, errors) == {}
    assert errors[0].startswith("BGP objects: ")


def test_no_password_leaves_the_reader() -> None:
    answers = {**KERNEL, "cat /etc/bird": text("tor-b")}
    report: RouterReport = asyncio.run(routers.read(Shell(answers), Platform.BIRD))  # type: ignore[arg-type]
    assert report.configuration
    assert "172.30.2.11" in report.configuration.ends
    assert PASSWORD not in report.model_dump_json()


BLOCK = "router bgp 65101\n neighbor 192.0.2.66 remote-as 666\n"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("!\n" + text("tor-a"), ""),
        ("", ""),
        ("!\n" + BLOCK, "the next start of tor-a is without any of its sessions: its frr.conf lacks them"),
        ("!\n" + "\n".join(line for line in text("tor-a").splitlines() if "172.30.1.11" not in line),
         "the next start of tor-a is without its sessions with cp-1: its frr.conf lacks them"),
        ("!\n" + text("tor-a").replace(PASSWORD, "former").replace("ge 24 le 24", "ge 25 le 25", 1),
         "the next start of tor-a has another password and filter for cp-1"),
    ],
)  # fmt: skip
def test_what_frr_starts_with_is_what_it_runs(file: str, sentence: str) -> None:
    evidence = healthy()
    tor = evidence["routers"]["tor-a"]
    tor["configuration"] = routers.configuration(text("tor-a"), Platform.FRR)
    tor["saved"] = routers.saved(file, Platform.FRR)
    usual = tor["configuration"].ends["172.30.1.11"].password
    for end in (end for seen in evidence["survey"]["nodes"].values() for end in seen["ends"].values()):
        end["password"] = usual
    verdict = judge(expectations(site()), Evidence.model_validate(evidence), planned(site()))
    found = one(verdict, "session-ends", "tor-a")
    assert found.status is (Status.FAIL if sentence else Status.PASS)
    assert sentence in found.found


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"unloaded": ["underlay.conf"]}, "tor-b: underlay.conf has changed and is not loaded"),
        ({"errors": ["saved: no answer within 5 s"]}, "saved: no answer within 5 s"),
    ],
)
def test_a_start_that_is_not_known_is_no_pass(told: dict[str, Any], sentence: str) -> None:
    evidence = healthy()
    evidence["routers"]["tor-b"].update(told)
    verdict = judge(expectations(site()), Evidence.model_validate(evidence), planned(site()))
    found = one(verdict, "session-ends", "tor-b")
    assert (found.status, sentence in found.found) == (Status.ERROR, True)


def test_a_filter_towards_others_is_no_reason_for_what_a_router_lacks_itself() -> None:
    narrow = text("tor-a").replace("permit 10.244.0.0/16 ge 24 le 24", "permit 10.244.0.0/16 ge 25 le 25")
    evidence = healthy()
    report = evidence["routers"]["tor-a"]
    report["configuration"] = routers.configuration(narrow, Platform.FRR)
    report["table"], report["kernel"] = {}, []
    found = judge(expectations(site()), Evidence.model_validate(evidence), planned(site()))
    told = {cause.sentence for cause in found.causes if cause.rule == "route-missing"}
    assert any("tor-a does not accept 10.244.0.0/16{24,24} from tor-b" in sentence for sentence in told), told
    assert any("tor-a does not accept 10.244.0.0/16{24,24} from cp-1" in sentence for sentence in told)
    assert not any(": tor-a does not advertise" in sentence for sentence in told)


def test_a_neighbour_of_somebody_else_s_is_red_at_a_router_only_once_it_is_up_and_at_a_node_always() -> None:
    more = text("tor-a").replace("router bgp 65101\n", "router bgp 65101\n neighbor 192.0.2.66 remote-as 666\n")
    assert one(judged(api(), {"tor-a": more}), "session-ends", "tor-a").status is Status.PASS
    lists = api()
    peers = lists["sessions"][0]["spec"]["bgpInstances"][0]["peers"]
    peers.append({**peers[0], "name": "stranger", "peerAddress": "192.0.2.66"})
    found = one(judged(lists, {}), "session-ends", "cp-1")
    assert (found.status, found.found) == (Status.FAIL, "cp-1 has a peer 192.0.2.66 that is not planned")
