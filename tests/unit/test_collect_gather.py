"""The order of one verification: all attach, then all probe, then all report; nobody spoils it for the others."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.judge_site import KUBELET, PODS, SERVICE, expected, healthy, site, verification_input
from tests.unit.test_policies_drift import SITE
from underlay.collect import gather, kubernetes, nodes, routers
from underlay.collect.gather import Request
from underlay.collect.ssh import Machine, Unreachable
from underlay.judge.evidence import Evidence, NodeReport, RouterReport, Survey
from underlay.judge.policy_evidence import PolicySurvey

HEALTHY = Evidence.model_validate(healthy())
HOST_KEYS = dict.fromkeys((*PODS, "tor-a", "tor-b"), "ssh-ed25519 AAAA")


class Shell:
    """A connection to nothing."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.closed = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class Site:
    """Machines that remember what they were asked, and fail as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str]] = []
        self.broken: dict[tuple[str, str], Exception] = {}
        self.targets: dict[str, list[str]] = {}
        self.beyond: dict[str, dict[str, Any]] = {}
        self.shells: list[Shell] = []
        self.delay = 0.0
        monkeypatch.setattr(gather, "connect", self.connect)
        monkeypatch.setattr(nodes, "start", self.start)
        monkeypatch.setattr(routers, "read", self.read)
        monkeypatch.setattr(kubernetes, "survey", lambda *_: HEALTHY.survey)

    async def connect(self, machine: Machine, *_: object) -> Shell:
        """Open a connection, unless told otherwise."""
        self._note("connect", machine.name)
        self.shells.append(Shell(machine))
        return self.shells[-1]

    async def start(self, shell: Shell) -> Node:
        """Start the program."""
        return Node(self, shell.machine.name)

    async def read(self, shell: Shell, _: object) -> RouterReport:
        """Read a router."""
        return HEALTHY.routers[shell.machine.name]

    def _note(self, what: str, name: str) -> None:
        self.asked.append((what, name))
        if (what, name) in self.broken:
            raise self.broken[what, name]

    def run(self, seconds: int = 60) -> Evidence:
        """Gather evidence."""
        data = verification_input(site(), ssh_key="k", host_keys=HOST_KEYS, kubeconfig="c", seconds=seconds)
        return gather.gather(Request.model_validate(data), lambda _: None)


class Node:
    """The program on a node."""

    def __init__(self, lab: Site, name: str) -> None:
        self.lab = lab
        self.name = name

    async def begin(self, *_: object) -> str:
        """Attach."""
        await asyncio.sleep(self.lab.delay)
        self.lab._note("begin", self.name)
        return "full"

    async def probe(self, _pod: str, targets: list[dict[str, str]], _: object, beyond: dict[str, Any]) -> None:
        """Probe."""
        self.lab._note("probe", self.name)
        self.lab.beyond[self.name] = beyond
        self.lab.targets[self.name] = [target["node"] for target in targets]

    async def report(self) -> NodeReport:
        """Report."""
        self.lab._note("report", self.name)
        return HEALTHY.nodes[self.name]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_phases_do_not_overlap_and_everything_comes_back(lab: Site) -> None:
    found = lab.run()
    order = [what for what, _ in lab.asked if what != "connect"]
    assert order == ["begin"] * 4 + ["probe"] * 4 + ["report"] * 4
    assert found.nodes.keys() == PODS.keys()
    assert found.routers.keys() == {"tor-a", "tor-b"}
    assert found.errors == {}
    assert lab.targets["worker-1"] == ["cp-1", "worker-2", "worker-3"]
    assert all(shell.closed for shell in lab.shells)


def test_each_node_is_asked_for_the_service_and_each_is_once_the_far_end_of_a_node_and_of_a_pod(lab: Site) -> None:
    lab.run()
    assert lab.beyond.keys() == PODS.keys()
    assert {asked["service"]["address"] for asked in lab.beyond.values()} == {SERVICE}
    assert {asked["from_node"]["address"] for asked in lab.beyond.values()} == set(PODS.values())
    assert {asked["to_node"]["node"] for asked in lab.beyond.values()} == PODS.keys()
    assert lab.beyond["cp-1"]["to_node"] == {"node": "worker-2", "address": "172.30.2.11", "port": KUBELET}
    assert all(asked["web"] for asked in lab.beyond.values())


def test_the_input_of_an_older_program_asks_for_nothing_beyond_pods() -> None:
    assert gather.beyond("cp-1", expected().model_copy(update={"service": None}), HEALTHY.survey) == {}


@pytest.mark.parametrize("step", ["connect", "begin", "probe", "report"])
def test_one_node_that_fails_is_a_sentence_and_the_others_go_on(lab: Site, step: str) -> None:
    lab.broken = {(step, "worker-1"): Unreachable("it went away")}
    found = lab.run()
    assert found.errors == {"worker-1": "it went away"}
    assert found.nodes.keys() == PODS.keys() - {"worker-1"}


def test_a_router_that_fails_is_a_sentence(lab: Site) -> None:
    lab.broken = {("connect", "tor-b"): ConnectionRefusedError(111, "refused")}
    found = lab.run()
    assert "refused" in found.errors["tor-b"]
    assert found.routers.keys() == {"tor-a"}


def test_the_whole_has_a_time_limit(lab: Site) -> None:
    lab.delay = 30.0
    found = lab.run(seconds=5)
    assert found.errors["worker-1"] == "no evidence within 5 s"
    assert found.seconds < 10


def test_one_hung_router_hides_nothing_else(lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(shell: Shell, _: object) -> RouterReport:
        await asyncio.sleep(30 if shell.machine.name == "tor-b" else 0)
        return HEALTHY.routers[shell.machine.name]

    monkeypatch.setattr(routers, "read", read)
    monkeypatch.setattr(gather, "READING", 0.3)
    found = lab.run(seconds=5)
    assert found.nodes.keys() == PODS.keys()
    assert found.routers.keys() == {"tor-a"}
    assert found.errors == {"tor-b": "no answer within 0.3 s"}
    assert found.survey == HEALTHY.survey


def test_what_came_before_the_time_was_over_stays(lab: Site) -> None:
    lab.delay = 30.0
    found = lab.run(seconds=5)
    assert found.routers.keys() == {"tor-a", "tor-b"}
    assert found.survey == HEALTHY.survey


def test_a_hung_api_costs_its_share_of_the_time_only(lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "survey", lambda *_: time.sleep(12))
    begun = time.monotonic()
    found = lab.run(seconds=5)
    assert time.monotonic() - begun < 4
    assert found.survey.errors == ("Kubernetes API: no answer within 1.67 s",)
    assert found.nodes.keys() == PODS.keys()


def test_an_api_that_breaks_the_reader_is_a_sentence(lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Survey:
        raise RecursionError("too deep")

    monkeypatch.setattr(kubernetes, "survey", fail)
    assert lab.run().survey.errors == ("Kubernetes API: RecursionError: too deep",)


@pytest.mark.parametrize("error", [RecursionError("too deep"), IndexError("list index out of range"), KeyError("x")])
def test_whatever_a_machine_provokes_stays_its_own(lab: Site, error: Exception) -> None:
    lab.broken = {("report", "worker-1"): error}
    found = lab.run()
    assert found.errors.keys() == {"worker-1"}
    assert found.nodes.keys() == PODS.keys() - {"worker-1"}


def test_a_silent_api_leaves_nodes_with_facts_and_no_targets(lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "survey", lambda *_: Survey(errors=("Kubernetes API: refused",)))
    found = lab.run()
    assert found.nodes.keys() == PODS.keys()
    assert lab.targets["worker-1"] == []


def test_the_input_holds_its_secrets_back() -> None:
    data: dict[str, Any] = verification_input(site(), ssh_key="SECRET", host_keys=HOST_KEYS, kubeconfig="SECRET")
    assert "SECRET" not in repr(Request.model_validate(data))
    assert Request.model_validate(data).expected == expected()
    with pytest.raises(ValidationError):
        Request.model_validate(data | {"more": 1})


def test_policies_are_read_where_the_site_declares_some(lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    data = verification_input(SITE, ssh_key="k", host_keys=HOST_KEYS, kubeconfig="c", seconds=5)
    request = Request.model_validate(data)
    assert lab.run().policies is None
    monkeypatch.setattr(gather, "survey_policies", lambda *_: PolicySurvey(objects=({"kind": "NetworkPolicy"},)))
    assert gather.gather(request, lambda _: None).policies == PolicySurvey(objects=({"kind": "NetworkPolicy"},))
    monkeypatch.setattr(gather, "survey_policies", lambda *_: time.sleep(30))
    found = gather.gather(request, lambda _: None).policies
    assert found
    assert found.error == "no answer within 1.67 s"
