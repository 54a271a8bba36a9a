"""FRR: which commands lead from what runs to what is wanted; the running configuration is one that FRR 8.4 printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from underlay.remote import frr
from underlay.remote.frr_lines import additions, entries, removals
from underlay.remote.machine import Trouble

GOLDEN = Path(__file__).parent / "golden"
RUNNING = (GOLDEN / "tor-a.running").read_text(encoding="utf-8")
WANTED = (GOLDEN / "tor-a.conf").read_text(encoding="utf-8").replace("<bgp-password>", "sesame")
BASE = "frr defaults traditional\nhostname tor-a\n!\n"


def commands(running: str, old: str, new: str, *, own_bgp: bool = True) -> list[str]:
    have, wanted = entries(running), entries(new)
    return removals(have, entries(old), wanted, own_bgp=own_bgp) + additions(have, wanted)


def test_what_frr_shows_of_our_text_needs_no_command() -> None:
    assert commands(RUNNING, WANTED, WANTED) == []


def test_an_empty_router_gets_every_line_but_comments() -> None:
    added = commands(BASE, "", WANTED)
    lines = [line.strip() for line in WANTED.splitlines()]
    assert [line for line in lines if line and not line.startswith("!") and line not in added] == []


def test_a_new_password_is_set_without_taking_the_old_one_away() -> None:
    new = WANTED.replace("sesame", "simsalabim")
    assert commands(RUNNING, WANTED, new) == [
        "router bgp 65101",
        "neighbor UNDERLAY-NODES password simsalabim",
        "exit",
    ]


def test_a_node_that_left_goes_as_a_whole() -> None:
    new = "\n".join(line for line in WANTED.splitlines() if "172.30.1.12" not in line)
    assert commands(RUNNING, WANTED, new) == ["router bgp 65101", "no neighbor 172.30.1.12", "exit"]


def test_a_changed_filter_is_taken_out_and_put_in() -> None:
    new = WANTED.replace("ge 24 le 24", "ge 25 le 25")
    assert commands(RUNNING, WANTED, new) == [
        "no ip prefix-list UNDERLAY-PODS seq 5 permit 10.244.0.0/16 ge 24 le 24",
        "ip prefix-list UNDERLAY-PODS seq 5 permit 10.244.0.0/16 ge 25 le 25",
    ]


def test_removal_takes_our_bgp_out_as_a_whole_where_nobody_else_uses_it() -> None:
    gone = commands(RUNNING, WANTED, "")
    assert gone[-1] == "no router bgp 65101"
    assert not [line for line in gone if "neighbor" in line]


def test_removal_leaves_another_s_bgp_and_neighbours_alone() -> None:
    foreign = RUNNING.replace("router bgp 65101\n", "router bgp 65101\n neighbor 192.0.2.1 remote-as 64999\n")
    gone = commands(foreign, WANTED, "", own_bgp=False)
    assert not [line for line in gone if "192.0.2.1" in line or line.startswith("no router bgp")]
    out = [line for line in gone if line.startswith("no neighbor")]
    assert out[-1] == "no neighbor UNDERLAY-NODES peer-group"
    assert set(out[:-1]) == {
        f"no neighbor {end}" for end in ("172.30.1.11", "172.30.1.12", "172.30.255.1", "172.30.255.3")
    }
    assert "no network 172.30.1.0/24" in gone


def test_what_a_person_has_added_to_the_router_is_never_removed() -> None:
    foreign = RUNNING + "ip prefix-list THEIRS seq 5 permit 192.0.2.0/24\nroute-map THEIRS permit 10\nexit\n"
    assert not [line for line in commands(foreign, WANTED, "") if "THEIRS" in line]


class FakeFrr:
    """Answers like vtysh: takes commands from files, keeps a running configuration."""

    def __init__(self, *, takes: bool = True, accepts: bool = True) -> None:
        self.text, self.takes, self.accepts, self.sent = BASE, takes, accepts, [""][:0]

    def __call__(self, *words: str) -> tuple[int, str]:
        if words[1:2] == ("-C",):
            return (0, "") if self.accepts else (2, "line 3: % Unknown command[4]: foo password sesame")
        if words[1:2] == ("-f",):
            self.sent.append(Path(words[2]).read_text(encoding="utf-8"))
            if self.takes:
                self.text = BASE + WANTED if "no router bgp" not in self.sent[-1] else BASE
            return 0, ""
        return 0, "zebra bgpd staticd" if words[-1] == "show daemons" else self.text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/frr").mkdir(parents=True)
    (tmp_path / "etc/frr/frr.conf").write_text(BASE, encoding="utf-8")
    return tmp_path


def file(root: Path) -> str:
    return (root / "etc/frr/frr.conf").read_text(encoding="utf-8")


def test_our_block_stands_at_the_end_of_the_file_and_leaves_without_a_trace(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    router = frr.Frr(root)
    assert router.change(WANTED)
    assert file(root) == BASE + frr.BEGIN + WANTED + frr.END
    assert router.change(WANTED) == []
    assert router.change("")
    assert file(root) == BASE
    assert [path.name for path in (root / "etc/frr").iterdir()] == ["frr.conf"]


def test_the_file_with_the_password_is_closed_to_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    frr.Frr(root).change(WANTED)
    assert {oct(path.stat().st_mode & 0o777) for path in (root / "etc/frr").iterdir()} == {"0o640"}


def test_a_text_that_frr_refuses_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeFrr(accepts=False)
    monkeypatch.setattr(frr, "run", fake)
    with pytest.raises(Trouble, match="router-syntax-refused"):
        frr.Frr(root).change(WANTED)
    assert (file(root), fake.sent) == (BASE, [])


def test_lines_that_do_not_come_to_run_are_taken_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr(takes=False))
    with pytest.raises(Trouble, match="router-change-taken-back"):
        frr.Frr(root).change(WANTED)
    assert file(root) == BASE


def test_a_daemon_that_does_not_run_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", lambda *_: (1, "Exiting: failed to connect to any daemons."))
    with pytest.raises(Trouble) as caught:
        frr.Frr(root).look()
    assert caught.value.finding["rule"] == "router-daemon-not-running"
    assert caught.value.finding["expected"] == "zebra and bgpd"
