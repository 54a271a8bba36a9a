"""What the engine starts by itself: the language host and the provider plugins, and where it looks for them."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from lab import paths
from lab.toolchain import process, versions
from lab.toolchain.part import HERE, Step

PROVIDERS = {"kubernetes": versions.KUBERNETES_PROVIDER, "command": versions.COMMAND_PROVIDER}
SDK = f"go/mod/github.com/pulumi/pulumi/sdk/v3@v{versions.PULUMI}"
EXECUTOR = "pulumi-language-python-exec"


def launcher_recipe(module: str) -> tuple[str, ...]:
    """Return what decides a launcher: the module it starts and where the lab's Python lies."""
    return (module, str(paths.cache()))


def write_launcher(step: Step, program: str, module: str) -> None:
    """Write a program that starts a module of the clone that started the engine: several clones share one cache."""
    python, launch = shlex.quote(str(step.cache / "venv/bin/python")), (HERE / "launch.py").relative_to(paths.repo())
    clone = "${UNDERLAY_CLONE:?is set by python3 -m lab}"
    file = step.staged(f"bin/{program}")
    file.write_text(f'#!/bin/sh\nexec {python} -P "{clone}/{launch}" {shlex.quote(module)} "$@"\n')
    file.chmod(0o755)


def make_language_host(step: Step) -> None:
    """Write the language host's launcher and lay the SDK's own executor beside it."""
    write_launcher(step, "pulumi-language-python", "lab.pulumi.language_host")
    executor = step.staged(f"bin/{EXECUTOR}")
    shutil.copyfile(step.cache / SDK / "python/cmd" / EXECUTOR, executor)
    executor.chmod(0o755)


def make_command_provider(step: Step) -> None:
    """Write the command provider's launcher."""
    write_launcher(step, "pulumi-resource-command", "lab.pulumi.command_provider")


def install_plugins(pulumi_home: Path) -> None:
    """Lay the providers out where the engine looks for plugins of exactly these versions."""
    for name, version in PROVIDERS.items():
        program = f"pulumi-resource-{name}"
        place = pulumi_home / "plugins" / f"resource-{name}-v{version}"
        place.mkdir(parents=True, exist_ok=True)
        draft = place / f".{program}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(paths.binaries() / program)
        draft.rename(place / program)


def plugin_version(program: Path) -> str:
    """Ask a provider plugin itself for its version, over the engine's protocol."""
    asked = process.read([str(paths.venv_python()), str(HERE / "plugin_version.py"), str(program)], timeout=60)
    return asked.strip().removeprefix("v")
