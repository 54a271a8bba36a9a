"""A stack is verified by what its update has left; its secrets are asked for where they are kept as secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.unit.judge_site import verification_input
from tests.unit.plan_sites import put, site
from underlay.commands.common import Failure
from underlay.commands.engine import CONFIG_FILE
from underlay.commands.request import BASTION_KEY, of_stack
from underlay.model import Site
from underlay.plan.verification import verification_facts

KEYS = {"cp-1": "ssh-ed25519 AAAA"}
PULUMI = """\
#!/bin/sh
echo "$@" >> {place}/calls
echo left > "${{TMPDIR:?}}/kubeconfig123"; echo "$TMPDIR" >> {place}/temporary
case "$*" in
  "stack output --show-secrets --json"*)
    printf '{{'; cat {place}/facts 2>/dev/null && printf ','; echo '"kubeconfig": "the-kubeconfig"}}' ;;
  "config get cilium-underlay:sshKey --json"*) printf '%s' '{{"value": "the key"}}' ;;
  "config get cilium-underlay:bastionKey --json"*) printf '%s' '{{"value": "the bastion key"}}' ;;
  "config --json"*) cat {place}/config ;;
  *) echo "no stack named 'it' found" >&2; exit 1 ;;
esac
"""


def leave(place: Path, declared: Site) -> None:
    """Let the stack's last update have left the input of a verification."""
    facts = json.dumps(verification_facts(declared, host_keys=KEYS))
    (place / "facts").write_text(f'"verification": {facts}', encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "pulumi"
    program.write_text(PULUMI.format(place=tmp_path), encoding="utf-8")
    program.chmod(0o755)
    leave(tmp_path, site())
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.delenv(CONFIG_FILE, raising=False)
    return tmp_path


def test_facts_and_secrets_make_the_input(place: Path) -> None:
    whole = verification_input(site(), ssh_key="the key", host_keys=KEYS, kubeconfig="the-kubeconfig")
    assert json.loads(of_stack("dev")) == whole
    calls = (place / "calls").read_text(encoding="utf-8")
    assert calls.count("--stack dev") == 2
    assert "the-kubeconfig" not in calls


def test_what_the_engine_s_plugins_leave_among_temporary_files_ends_with_each_run(place: Path) -> None:
    of_stack("dev")
    folders = (place / "temporary").read_text(encoding="utf-8").split()
    assert len({*folders}) == len(folders) > 1
    assert [folder for folder in folders if Path(folder).exists()] == []


@pytest.mark.parametrize(("config", "key"), [({BASTION_KEY: {"secret": True}}, "the bastion key"), ({}, None)])
def test_a_bastion_s_key_is_asked_for_where_there_is_a_bastion(place: Path, config: object, key: str | None) -> None:
    jump = {"name": "jump-1", "address": "198.51.100.1", "user": "jump"}
    declared = site(put("ssh", {"bastions": [jump], "bastion": "jump-1"}))
    leave(place, declared)
    (place / "config").write_text(json.dumps(config), encoding="utf-8")
    assert json.loads(of_stack("dev"))["ssh"].get("bastion_key") == key


def test_the_stack_s_file_may_lie_elsewhere(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_FILE, "/elsewhere/Pulumi.dev.yaml")
    of_stack("dev")
    lines = (place / "calls").read_text(encoding="utf-8").splitlines()
    told = {line.split()[0]: "--config-file /elsewhere/Pulumi.dev.yaml" in line for line in lines}
    assert told == {"stack": False, "config": True}


def test_an_output_that_is_not_there_yet_is_made_by_an_update(place: Path) -> None:
    (place / "facts").unlink()
    with pytest.raises(Failure, match=r"^the stack has no output 'verification'; `pulumi up` makes it$"):
        of_stack("dev")


def test_what_no_update_makes_is_told_in_the_engine_s_own_words(place: Path) -> None:
    program = place / "pulumi"
    program.write_text(program.read_text(encoding="utf-8").replace("config get", "config gone"), encoding="utf-8")
    with pytest.raises(Failure, match=r"^no stack named 'it' found$"):
        of_stack("dev")


def test_a_machine_without_the_engine_is_told_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place / "nowhere"))
    with pytest.raises(Failure, match="the program pulumi cannot be run: No such file or directory; expected it on"):
        of_stack("dev")


def test_facts_hold_no_secret() -> None:
    text = json.dumps(verification_facts(site(), host_keys=KEYS))
    assert '"key"' not in text
    assert "kubeconfig" not in text
