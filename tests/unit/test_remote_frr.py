"""FRR: which commands lead from what runs to what is wanted; the running configuration is one that FRR 8.4 printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from underlay.remote import frr
from underlay.remote.frr_lines import additions, entries, removals
from underlay.remote.frr_ours import named, without
from underlay.remote.machine import Trouble, run

GOLDEN = Path(__file__).parent / "golden"
RUNNING = (GOLDEN / "tor-a.running").read_text(encoding="utf-8")
WANTED = (GOLDEN / "tor-a.conf").read_text(encoding="utf-8").replace("<bgp-password>", "sesame")
BASE = "frr defaults traditional\nhostname tor-a\n!\n"


def commands(running: str, old: str, new: str) -> list[str]:
    have, wanted = entries(running), entries(new)
    return removals(have, entries(old), wanted) + additions(have, wanted)


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


@pytest.mark.parametrize("by_hand", ["512 warning-only", "512 80 warning-only", "9 restart 5"])
def test_a_limit_that_was_changed_by_hand_is_set_again_in_one_line(by_hand: str) -> None:
    running = RUNNING.replace("UNDERLAY-NODES maximum-prefix 512 restart 1", f"UNDERLAY-NODES maximum-prefix {by_hand}")
    assert running != RUNNING
    assert [line for line in commands(running, WANTED, WANTED) if "maximum-prefix" in line] == [
        "neighbor UNDERLAY-NODES maximum-prefix 512 restart 1"
    ]


def test_timers_of_all_sessions_are_nobody_s_of_ours_and_stay() -> None:
    running = RUNNING.replace("router bgp 65101\n", "router bgp 65101\n timers bgp 4 12\n")
    assert running != RUNNING
    assert commands(running, WANTED, WANTED) == []
    assert "no timers bgp 4 12" not in commands(running, WANTED, "")


def test_one_timer_that_goes_is_not_taken_for_another_one_that_stays() -> None:
    gone = "neighbor 172.30.255.1 timers connect 2"
    new = "".join(line for line in WANTED.splitlines(keepends=True) if gone not in line)
    assert commands(RUNNING, WANTED, new) == ["router bgp 65101", f"no {gone}", "exit"]


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
    gone = commands(foreign, WANTED, "")
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


def test_the_record_of_what_was_applied_is_for_root_alone_and_goes_with_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    router = frr.Frr(root)
    router.change(WANTED)
    assert router.record.file.stat().st_mode & 0o777 == 0o600
    router.change("")
    assert not router.record.file.parent.exists()


def test_foreign_lines_stay_byte_for_byte(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    path, theirs = root / "etc/frr/frr.conf", b"! B\xfcro, written on Windows\r\nhostname tor-a\r\n"
    path.write_bytes(theirs)
    router = frr.Frr(root)
    assert router.change(WANTED)
    assert path.read_bytes() == theirs + (frr.BEGIN + WANTED + frr.END).encode()
    assert router.change("")
    assert path.read_bytes() == theirs


def test_what_a_daemon_says_is_read_whatever_its_letters_are() -> None:
    assert run("printf", r"B\374ro") == (0, "B\udcfcro")


FOREIGN = "ip prefix-list THEIRS seq 5 permit 192.0.2.0/24\n"
THEIR_BGP = "router bgp 65101\n neighbor 192.0.2.1 remote-as 64999\nexit\n"


@pytest.mark.parametrize("recorded", [True, False])
def test_removal_is_complete_although_write_memory_took_the_marks(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, recorded: bool
) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    router = frr.Frr(root)
    router.change(WANTED)
    (root / "etc/frr/frr.conf").write_text(RUNNING.replace("\nend\n", "\n") + FOREIGN, encoding="utf-8")
    if not recorded:
        router.record.keep([])
    assert router.change("")
    assert "sesame" not in file(root)
    left = [line for line in file(root).splitlines() if line not in ("!", *BASE.splitlines(), *FOREIGN.splitlines())]
    assert left == ["frr version 8.4.4", "hostname vm", "no ipv6 forwarding", "service integrated-vtysh-config"]
    assert FOREIGN in file(root)


def test_a_copy_that_holds_our_lines_already_keeps_none_of_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    router = frr.Frr(root)
    router.change(WANTED)
    (root / "etc/frr/frr.conf.before-underlay").write_text(RUNNING, encoding="utf-8")
    (root / "etc/frr/frr.conf").write_text(RUNNING.replace("\nend\n", "\n") + FOREIGN, encoding="utf-8")
    assert router.change("")
    assert "UNDERLAY" not in file(root)
    assert FOREIGN in file(root)


def test_after_write_memory_another_s_bgp_in_the_same_context_stays() -> None:
    mixed = RUNNING.replace("router bgp 65101\n", THEIR_BGP.removesuffix("exit\n"))
    kept = without(mixed, entries(WANTED))
    assert THEIR_BGP in kept.replace(" !\n", "")
    assert "UNDERLAY" not in kept


def test_an_update_after_write_memory_puts_the_marks_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frr, "run", FakeFrr())
    router = frr.Frr(root)
    router.change(WANTED)
    (root / "etc/frr/frr.conf").write_text(RUNNING, encoding="utf-8")
    router.change(WANTED)
    assert file(root).endswith(frr.BEGIN + WANTED + frr.END)
    assert file(root).count("password sesame") == 1


@pytest.mark.parametrize(
    "text",
    [
        BASE + frr.BEGIN + "ours\nip route 192.0.2.0/24 blackhole\n",
        BASE + frr.BEGIN + frr.END + frr.BEGIN + frr.END,
        BASE + frr.END + frr.BEGIN,
    ],
)
@pytest.mark.parametrize("new", [WANTED, ""])
def test_broken_marks_are_a_finding_and_nothing_is_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str, new: str
) -> None:
    fake = FakeFrr()
    monkeypatch.setattr(frr, "run", fake)
    (root / "etc/frr/frr.conf").write_text(text, encoding="utf-8")
    with pytest.raises(Trouble, match="router-block-broken"):
        frr.Frr(root).change(new)
    assert (file(root), fake.sent) == (text, [])


def test_lines_that_another_declares_too_stay_when_ours_go(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeFrr()
    monkeypatch.setattr(frr, "run", fake)
    theirs = "router bgp 65101\n bgp bestpath as-path multipath-relax\nexit\n"
    (root / "etc/frr/frr.conf").write_text(BASE + theirs + frr.BEGIN + WANTED + frr.END, encoding="utf-8")
    fake.text = BASE + WANTED
    with pytest.raises(Trouble, match="router-change-taken-back"):  # this router takes out a whole BGP only
        frr.Frr(root).change("")
    assert "no bgp bestpath" not in fake.sent[0]
    assert "no network 172.30.1.0/24" in fake.sent[0]


def test_names_tell_ours_from_others() -> None:
    mixed = entries(
        RUNNING + FOREIGN + "route-map THEIRS permit 10\n match ip address prefix-list UNDERLAY-PODS\nexit\n"
    )
    assert not [entry for entry in named(mixed) if "THEIRS" in "".join(entry[0]) + entry[1]]
    assert (("router bgp 65101",), "neighbor 172.30.255.3 timers 3 9") in named(mixed)


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
