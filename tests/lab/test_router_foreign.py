"""Real FRR daemons run the same as before once our part has come and gone, whatever an administrator had there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.paths import cache
from underlay.remote import frr
from underlay.remote.machine import Trouble, run

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(300)]

GOLDEN = Path(__file__).parents[1] / "unit/golden/tor-a.conf"
WANTED = GOLDEN.read_text(encoding="utf-8").replace("<bgp-password>", "sesame")
CLIENT, NODE = "neighbor 172.30.255.3", "neighbor 172.30.1.12"
HEAD = "frr defaults traditional\nhostname tor-a\n"
THEIRS = f"""route-map THEIRS permit 10
exit
router bgp 65101
 bgp router-id 192.0.2.1
 {CLIENT} remote-as 65200
 {CLIENT} bfd
 {CLIENT} password theirs
 {CLIENT} description theirs
 {NODE} remote-as 65010
 {NODE} description theirs
 address-family ipv4 unicast
  {CLIENT} soft-reconfiguration inbound
  {CLIENT} route-map THEIRS in
 exit-address-family
exit
"""
UNSAVED = ["configure terminal", "router bgp 65101", "neighbor 192.0.2.9 remote-as 64999"]
START = """
for place in run var/lib var/log; do mount -t tmpfs tmpfs "$1/$place"; done
mount --bind "$2" "$1/etc/frr"
mount --bind /tmp "$1/tmp"
ip link set lo up
exec chroot "$1" sh -c 'install -d -o frr -g frr /run/frr && chown -R frr:frr /etc/frr &&
    { /usr/lib/frr/zebra -A 127.0.0.1 & /usr/lib/frr/bgpd -A 127.0.0.1 & wait; }'
"""
Shell = Callable[..., tuple[int, str]]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Start FRR in namespaces of its own; what runs programs on a router runs them there."""
    folder, tree = tmp_path / "etc/frr", str(cache() / "noderoot")
    folder.mkdir(parents=True)
    (folder / "vtysh.conf").write_text("service integrated-vtysh-config\n", encoding="utf-8")
    enter = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-ec", START, "sh", tree, str(folder)]
    daemons = subprocess.Popen(enter, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    inside = partial(run, "nsenter", "-t", str(daemons.pid), "-m", "-n", "chroot", tree)
    monkeypatch.setattr(frr, "run", inside)
    try:
        ends = time.monotonic() + 60
        while not set(frr.DAEMONS) <= set(inside("vtysh", "-c", "show daemons")[1].split()):
            assert time.monotonic() < ends, "FRR does not start"
            time.sleep(0.5)
        yield inside
    finally:
        os.killpg(daemons.pid, signal.SIGKILL)
        daemons.wait()


def told(shell: Shell, *commands: str) -> str:
    """Return what vtysh says to commands."""
    return shell("vtysh", *(word for command in commands for word in ("-c", command)))[1]


def without(name: str) -> str:
    """Return our part without the lines of a neighbour."""
    return "".join(line for line in WANTED.splitlines(keepends=True) if name not in line)


@pytest.mark.parametrize(("saved", "unsaved"), [(HEAD + THEIRS, []), (HEAD, UNSAVED), (HEAD, [])])
def test_what_runs_afterwards_is_what_ran_before(tmp_path: Path, shell: Shell, saved: str, unsaved: list[str]) -> None:
    (tmp_path / "etc/frr/frr.conf").write_text(saved, encoding="utf-8")
    assert shell("vtysh", "-b")[0] == 0
    told(shell, *unsaved)
    before = told(shell, "show running-config")
    router = frr.Frr(tmp_path)
    taken = router.taken(WANTED)
    assert [line for line in saved.splitlines() if line.startswith(" neighbor") and line.strip() not in taken] == []
    assert not any("192.0.2.9" in line for line in taken)
    assert router.change(WANTED)
    assert router.change(WANTED) == router.taken(WANTED) == []
    assert "neighbor UNDERLAY-NODES passive" in told(shell, "show running-config")
    assert router.change(without(CLIENT))
    assert router.change(WANTED)
    if unsaved:
        with pytest.raises(Trouble, match="router-change-taken-back"):
            router.change(WANTED.replace("router bgp 65101", "router bgp 65109"))
        assert router.change(WANTED) == []
    assert router.change("")
    assert told(shell, "show running-config") == before
    assert (tmp_path / "etc/frr/frr.conf").read_text(encoding="utf-8") == saved
