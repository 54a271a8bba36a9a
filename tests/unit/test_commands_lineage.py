"""The record gets the cluster's birth; another cluster behind the API, or another network in it, is refused."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server
from tests.unit.plan_sites import put, site
from underlay.__main__ import main
from underlay.commands.lineage import BEFORE, DAEMONS
from underlay.plan.lineage import SYSTEM_NAMESPACE, Record, record

BORN = {"uid": "u-1", "created": "2026-01-01T00:00:00Z"}
CALICO = {"metadata": {"name": "calico-node", "namespace": "kube-system"}}


def cluster(*daemons: dict[str, Any], uid: str = "u-1") -> Table:
    metadata = {"name": "kube-system", "uid": uid, "creationTimestamp": BORN["created"]}
    return {SYSTEM_NAMESPACE: {"metadata": metadata}, DAEMONS: {"items": list(daemons)}}


def remembered(uid: str) -> str:
    return json.dumps({**record(site()).plain(), "birth": {**BORN, "uid": uid}})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def once(
        table: Table, last: str = "", allowed: tuple[str, ...] = (), now: Record | None = None
    ) -> tuple[int, str, str]:
        with api_server(table) as config:
            data = {"kubeconfig": config, "record": (now or record(site())).plain(), "allowed": list(allowed)}
            monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(data)))
            monkeypatch.setenv(BEFORE, last)
            code = main(["lineage"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return once


@pytest.mark.parametrize("last", ["", remembered("u-1"), "not a record"])
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


def test_daemons_that_cannot_be_read_are_no_pass(run: Any) -> None:
    code, _, err = run({**cluster(), DAEMONS: 403})
    assert code == 1
    assert "the cluster's DaemonSets could not be read: the API server answers 403" in err
