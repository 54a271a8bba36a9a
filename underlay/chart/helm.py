"""Helm itself on this machine: it renders a chart that is here, and fetches one from a mirror; nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from underlay.finding import Finding, Refused
from underlay.plan.chart.refusal import refusals
from underlay.plan.values import NAMESPACE, RELEASE

RENDER_SECONDS, FETCH_SECONDS = 60, 300
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C reads Cilium's objects ten times as fast, where there is one."""


def render(chart: str, values: Mapping[str, Any], kubernetes: str) -> list[dict[str, Any]]:
    """Return the objects of the release; Refused carries what schema or templates have against the values.

    Without a cluster, without plugins and without the network: only chart and values decide.
    """
    words = ["template", RELEASE, chart, "--namespace", NAMESPACE, "--kube-version", kubernetes, "--values", "-"]
    with tempfile.TemporaryDirectory() as home:
        alone = dict.fromkeys(("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"), home)
        done = run(words, RENDER_SECONDS, json.dumps(values), {**alone, "KUBECONFIG": os.devnull})
    if done.returncode:
        raise Refused(refusals(done.stderr))
    return [one for one in yaml.load_all(done.stdout, Loader) if one]


def run(
    words: Sequence[str], seconds: float, text: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Helm; Refused says that it is missing or does not end."""
    try:
        return subprocess.run(
            ["helm", *words],
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except OSError as error:
        fix = "Install Helm 3; the preview shows with it what the chart makes of the values."
        raise Refused([Finding("helm-missing", "PATH", error.strerror or "nothing", "the program helm", fix)]) from None
    except subprocess.TimeoutExpired:
        found = f"no end after {seconds:.0f} s"
        raise Refused([Finding("helm-hangs", f"helm {words[0]}", found, "an answer")]) from None
