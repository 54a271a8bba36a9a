"""The lab's stack file: the repository's file, and what exists at run time only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from lab import keys
from lab.failure import Failure
from lab.hardware import hardware, site_of
from lab.paths import binaries, cache, repo, state
from lab.surroundings import STACK, environment, stack_file
from lab.toolchain.plugins import install_plugins
from underlay.commands.stack_file import CHART, SITE, content
from underlay.model import Site, load_site
from underlay.report.schema import PROJECT

SECRETS = {f"{PROJECT}:sshKey": keys.USER, f"{PROJECT}:bgpPassword": "bgp-password"}


def declared(path: Path) -> dict[str, Any]:
    """Return a stack file's content; a file without a site, or with a wrong one, is refused."""
    site_of(path)
    return content(path)


def write(source: Path) -> None:
    """Write the lab's stack file: the site, every machine's host key, the chart; what the engine keeps there stays."""
    told = declared(source)
    kept = yaml.safe_load(stack_file().read_text()) if stack_file().exists() else {}
    site = load_site(told["config"][SITE])
    if kept and hardware(load_site(kept["config"][SITE])).cabling != hardware(site).cabling:
        raise Failure("the lab runs other machines than the site file declares; `python3 -m lab down` ends it first")
    keys.make(list(hardware(site).machines))
    own = {f"{PROJECT}:hostKeys": _host_keys(site), CHART: _chart(site)}
    config = kept.get("config", {}) | told["config"] | own
    keys.write_private(stack_file(), yaml.safe_dump(kept | told | {"config": config}, sort_keys=False, width=120))
    shutil.copy(repo() / "Pulumi.yaml", state() / "Pulumi.yaml")


def make_secrets() -> None:
    """Make the stack in the lab's own backend and set the secrets it lacks; values go by standard input."""
    (state() / "pulumi-state").mkdir(exist_ok=True)
    install_plugins(state() / "pulumi-home")
    missing = SECRETS.keys() - yaml.safe_load(stack_file().read_text())["config"].keys()
    if missing:
        _pulumi("stack", "select", "--create", STACK)
    for key in sorted(missing):
        _pulumi("config", "set", "--secret", key, text=keys.read(SECRETS[key]))


def _host_keys(site: Site) -> dict[str, str]:
    managed = [machine for machine in hardware(site).machines.values() if machine.address("mgmt0")]
    return {machine.name: keys.host_key_line(machine.name) for machine in managed}


def _chart(site: Site) -> str:
    return str(cache() / "chart" / f"cilium-{site.cilium.version}")


def _pulumi(*words: str, text: str = "") -> None:
    """Run the engine beside the lab's stack file, so that it writes that one and never the repository's."""
    command = [str(binaries() / "pulumi"), *words, "--non-interactive"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=state(), env=environment(), check=False
    )
    if done.returncode != 0:
        raise Failure(f"`pulumi {' '.join(words)}` fails: {done.stderr.strip() or done.stdout.strip()}")
