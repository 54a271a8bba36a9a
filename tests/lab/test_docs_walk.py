"""The pages' commands about a running site, typed as they stand there, in a copy of the repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.docs.accounts import accounts
from tests.docs.runs import ASKED, record
from tests.docs.shell import Shell
from tests.lab.site import Site

pytestmark = pytest.mark.lab
WALKS = accounts().walks["lab"]


@pytest.mark.timeout(3600)
@pytest.mark.skipif(ASKED not in os.environ, reason=f"takes minutes: {ASKED}=1, or make lab-walk")
@pytest.mark.parametrize("name", WALKS)
def test_the_pages_commands_do_what_the_pages_say(name: str, site: Site, tmp_path: Path) -> None:
    found = json.loads(site.good("kubectl", "-n", "underlay-probe", "get", "pods", "-o", "json"))["items"]
    shell = Shell(
        tmp_path, {"UNDERLAY_STATE": str(site.state), "POD": f"underlay-probe/{found[0]['metadata']['name']}"}
    )
    shell.copy()
    try:
        walked = shell.walk(WALKS[name])
        assert walked.wrong == ""
        record(name, walked.lines)
    finally:
        site.run("up")  # whatever was declared in the copy, the lab's own file is the repository's again
        site.run("shell", "worker-1", "sysctl", "-w", "net.ipv4.ip_forward=1")
