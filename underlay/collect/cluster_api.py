"""The Kubernetes API as plain data: one request at a time, nothing where nothing is."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import urllib3
import yaml
from kubernetes import client, config

from underlay.collect.conditions import Object
from underlay.collect.pod_command import Refused, output
from underlay.failure import Failure, in_one_line

CONNECT, ANSWER = 3.0, 10.0
"""Seconds to reach the API server, and between two parts of one answer, at most."""

SHOWN = 200
"""Characters of what the client says of a connection."""


class Unanswered(Exception):
    """The API server did not answer, or answered with an error that may pass."""


class Unreached(Unanswered):
    """Nothing came back at all, or the time for everything was over."""


class ClusterApi:
    """A cluster, reached with a kubeconfig, within a time for all requests together where one is given."""

    def __init__(self, kubeconfig: str, seconds: float | None = None) -> None:
        """Read the kubeconfig; nothing is asked yet."""
        self._seconds, self._end = seconds, None if seconds is None else time.monotonic() + seconds
        settings = client.Configuration()
        settings.retries = False
        make: Any = config.new_client_from_config_dict
        try:
            self._client = make(yaml.safe_load(kubeconfig), client_configuration=settings)
        except (yaml.YAMLError, config.ConfigException, AttributeError, TypeError, KeyError):
            raise Failure("the kubeconfig cannot be read; expected YAML with clusters, users and contexts") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._client.close()

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

    def run(self, pod: str, container: str, *words: str) -> str:
        """Return what a command prints in a container of a pod, named by its path."""
        path, wanted = f"{pod}/exec", [("container", container), ("stdout", "true"), ("stderr", "true")]
        query = [*wanted, *(("command", word) for word in words)]
        _, url, headers, *_ = self._client.param_serialize(
            "GET", path, query_params=query, auth_settings=["BearerToken"]
        )
        left = self._left()
        try:
            return output(self._client.configuration, url, headers, min(CONNECT, left), min(ANSWER, left))
        except Refused as refused:
            raise Unanswered(f"`{' '.join(words)}` in {path}: {refused}") from None

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is no failure."""
        self._ask("DELETE", path, {})

    def merge(self, path: str, change: Object) -> None:
        """Change an object by a merge patch, where nothing takes a key away; one that is gone is no failure."""
        self._ask("PATCH", path, {}, change)

    def _ask(self, method: str, path: str, query: dict[str, str], change: Object | None = None) -> bytes | None:
        kind = {"Content-Type": "application/merge-patch+json"} if change else {}
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json, */*", **kind},
            body=change,
            auth_settings=["BearerToken"],
        )
        left = self._left()
        try:
            answer = self._client.call_api(*request, _request_timeout=(min(CONNECT, left), min(ANSWER, left)))
            body: bytes = answer.read()
        except urllib3.exceptions.HTTPError as error:
            raise Unreached(f"the API server does not answer: {in_one_line(error, SHOWN)}") from None
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Unanswered(f"the API server answers {answer.status} {answer.reason} to {path}")
        return body

    def _left(self) -> float:
        """Return the seconds that are left for everything."""
        left = ANSWER if self._end is None else self._end - time.monotonic()
        if left <= 0:
            raise Unreached(f"the API server has not answered everything within {self._seconds:.3g} s")
        return left
