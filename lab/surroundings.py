"""What programs find around them at the operator's place: the lab's stack file, its engine, its folders."""

from __future__ import annotations

import os
from pathlib import Path

from lab.paths import binaries, cache, keys, repo, state, venv_python

STACK = "dev"
LEFT_OUT = "PULUMI_CONFIG_PASSPHRASE"
"""It belongs to a person's own stacks; the engine would take it instead of the lab's file."""


def stack_file() -> Path:
    """Return the stack file of the running lab."""
    return state() / f"Pulumi.{STACK}.yaml"


def environment() -> dict[str, str]:
    """Return the environment of everything that works on the lab from the operator's place."""
    kubeconfig = state() / "kubeconfig"
    settings = {
        "PULUMI_HOME": str(state() / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{state() / 'pulumi-state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(keys() / "passphrase"),
        "PULUMI_STACK": STACK,
        "KUBECACHEDIR": str(state() / "kube-cache"),
        "UNDERLAY_STATE": str(state()),
        "UNDERLAY_CONFIG_FILE": str(stack_file()),
    }
    found = programs() | settings | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig.exists() else {})
    return {name: value for name, value in found.items() if name != LEFT_OUT}


def programs() -> dict[str, str]:
    """Return the environment that finds the toolchain's programs; it needs no lab."""
    path = os.pathsep.join([str(binaries()), str(venv_python().parent), os.environ.get("PATH", os.defpath)])
    settings = {
        "PATH": path,
        "PYTHONPATH": str(repo()),
        "UNDERLAY_CACHE": str(cache()),
        "UNDERLAY_CLONE": str(repo()),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
    }
    return os.environ | settings
