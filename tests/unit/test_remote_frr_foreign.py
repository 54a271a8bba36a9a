"""FRR: what somebody else declares, in the file or in the running daemons alone, is there again when ours goes."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from underlay.remote import frr
from underlay.remote.frr_lines import SILENT, Entry, additions, entries, removals
from underlay.remote.frr_ours import without
from underlay.remote.machine import Trouble

GOLDEN = Path(__file__).parent / "golden"
WANTED = (GOLDEN / "tor-a.conf").read_text(encoding="utf-8").replace("<bgp-password>", "sesame")
CLIENT, NODE = "neighbor 172.30.255.3", "neighbor 172.30.1.12"
HEAD = "router bgp 65101\n"
FAMILY = " address-family ipv4 unicast\n"


def running(foreign: str) -> dict[Entry, None]:
    """Return what FRR runs of somebody else's text and ours: one line of each setting, the newest."""
    return {entry: None for entry in entries(foreign) | entries(WANTED) if not SILENT.match(entry[1])}


def gone(foreign: str, base: str, new: str = "") -> list[str]:
    """Return the commands that lead from both to the new text alone."""
    have, wanted = running(foreign), entries(new)
    return removals(have, entries(WANTED), wanted, entries(base)) + additions(have, wanted)


THEIRS = f"""{HEAD} {CLIENT} remote-as 65200
 {CLIENT} bfd
 {CLIENT} password theirs
{FAMILY}  {CLIENT} soft-reconfiguration inbound
 exit-address-family
exit
"""
FLAT = "".join(f"{line.strip()}\n" for line in THEIRS.splitlines())
"""The same as people write it: FRR takes lines without indentation."""
WITHOUT_CLIENT = "".join(line for line in WANTED.splitlines(keepends=True) if CLIENT not in line)


def test_lines_without_indentation_stand_in_the_context_that_is_open() -> None:
    assert list(entries(FLAT)) == list(entries(THEIRS))
    assert not entries(f"{HEAD}neighbor 192.0.2.1 remote-as 1\nbgp as-path access-list x permit .*\n").keys() & {
        (("router bgp 65101",), "bgp as-path access-list x permit .*")
    }


def test_what_stood_in_the_file_before_stays_when_write_memory_took_our_marks() -> None:
    mixed = "".join(f"{line}\n" for line in _shown({**entries(THEIRS), **entries(WANTED)}))
    kept = without(mixed, entries(WANTED), entries(THEIRS))
    assert entries(THEIRS).keys() <= entries(kept).keys()
    assert "UNDERLAY" not in kept
    assert CLIENT not in without(mixed, entries(WANTED))


def _shown(lines: dict[Entry, None]) -> list[str]:
    """Return lines by their contexts, as `show running-config` does."""
    found: dict[tuple[str, ...], list[str]] = {}
    for path, line in lines:
        found.setdefault(path, []).extend([line] if line else [])
    shown = list(found.get((), []))
    for path in (one for one in found if len(one) == 1):
        shown += [path[0], *(f" {line}" for line in found[path])]
        for inner in (one for one in found if len(one) > 1 and one[:1] == path):
            shown += [f" {inner[1]}", *(f"  {line}" for line in found[inner]), " exit-address-family"]
        shown.append("exit")
    return shown


def test_only_sessions_that_we_have_not_brought_are_somebody_else_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{HEAD} neighbor 192.0.2.9 remote-as 64999\nexit\n"
    monkeypatch.setattr(frr, "run", lambda *_: (0, THEIRS + other))
    router = frr.Frr(tmp_path)
    assert [line for line in router.taken(WANTED) if not line.startswith(CLIENT)] == []
    assert f"{CLIENT} password theirs" in router.taken(WANTED)
    assert router.taken(WITHOUT_CLIENT) == []
    router.record.keep([WANTED])
    assert router.taken(WANTED) == []


@pytest.mark.parametrize("new", ["", WITHOUT_CLIENT], ids=["all", "one"])
def test_a_neighbour_of_both_loses_our_lines_alone(new: str) -> None:
    out = gone(THEIRS, THEIRS, new)
    assert f"no {CLIENT}" not in out
    assert {line for line in out if line.startswith(f"no {CLIENT}")} == {
        f"no {CLIENT} description client",
        f"no {CLIENT} timers 3 9",
        f"no {CLIENT} timers connect 2",
        f"no {CLIENT} next-hop-self",
        f"no {CLIENT} maximum-prefix 128 restart 1",
        f"no {CLIENT} route-map UNDERLAY-PEER-CLIENT-IN in",
        f"no {CLIENT} route-map UNDERLAY-PEER-CLIENT-OUT out",
    } - {f"no {line}" for line in (line.strip() for line in new.splitlines())}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (f"{HEAD} {CLIENT} remote-as 65299\n", "remote-as 65200"),
        (f"{HEAD} {CLIENT} description theirs\n", "description client"),
        (f"{HEAD} {CLIENT} timers 30 90\n", "timers 3 9"),
        (f"{HEAD}{FAMILY}  {CLIENT} route-map THEIRS in\n", "route-map UNDERLAY-PEER-CLIENT-IN in"),
        (f"{HEAD} {CLIENT} route-map THEIRS out\n", "route-map UNDERLAY-PEER-CLIENT-OUT out"),
        (f"{HEAD}{FAMILY}  {CLIENT} maximum-prefix 9\n", "maximum-prefix 128 restart 1"),
    ],
)
def test_a_value_that_ours_had_replaced_is_set_again(theirs: str, ours: str) -> None:
    out = gone("", theirs)
    assert theirs.splitlines()[-1].strip() in out
    assert f"no {CLIENT} {ours}" not in out


def test_their_value_for_another_family_is_no_successor_of_ours() -> None:
    family = " address-family ipv6 unicast\n"
    out = gone("", f"{HEAD} {CLIENT} remote-as 65200\n{family}  {CLIENT} route-map THEIRS in\n")
    assert f"no {CLIENT} route-map UNDERLAY-PEER-CLIENT-IN in" in out
    assert f"{CLIENT} route-map THEIRS in" not in out


def test_a_neighbour_that_leaves_our_group_gets_its_own_lines_again() -> None:
    out = gone("", f"{HEAD} {NODE} remote-as 65010\n {NODE} bfd\n")
    left = out.index(f"no {NODE} peer-group UNDERLAY-NODES")
    assert out.index(f"{NODE} remote-as 65010") > left
    assert out.index(f"{NODE} bfd") > left


def test_a_neighbour_of_the_same_address_in_another_vrf_is_another() -> None:
    theirs = f"router bgp 65101 vrf red\n {CLIENT} remote-as 65200\n"
    assert f"no {CLIENT}" in gone(theirs, theirs)


UNSAVED = [
    f"{HEAD} neighbor 10.9.9.9 remote-as 65900\n",
    f"{HEAD}{FAMILY}  network 192.0.2.0/24\n",
    "router bgp 65101 vrf red\n neighbor 10.9.9.9 remote-as 65900\n",
]


@pytest.mark.parametrize("foreign", UNSAVED)
@pytest.mark.parametrize("new", ["", WANTED.replace("router bgp 65101", "router bgp 65109")], ids=["none", "number"])
def test_a_bgp_that_runs_anything_of_another_stays_although_no_file_has_it(foreign: str, new: str) -> None:
    out = gone(foreign, "", new)
    assert not [line for line in out if line.startswith("no router bgp")]
    assert "no network 172.30.1.0/24" in out
    assert f"no {CLIENT}" in out


def test_what_was_added_by_hand_to_a_neighbour_of_ours_goes_with_it() -> None:
    assert "no router bgp 65101" in gone(f"{HEAD} {CLIENT} bfd\n", "")


class FakeFrr:
    """Answers like vtysh; what it is sent at last comes to run where it takes it."""

    def __init__(self) -> None:
        self.text, self.sent = "", [""][:0]

    def __call__(self, *words: str) -> tuple[int, str]:
        if words[1:2] == ("-f",):
            self.sent.append(Path(words[2]).read_text(encoding="utf-8"))
            self.text = "" if "no router bgp" in self.sent[-1] else WANTED
        return 0, self.text if words[-1] == "show running-config" else ""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeFrr:
    found = FakeFrr()
    monkeypatch.setattr(frr, "run", found)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "etc/frr").mkdir(parents=True)
    return tmp_path / "etc/frr"


@pytest.mark.parametrize(
    ("present", "shell", "found"),
    [
        (["bgpd.conf", "zebra.conf"], "", "bgpd.conf, zebra.conf"),
        (["ospfd.conf"], "", "ospfd.conf"),
        (["frr.conf"], " no service integrated-vtysh-config\n", "no service integrated-vtysh-config in vtysh.conf"),
    ],
)
def test_a_router_whose_daemons_keep_a_file_each_is_refused(
    folder: Path, fake: FakeFrr, present: list[str], shell: str, found: str
) -> None:
    for name, text in {**dict.fromkeys(present, "hostname theirs\n"), "vtysh.conf": shell}.items():
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(Trouble) as caught:
        frr.Frr(folder.parents[1]).change(WANTED)
    assert caught.value.finding["rule"] == "router-files-by-daemon"
    assert caught.value.finding["found"] == found
    assert sorted(path.name for path in folder.iterdir()) == sorted([*present, "vtysh.conf"])
    assert fake.sent == []


@pytest.mark.parametrize("present", [[], ["vtysh.conf"], ["frr.conf", "vtysh.conf", "bgpd.conf"]])
@pytest.mark.usefixtures("fake")
def test_a_file_that_was_not_there_is_not_there_afterwards(folder: Path, present: list[str]) -> None:
    for name in present:
        (folder / name).write_text("", encoding="utf-8")
    router = frr.Frr(folder.parents[1])
    assert router.change(WANTED)
    assert router.change(WANTED.replace("! Owned", "! owned"))
    assert router.change("")
    assert sorted(path.name for path in folder.iterdir()) == sorted(present)


def test_a_file_that_was_not_there_goes_when_the_change_is_taken_back(
    folder: Path, fake: FakeFrr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frr, "run", lambda *words: fake(*words) if "-f" not in words else (0, ""))
    with pytest.raises(Trouble, match="router-change-taken-back"):
        frr.Frr(folder.parents[1]).change(WANTED)
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_sends_nothing(
    folder: Path, fake: FakeFrr, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy", str(path))

    monkeypatch.setattr(frr, "write", busy)
    router = frr.Frr(folder.parents[1])
    with pytest.raises(OSError, match="busy"):
        router.change(WANTED)
    assert fake.sent == []
    assert router.record.texts() == []


def test_what_was_sent_is_taken_back_where_no_more_can_be_written(
    folder: Path, fake: FakeFrr, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "frr.conf").write_text("hostname tor-a\n", encoding="utf-8")
    answers = iter([WANTED.replace("passive", "shutdown"), WANTED.replace("passive", "shutdown"), ""])
    whole, full = frr._send, iter([False, True])

    def send(commands: list[str]) -> None:
        if next(full, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(commands)
        fake.text = next(answers)

    monkeypatch.setattr(frr, "_send", send)
    router = frr.Frr(folder.parents[1])
    with pytest.raises(OSError, match="No space"):
        router.change(WANTED)
    assert "no router bgp 65101" in fake.sent[-1]
    assert (folder / "frr.conf").read_text(encoding="utf-8") == "hostname tor-a\n"
    assert router.record.texts() == []
