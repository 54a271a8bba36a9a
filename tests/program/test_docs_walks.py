"""The pages' commands about stacks, typed as they stand there: the real engine, state in a folder, no cluster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.docs.accounts import accounts
from tests.docs.runs import ASKED, record
from tests.docs.shell import Shell
from tests.policy.engine import needs_engine
from tests.program.echo_provider import echo
from tests.program.key_service import key_service
from tests.program.recorder import ROOT
from tests.program.test_canary_in_the_engine import printed
from tests.unit.commands_api import kubeconfig

pytestmark = [pytest.mark.engine, needs_engine, pytest.mark.timeout(1200)]
QUICK, LONG = (accounts().walks[place] for place in ("pages", "engine"))


@pytest.mark.parametrize("name", QUICK)
def test_the_pages_commands_do_what_the_pages_say(name: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"UNDERLAY_STATE": str(tmp_path / "lab")})
    shell.copy()
    assert shell.walk(QUICK[name]).wrong == ""


@pytest.mark.timeout(3600)
@pytest.mark.skipif(ASKED not in os.environ, reason=f"takes minutes: {ASKED}=1, or make walk")
@pytest.mark.parametrize("name", LONG)
def test_the_pages_commands_about_stacks_do_what_the_pages_say(name: str, tmp_path: Path) -> None:
    site = yaml.safe_load((ROOT / "Pulumi.production.yaml").read_text(encoding="utf-8"))["config"][
        "cilium-underlay:site"
    ]
    with echo(printed(site)) as (providers, _), key_service() as keys:
        variables = keys | {"UNDERLAY_STATE": str(tmp_path / "lab"), "PULUMI_DEBUG_PROVIDERS": providers}
        shell = Shell(tmp_path, variables)
        shell.copy()
        (shell.folder / "admin.conf").write_text(kubeconfig("https://198.51.100.200:5443"), encoding="utf-8")
        walked = shell.walk(LONG[name])
        assert walked.wrong == ""
        record(name, walked.lines)
