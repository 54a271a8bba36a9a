"""A canary as every secret: whatever the engine and our commands write, print or start, none of them is in it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from tests.policy.engine import PACK, ROOT, Engine, needs_engine, our_stack
from tests.program.echo_provider import Echo, echo
from tests.program.recorder import BIRTH, SIGNATURE, STDOUT
from tests.unit.commands_api import kubeconfig
from tests.unit.plan_sites import KEY, Data, dev, drop, put
from underlay.commands import review
from underlay.model import load_site
from underlay.plan.lineage import record
from underlay.report.schema import site_schema

pytestmark = [pytest.mark.engine, needs_engine]
CONFIGURED = re.compile(r"""(?:require|get)_secret\w*\(\s*["'](\w+)["']""")
SECRETIVE = re.compile(r"password|passphrase|secret|token|credential|private", re.IGNORECASE)
CONFIG = kubeconfig("https://192.0.2.250:6443").replace("token: x", "token: {}")
JUMP = {"name": "jump-1", "address": "198.51.100.1", "user": "jump"}
PROGRAMS = ("pulumi", "helm", "kubectl", "ssh", "ucs-ctl", "python3")
RECORDING = '#!/bin/sh\nprintf "%s\\0" "$0" "$@" >> {log}\n{then}\n'


def configured() -> set[str]:
    """Return the names of all secrets that the program reads, as its own text has them."""
    sources = [ROOT / "__main__.py", *(ROOT / "components").glob("*.py")]
    return {name for path in sources for name in CONFIGURED.findall(path.read_text(encoding="utf-8"))}


def canary(name: str) -> str:
    return f"canary-{name.lower()}-5eaf00d"


def planted(name: str) -> str:
    """Return a secret's value: a canary, within whatever the program can read."""
    return CONFIG.format(canary(name)) if name == "kubeconfig" else f"{canary(name)}"


def made_here() -> tuple[Data, set[str]]:
    """Return a site whose cluster the vendor's tool makes, and the secrets that it takes."""
    ssh = {"bastions": [JUMP], "bastion": "jump-1"}
    return dev(drop("cluster.installer"), put("cluster.ucs_ctl", {"agent": "agent.yaml"}), put("ssh", ssh)), (
        configured() - {"kubeconfig"}
    )


def made_elsewhere() -> tuple[Data, set[str]]:
    """Return a site whose cluster is there already, and the secrets that it takes."""
    return dev(drop("cluster.installer")), configured() - {"clusterPassword"}


class Run:
    """One stack with canaries, its engine, and a record of every command line."""

    def __init__(self, folder: Path, site: Data, secrets: set[str], debug: str) -> None:
        self.folder, self.secrets, self.said = folder, secrets, list[str]()
        self.engine = Engine(folder)
        keys = {machine["name"]: KEY for machine in (*site["nodes"], *site["routers"], *[JUMP])}
        self.file = our_stack(self.engine, site, hostKeys=keys)
        self.engine.environment |= {
            "PULUMI_DEBUG_PROVIDERS": debug,
            "PULUMI_DEBUG_COMMANDS": "true",
            "PATH": self._recorded(),
        }
        for name in secrets:
            self("config", "set", "--secret", f"cilium-underlay:{name}", text=planted(name), cwd=self.file.parent)

    def __call__(self, *words: str, text: str = "", cwd: Path = ROOT) -> str:
        done = self.engine.run(*words, text=text, cwd=cwd)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
        return done.stdout

    def on_stack(self, *words: str) -> str:
        """Run a command of the engine that takes the stack's file."""
        return self(*words, "--config-file", str(self.file))

    def _recorded(self) -> str:
        """Return a PATH on which programs first write down their words."""
        place, path = self.folder / "recorders", self.engine.environment["PATH"]
        place.mkdir()
        for name in PROGRAMS:
            then = "exit 255" if name in {"ssh", "ucs-ctl"} else f'PATH="{path}" exec {name} "$@"'
            (place / name).write_text(RECORDING.format(log=self.folder / "command-lines", then=then), encoding="utf-8")
            (place / name).chmod(0o755)
        return os.pathsep.join([str(place), path])

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield everything that was written or said, by where it is."""
        yield from ((f"said {number}", text) for number, text in enumerate(self.said))
        for path in self.folder.rglob("*"):
            if path.is_file() and "home" not in path.relative_to(self.folder).parts[:1]:
                yield str(path.relative_to(self.folder)), path.read_bytes().decode(errors="replace")


def found(run: Run) -> list[str]:
    """Return where a canary is, plain or in base64."""
    marks = {name: canary(name) for name in (*run.secrets, "printed")}
    shapes = {name: (text, *_encoded(text)) for name, text in marks.items()}
    return [
        f"{name} in {where}"
        for where, text in run.texts()
        for name, all_of in shapes.items()
        if any(shape in text for shape in all_of)
    ]


def _encoded(text: str) -> Iterator[str]:
    """Yield the part of a text's base64 that is the same whatever stands beside it, for each place in three bytes."""
    for before in range(3):
        whole = base64.b64encode(b"x" * before + text.encode()).decode()
        yield whole[-(-before * 8 // 6) + 1 : -4]


def printed(site: Data) -> dict[str, str]:
    """Return what commands print: the installer a kubeconfig, the lineage its record."""
    kept = {**record(load_site(site)).plain(), "birth": BIRTH}
    return STDOUT | {"installer": CONFIG.format(canary("printed")), "lineage": json.dumps(kept)}


@pytest.mark.parametrize("declared", [made_here, made_elsewhere])
def test_no_secret_is_anywhere(
    declared: Callable[[], tuple[Data, set[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, secrets = declared()
    with echo(printed(site)) as (debug, servicer):
        run = Run(tmp_path, site, secrets, debug)
        first = run.on_stack("preview", "--json", "--policy-pack", str(PACK))
        run.on_stack("preview", "--diff")
        run.on_stack("up", "--yes", "--skip-preview", "--event-log", str(tmp_path / "log"))
        run("stack", "export", cwd=run.file.parent)
        run("stack", "output", "--json", cwd=run.file.parent)
        run(
            "config",
            "set",
            "--secret",
            "cilium-underlay:bgpPassword",
            text=canary("bgpPassword") + "2",
            cwd=run.file.parent,
        )
        again = run.on_stack("preview", "--json")
    monkeypatch.chdir(tmp_path)
    for number, events in enumerate((first, again)):
        (tmp_path / "events").write_text(events, encoding="utf-8")
        review.main(["--events", str(tmp_path / "events"), "--site", str(run.file), "--report", f"report{number}"])
    _work(run, servicer)
    lines = (tmp_path / "command-lines").read_text(encoding="utf-8")
    assert "4 reset (another password)" in (tmp_path / "report1" / "review.json").read_text(encoding="utf-8")
    assert "ucs_ctl" not in site["cluster"] or "/recorders/ucs-ctl\0" in lines
    assert {path.name for path in (tmp_path / "evidence").iterdir()} >= {"verdict.html", "verdict.xml", "evidence.json"}
    assert "/recorders/pulumi\0" in lines, lines[:1000]
    assert found(run) == []


def _work(run: Run, servicer: Echo) -> None:
    """Do what the engine would have done here, with the input that it gave; all that is reached says nothing."""
    assert canary("sshKey") in json.dumps(json_format.MessageToDict(servicer.made["verdict"])), "it sees what is sent"
    _underlay(run, servicer, "verdict", "verify", "--report", str(run.folder / "evidence"))
    if "installer" in servicer.made:
        _underlay(run, servicer, "installer", "install")
        file = run.folder / "state" / "cluster-dev.yaml"
        assert file.stat().st_mode & 0o777 == 0o600
        assert canary("clusterPassword") in file.read_text(encoding="utf-8"), "the vendor's tool reads it there"
        file.unlink()


def _underlay(run: Run, servicer: Echo, resource: str, *words: str) -> None:
    """Run our command as a resource has it; no machine, API or tool is there, so it fails."""
    sent = _plain(json_format.MessageToDict(servicer.made[resource]))["stdin"]
    environment = run.engine.environment | {"UNDERLAY_STATE": str(run.folder / "state")}
    command = [sys.executable, "-m", "underlay", *words]
    done = subprocess.run(
        command, input=sent, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode, done.stderr
    run.said += [done.stdout, done.stderr]


def _plain(value: Any) -> Any:
    """Return inputs with secrets in the clear."""
    if isinstance(value, dict):
        return _plain(value["value"]) if SIGNATURE in value else {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def test_canaries_are_found_where_they_are(tmp_path: Path) -> None:
    """What is looked for is seen, plain and in base64, beside any other text."""
    assert len(configured()) >= 5
    run = Run.__new__(Run)
    run.folder, run.secrets, run.said = tmp_path, {"sshKey"}, [f"a {canary('sshKey')} b"]
    for before in range(3):
        data = b"y" * before + canary("sshKey").encode() + b"z" * 5
        (tmp_path / f"file{before}").write_bytes(base64.b64encode(data))
    assert len(found(run)) == 4


def test_the_site_itself_has_no_place_for_a_secret() -> None:
    """A secret is a key of the stack, which the canaries cover; the site is shown as it is."""
    schema = site_schema()
    parts = {"Site": schema, **schema["definitions"]}
    names = {f"{part}.{key}" for part, content in parts.items() for key in content.get("properties", ())}
    assert len(names) > 100
    assert {name for name in names if SECRETIVE.search(name.partition(".")[2])} == set()
