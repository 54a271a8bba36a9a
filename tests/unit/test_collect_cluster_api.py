"""One client for the API server: nothing where nothing is, an error where something is wrong, and an end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.commands_api import api_server, kubeconfig
from underlay.collect.cluster_api import ClusterApi, Unanswered, Unreached
from underlay.collect.kubernetes import LISTS, OPTIONAL, survey


def test_what_is_not_there_is_nothing_and_an_error_is_none_of_it() -> None:
    with api_server({"/api/v1/nodes": {"items": [{"a": 1}]}, "/api/v1/pods": 403}) as config, ClusterApi(config) as api:
        assert api.items("/api/v1/nodes") == [{"a": 1}]
        assert api.items("/api/v1/nothing") == []
        with pytest.raises(Unanswered, match="answers 403"):
            api.get("/api/v1/pods")


def test_the_time_for_everything_ends() -> None:
    with api_server({"/api/v1/nodes": {"items": []}}) as config, ClusterApi(config, seconds=0.3) as api:
        api.get("/api/v1/nodes")
        time.sleep(0.4)
        with pytest.raises(Unreached, match=r"within 0\.3 s"):
            api.get("/api/v1/nodes")


def test_a_survey_says_which_lists_are_not_there() -> None:
    with api_server({"/api/v1/nodes": {"items": []}}) as config:
        found = survey(config, "probes", [], 18.0)
    assert len(found.errors) == len(LISTS) - 1 - len(OPTIONAL)
    assert "not found" in found.errors[0]
    kinds = [error for error in found.errors if "/apis/cilium.io/" in error]
    assert len(kinds) == 6
    assert all("the Cilium operator registers this kind" in error for error in kinds), "CRDs are not there"


def test_a_survey_of_a_server_that_does_not_answer_is_one_error() -> None:
    [error] = survey(kubeconfig("http://127.0.0.1:9"), "probes", [], 18.0).errors
    assert error.startswith("Kubernetes API: Unreached: the API server does not answer")


class Slow(dict[str, Any]):
    """A table of which one list takes longer than anybody waits."""

    def get(self, key: str, default: Any = None) -> Any:
        if key.endswith("/pods"):
            time.sleep(4)
        return super().get(key, default)


def test_what_a_slow_server_has_said_in_time_is_kept() -> None:
    node = {"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    with api_server(Slow({"/api/v1/nodes": {"items": [node]}})) as config:
        found = survey(config, "probes", ["n1"], 2.0)
    assert found.nodes["n1"].ready
    assert found.errors[0].startswith("Kubernetes API: Unreached: the API server ")
