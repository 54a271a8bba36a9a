"""Nodes and a router that nothing reaches but a bastion: prepared, looked at, verified and given back through it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from policy.check.stack import KUBECONFIG
from tests.lab.bed import BASTION, DOOR, NODES, ROUTER, Bed, bed
from tests.policy.engine import ROOT, Engine, our_stack
from tests.unit.plan_sites import Data
from underlay.model import load_site
from underlay.plan.verification import verification_facts, with_secrets

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(300)]

TARGETS = (
    "**underlay:cluster:Cluster::dev",
    "**command:local:Command::installer",
    "**underlay:node:Prerequisites::nodes",
    "**underlay:router:Configuration::routers",
    "**command:remote:Command::prepare-*",
    "**command:remote:Command::configure-*",
)


class Stack:
    """Our program, run by the real engine and the command provider in the operator's network."""

    def __init__(self, folder: Path, running: Bed) -> None:
        folder.mkdir()
        self.bed, self.engine = running, Engine(folder, running.before)
        self.file = our_stack(self.engine, running.site, hostKeys=running.keys.pinned)
        self.set_secrets(sshKey=running.keys.private["machines"], bastionKey=running.keys.private["bastions"])

    def set_secrets(self, **secrets: str) -> None:
        for key, value in secrets.items():
            words = ("config", "set", "--secret", f"cilium-underlay:{key}")
            assert self.engine.run(*words, cwd=self.file.parent, text=value).returncode == 0

    def up(self, *words: str) -> tuple[int, str]:
        targets = [word for target in TARGETS for word in ("--target", target)]
        return self._run("up", "--skip-preview", *targets, *words)

    def destroy(self) -> tuple[int, str]:
        return self._run("destroy", "--skip-preview")

    def _run(self, word: str, *words: str) -> tuple[int, str]:
        done = self.engine.run(word, "--yes", "--config-file", str(self.file), *words, cwd=ROOT)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed(tmp_path_factory.mktemp("bed")) as made:
        yield made


@pytest.fixture(scope="module")
def stack(there: Bed, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return the stack with every machine prepared."""
    made = Stack(tmp_path_factory.mktemp("engine") / "stack", there)
    code, text = made.up()
    assert code == 0, text
    return made


def asked(there: Bed, site: Data | None = None, host_keys: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the input of `drift` and `verify`."""
    facts = verification_facts(load_site(site or there.site), host_keys=there.keys.pinned | dict(host_keys))
    private = there.keys.private
    return json.dumps(
        with_secrets(facts, ssh_key=private["machines"], bastion_key=private["bastions"], kubeconfig=KUBECONFIG)
    )


def drift(there: Bed, text: str) -> tuple[int, list[dict[str, Any]]]:
    done = there.underlay("drift", "--json", text=text)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def came(there: Bed) -> int:
    """Return how often somebody has logged in to the bastion."""
    return there.boxes[BASTION].run("cat", "/run/sshd.log").count("Accepted publickey for nobody")


def test_nothing_reaches_a_machine_directly(there: Bed) -> None:
    code, found = drift(there, asked(there, {key: value for key, value in there.site.items() if key != "ssh"}))
    assert (code, {one["node"] for one in found if "port 22" in one["error"]}) == (3, {*NODES})


@pytest.mark.usefixtures("stack")
def test_machines_are_prepared_and_looked_at_through_the_bastion(there: Bed) -> None:
    assert came(there) >= len(NODES) + 1
    assert "owner: site dev" in there.boxes[ROUTER].run("cat", "/etc/bird/underlay.conf")
    before = came(there)
    assert drift(there, asked(there)) == (
        0,
        [{"node": name, "findings": [], "waived": [], "error": ""} for name in NODES],
    )
    assert came(there) == before + 1


def test_a_verification_reads_nodes_and_routers_through_the_bastion(there: Bed, tmp_path: Path) -> None:
    there.underlay("verify", "--report", str(tmp_path), text=asked(there))
    [file] = tmp_path.rglob("evidence.json")
    evidence = json.loads(file.read_text())
    assert (set(evidence["nodes"]), set(evidence["routers"]), evidence["errors"]) == ({*NODES}, {ROUTER}, {})


def test_another_host_key_of_the_bastion_stops_everything(there: Bed) -> None:
    code, found = drift(there, asked(there, host_keys={BASTION: there.keys.public[ROUTER]}))
    words = f"bastion {BASTION} before worker-2: SSH to nobody@{DOOR} port 22: its host key differs from the pinned one"
    assert code == 3
    assert found[0]["error"].startswith(words)


def test_a_bastion_that_passes_nothing_on_is_named(there: Bed) -> None:
    there.boxes[BASTION].sh(
        "sed 's/^AllowTcpForwarding yes/AllowTcpForwarding no/; s/^ListenAddress.*/&\\nPort 23/' "
        "/etc/ssh/sshd_config > /etc/ssh/shut"
    )
    there.open_door("shut", 23)
    site = json.loads(json.dumps(there.site))
    site["ssh"]["bastions"][0]["port"] = 23
    code, found = drift(there, asked(there, site))
    assert code == 3
    assert all(f"by way of bastion {BASTION}: " in one["error"] for one in found)


def traces(there: Bed) -> dict[str, bool]:
    """Tell for each machine whether it has something of ours."""
    find = ("find", "/etc/sysctl.d", "/var/lib", "-name", "*underlay*")
    found = {name: bool(there.boxes[name].run(*find)) for name in NODES}
    return found | {ROUTER: "underlay" in there.boxes[ROUTER].run("cat", "/etc/bird/bird.conf")}


def test_machines_are_given_back_through_the_bastion(there: Bed, stack: Stack) -> None:
    assert set(traces(there).values()) == {True}
    code, text = stack.destroy()
    assert code == 0, text
    assert set(traces(there).values()) == {False}
