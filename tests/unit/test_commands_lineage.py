"""The record gets the cluster's birth; another cluster, another network in it, or one that is too old is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server
from tests.unit.plan_sites import put, site
from underlay.__main__ import main
from underlay.collect.cilium_owners import DAEMONS, DEPLOYMENTS, SECRETS
from underlay.commands.lineage import BEFORE
from underlay.plan.checks.transitions import MISSING
from underlay.plan.first_release import HOURS, TOO_LATE
from underlay.plan.lineage import SYSTEM_NAMESPACE, Record, record


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


BORN = {"uid": "u-1", "created": ago(1)}
OLD = ago(2 * 365 * 24)
CALICO = {"metadata": {"name": "calico-node", "namespace": "kube-system"}}
CILIUM = {"metadata": {"name": "cilium", "namespace": "kube-system"}}


def cluster(*daemons: dict[str, Any], uid: str = "u-1", created: str = BORN["created"]) -> Table:
    metadata = {"name": "kube-system", "uid": uid, "creationTimestamp": created}
    return {SYSTEM_NAMESPACE: {"metadata": metadata}, DAEMONS: {"items": list(daemons)}}


def remembered(uid: str) -> str:
    return json.dumps({**record(site()).plain(), "birth": {**BORN, "uid": uid}})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def once(
        table: Table,
        last: str = "",
        allowed: tuple[str, ...] = (),
        now: Record | None = None,
        waived: Mapping[str, str] | None = None,
    ) -> tuple[int, str, str]:
        with api_server(table) as config:
            data = {"kubeconfig": config, "record": (now or record(site())).plain(), "allowed": list(allowed)}
            data |= {"waived": waived} if waived else {}
            monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(data)))
            monkeypatch.setenv(BEFORE, last)
            code = main(["lineage"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return once


@pytest.mark.parametrize("last", ["", remembered("u-1"), "not a record"], ids=["none", "this one", "no record"])
def test_the_record_is_printed_with_the_birth(run: Any, last: str) -> None:
    code, out, err = run(cluster(), last)
    assert (code, err) == (0, "")
    assert json.loads(out) == {**record(site()).plain(), "birth": BORN}


def test_another_cluster_behind_the_api_is_refused(run: Any) -> None:
    code, out, err = run(cluster(), remembered("u-0"))
    assert (code, out) == (1, "")
    assert "[transition-cluster-identity] kubeconfig: found u-0 -> u-1 (uid of kube-system" in err


def test_another_cluster_passes_where_this_change_is_allowed(run: Any) -> None:
    assert run(cluster(), remembered("u-0"), ("u-0 -> u-1",))[0] == 0
    assert run(cluster(), remembered("u-0"), ("u-0 -> u-2",))[0] == 1


def test_another_network_in_a_new_cluster_is_refused(run: Any) -> None:
    code, _, err = run(cluster(CALICO))
    assert code == 1
    assert "[cluster-has-another-cni] DaemonSet kube-system/calico-node" in err


def test_another_network_is_looked_for_at_the_first_update_of_our_own_release_only(run: Any) -> None:
    assert run(cluster(CALICO), remembered("u-1"))[0] == 0
    assert run(cluster(CALICO), now=record(site(put("cilium.owner", "installer"))))[0] == 0


@pytest.mark.parametrize("path", [DAEMONS, DEPLOYMENTS, SECRETS])
def test_what_cannot_be_read_is_no_pass(run: Any, path: str) -> None:
    code, _, err = run({**cluster(), path: 403})
    assert code == 1
    assert f"what the cluster runs could not be read: the API server answers 403 Forbidden to {path}" in err


@pytest.mark.parametrize(
    "created", [OLD, ago(HOURS + 1), "", "long ago"], ids=["years", "an hour too many", "no time", "no time at all"]
)
def test_an_old_cluster_without_cilium_is_refused(run: Any, created: str) -> None:
    code, out, err = run(cluster(created=created))
    assert (code, out) == (1, "")
    assert f"[{TOO_LATE}] namespace kube-system: found a cluster created {created}" in err
    assert "expected the first release within 24 hours of a cluster's birth" in err
    assert f"waive {TOO_LATE} (cilium-underlay:waivers)" in err


def test_the_age_is_told_in_hours(run: Any) -> None:
    assert f"created {OLD}, 17520 hours ago, and no Cilium; expected" in run(cluster(created=OLD))[2]


@pytest.mark.parametrize(
    "created",
    [ago(HOURS - 1), ago(0), ago(-3), ago(2).replace("Z", "")],
    ids=["a day", "now", "clocks differ", "no zone"],
)
def test_a_cluster_that_was_just_made_is_not(run: Any, created: str) -> None:
    assert run(cluster(created=created))[0] == 0


def test_a_stack_that_was_applied_before_is_never_refused_for_its_age(run: Any) -> None:
    assert run(cluster(created=OLD), remembered("u-1"))[0] == 0
    assert run(cluster(created=OLD), remembered(""))[0] == 0
    assert run(cluster(created=OLD), waived={MISSING: "its state was lost"})[0] == 0


def test_an_installer_brings_its_cilium_when_it_likes(run: Any) -> None:
    assert run(cluster(created=OLD), now=record(site(put("cilium.owner", "installer"))))[0] == 0


def test_a_waiver_excuses_the_age_and_nothing_else(run: Any) -> None:
    waived = {TOO_LATE: "the vendor's installer ran last week"}
    code, out, err = run(cluster(created=OLD), waived=waived)
    assert (code, json.loads(out)["birth"]["created"]) == (0, OLD)
    assert f"waived (the vendor's installer ran last week): [{TOO_LATE}]" in err
    code, _, err = run(cluster(CALICO, created=OLD), waived=waived)
    assert (code, "[cluster-has-another-cni]" in err) == (1, True)
    assert run(cluster(CILIUM, created=OLD), waived=waived)[0] == 1


def test_another_cluster_that_a_waiver_allows_is_looked_at_like_a_first_one(run: Any) -> None:
    code, _, err = run(cluster(created=OLD), remembered("u-0"), ("u-0 -> u-1",))
    assert (code, f"[{TOO_LATE}]" in err) == (1, True)


def test_a_cluster_with_cilium_is_told_of_that_and_not_of_its_age(run: Any) -> None:
    code, _, err = run(cluster(CILIUM, created=OLD))
    assert (code, f"[{TOO_LATE}]" in err) == (1, False)
    assert "[cilium-owned-by-another] DaemonSet kube-system/cilium: found Cilium of a manager that is not known" in err
    assert "`site.cilium.owner: installer`" in err
