"""The Kubernetes API as plain data: one request at a time, nothing where nothing is."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import urllib3
import yaml
from kubernetes import config

from underlay.commands.common import Failure

SECONDS = 10
"""Longest time for one answer."""

Object = dict[str, Any]


class Unanswered(Exception):
    """The API server did not answer, or answered with an error that may pass."""


class ClusterApi:
    """A cluster, reached with a kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        """Read the kubeconfig; nothing is asked yet."""
        try:
            self._client = config.new_client_from_config_dict(yaml.safe_load(kubeconfig))  # type: ignore[no-untyped-call]
        except (yaml.YAMLError, config.ConfigException, AttributeError, TypeError, KeyError):
            raise Failure("the kubeconfig cannot be read; expected YAML with clusters, users and contexts") from None
        self._client.configuration.retries = False

    def get(self, path: str, **query: str) -> Object | None:
        """Return an object or list; None when there is none of that name or kind."""
        answer = self._ask("GET", path, query)
        found: Object | None = json.loads(answer) if answer else None
        return found

    def items(self, path: str, **query: str) -> list[Object]:
        """Return the items of a list; empty when there is no such kind."""
        return list((self.get(path, **query) or {}).get("items") or [])

    def text(self, path: str, **query: str) -> str:
        """Return a text such as a log; empty when there is none."""
        try:
            return (self._ask("GET", path, query) or b"").decode(errors="replace")
        except Unanswered:
            return ""

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is no failure."""
        self._ask("DELETE", path, {})

    def _ask(self, method: str, path: str, query: dict[str, str]) -> bytes | None:
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json, */*"},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._client.call_api(*request, _request_timeout=SECONDS)
            body: bytes = answer.read()
        except urllib3.exceptions.HTTPError as error:
            raise Unanswered(f"the API server does not answer: {type(error).__name__}") from None
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Unanswered(f"the API server answers {answer.status} {answer.reason} to {path}")
        return body


def condition(item: Object, kind: str) -> Object:
    """Return a condition of an object's status; empty when it has none of that type."""
    conditions = item.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def is_true(item: Object, kind: str) -> bool:
    """Tell whether a condition of an object is True."""
    return condition(item, kind).get("status") == "True"
