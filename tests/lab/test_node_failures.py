"""What keeps a node from being prepared is told of it; the others are prepared, and the next run does the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.bed import NODES, Bed, bed
from tests.lab.preflight_faults import ENDED, LISTENS, SERVER, started
from tests.lab.test_bastion import Stack

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(900)]

OTHER, NODE = NODES
"""The second one's management user becomes root by sudo."""
KEY = "/etc/ssh/ssh_host_ed25519_key"
AGAIN = started(SERVER, LISTENS, "/run/sshd.log")
SITE = "/usr/lib/python3.11/sitecustomize.py"


@dataclass(frozen=True)
class Failure:
    """What breaks a node and what heals it, each as a shell's lines, and words that have to be told."""

    harm: str
    heal: str
    words: str


FAILURES = {
    "a full disk": Failure(
        "mkdir -p /etc/sysctl.d; mount -t tmpfs -o size=4k tmpfs /etc/sysctl.d; "
        "head -c 4096 /dev/zero > /etc/sysctl.d/ballast",
        "umount /etc/sysctl.d",
        f"[write-refused] {NODE}",
    ),
    "an old Python": Failure(
        f"mv {SITE} /run/site; echo 'import sys; sys.version_info = (3, 6, 8)' > {SITE}",
        f"rm {SITE}; mv /run/site {SITE}",
        "[python-too-old] python3: found 3.6",
    ),
    "another host key": Failure(
        f"{ENDED}; mv {KEY} /run/key; ssh-keygen -q -t ed25519 -N '' -f {KEY}; {AGAIN}",
        f"{ENDED}; mv /run/key {KEY}; {AGAIN}",
        "host key mismatch",
    ),
    "no right to become root": Failure(
        "mv /etc/sudoers.d/admin /run/admin", "mv /run/admin /etc/sudoers.d/admin", "sudo: a password is required"
    ),
    "no SSH server": Failure(ENDED, AGAIN, f"prepare-{NODE}"),
}


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> Failure:
    return FAILURES[request.param]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed(tmp_path_factory.mktemp("bed")) as made:
        for name in NODES:
            made.boxes[name].sh(f"[ -e {SITE} ] || touch {SITE}")
        yield made


def prepared(there: Bed) -> set[str]:
    """Return the nodes that are prepared."""
    shown = {name: there.boxes[name].sh("cat /var/lib/underlay/node.json 2>/dev/null || true") for name in NODES}
    forwards = {name: there.boxes[name].run("cat", "/proc/sys/net/ipv4/ip_forward").strip() for name in NODES}
    return {name for name in NODES if shown[name] and forwards[name] == "1"}


def test_the_others_go_on_and_the_next_run_does_the_rest(there: Bed, failure: Failure, tmp_path: Path) -> None:
    stack, box = Stack(tmp_path / "stack", there), there.boxes[NODE]
    box.sh(failure.harm)
    try:
        code, text = stack.up()
    finally:
        box.sh(failure.heal)
    assert code != 0
    assert failure.words in text
    assert "Traceback" not in text
    assert OTHER in prepared(there)
    code, text = stack.up()
    assert code == 0, text
    assert prepared(there) == {*NODES}
    assert f"prepare-{NODE} created" in " ".join(text.split())
    assert f"prepare-{OTHER} created" not in " ".join(text.split())
    code, text = stack.destroy()
    assert code == 0, text
    assert prepared(there) == set()
