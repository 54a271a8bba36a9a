"""The router's program: password put in at the last moment, never told to anybody; every failure is a finding."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from underlay.remote import configure_router
from underlay.remote.configure_router import filled, masked, work
from underlay.remote.machine import Trouble, report, write

OWNED = "! owner: site {}, machine {}\nneighbor N password <p>\n"
DATA = {
    "site": "dev",
    "router": "tor-a",
    "platform": "frr",
    "text": OWNED.format("dev", "tor-a"),
    "mark": "<p>",
    "password": "sesame",
}


class FakeRouter:
    """A router that takes whatever it gets."""

    text = ""
    sessions: ClassVar[list[str]] = []

    def __init__(self, root: Path) -> None:
        self.file = root / "router.conf"

    def look(self) -> None:
        pass

    def own(self) -> str:
        return FakeRouter.text

    def taken(self, new: str) -> list[str]:
        return FakeRouter.sessions if new else []

    def change(self, new: str) -> list[str]:
        FakeRouter.text = new
        return [line.strip() for line in new.splitlines()] or ["taken out"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    FakeRouter.text, FakeRouter.sessions = "", []
    monkeypatch.setattr(configure_router, "PLATFORMS", {"frr": FakeRouter})
    (tmp_path / "proc/sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "proc/sys/net/ipv4/ip_forward").write_text("1\n", encoding="utf-8")
    return tmp_path


def test_the_router_gets_the_password_and_the_report_does_not(root: Path) -> None:
    result = work("apply", DATA, root)
    assert FakeRouter.text == DATA["text"].replace("<p>", "sesame")
    assert "sesame" not in json.dumps(result)
    assert result["diff"][-1] == "+neighbor N password ***"


def test_removal_needs_no_password_and_no_forwarding(root: Path) -> None:
    (root / "proc/sys/net/ipv4/ip_forward").write_text("0\n", encoding="utf-8")
    assert work("remove", {**DATA, "password": ""}, root)["changed"] == ["taken out"]


def test_a_renamed_router_is_taken_over_and_its_former_name_takes_nothing_away(root: Path) -> None:
    work("apply", DATA, root)
    work("apply", {**DATA, "router": "leaf-1", "text": OWNED.format("dev", "leaf-1")}, root)
    applied = FakeRouter.text
    result = work("remove", DATA, root)
    assert result["changed"] == []
    assert result["left"] == "this belongs to site dev, machine leaf-1 now; nothing was removed"
    assert FakeRouter.text == applied
    assert work("remove", {**DATA, "router": "leaf-1"}, root)["changed"] == ["taken out"]


def test_what_another_site_has_applied_is_neither_written_over_nor_removed(root: Path) -> None:
    work("apply", DATA, root)
    applied = FakeRouter.text
    other = {**DATA, "site": "berlin", "text": OWNED.format("berlin", "tor-a")}
    with pytest.raises(Trouble) as caught:
        work("apply", other, root)
    assert caught.value.finding["rule"] == "foreign-router-configuration"
    assert caught.value.finding["found"] == "a part of site dev, machine tor-a"
    assert work("remove", other, root)["changed"] == []
    assert FakeRouter.text == applied


def test_a_part_that_names_no_owner_is_taken_over(root: Path) -> None:
    FakeRouter.text = "neighbor N password old\n"
    assert work("apply", DATA, root)["changed"]


def test_a_session_of_the_router_s_own_is_taken_over_only_where_a_waiver_says_so(root: Path) -> None:
    FakeRouter.sessions = ["neighbor N route-map THEIRS in", "neighbor N password theirs"]
    with pytest.raises(Trouble) as caught:
        work("apply", DATA, root)
    assert caught.value.finding["rule"] == "router-neighbour-in-use"
    assert "route-map THEIRS in" in caught.value.finding["found"]
    assert FakeRouter.text == ""
    result = work("apply", {**DATA, "waived": {"router-neighbour-in-use": "agreed with the network team"}}, root)
    (told,) = result["waived"]
    assert told["reason"] == "agreed with the network team"
    assert told["found"] == "neighbor N route-map THEIRS in; neighbor N password ***"
    assert work("remove", DATA, root)["changed"] == ["taken out"]


def test_a_router_that_does_not_route_is_refused(root: Path) -> None:
    (root / "proc/sys/net/ipv4/ip_forward").write_text("0\n", encoding="utf-8")
    with pytest.raises(Trouble, match="router-does-not-forward"):
        work("apply", DATA, root)


@pytest.mark.parametrize("password", ["", "two words", 'quo"te', "back\\slash", "x" * 81, "line\nbreak", "ümlaut"])
def test_a_password_that_routers_read_differently_is_refused_and_not_told(password: str) -> None:
    with pytest.raises(Trouble) as caught:
        filled({**DATA, "password": password})
    assert caught.value.finding["rule"] == "bgp-password-unusable"
    assert not password or password not in json.dumps(caught.value.finding)


@pytest.mark.parametrize("password", ["a", "x" * 80, "!#$%&()*+,-./:;<=>?@[]^_`{|}~'"])
def test_any_other_password_is_taken(password: str) -> None:
    assert filled({**DATA, "password": password}).endswith(f"password {password}\n")


@pytest.mark.parametrize("line", [" neighbor N password sesame", '    password "sesame";', "x: % Bad: password sesame"])
def test_passwords_are_masked_in_either_language(line: str) -> None:
    assert "sesame" not in masked(line)


def test_a_failure_is_one_line_with_the_router_s_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise Trouble("router-syntax-refused", "vtysh -C", "bad: password sesame", "a good one")

    monkeypatch.setattr(configure_router, "work", fail)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(DATA)))
    assert configure_router.main(["apply"]) == 1
    out, err = capsys.readouterr()
    assert err == "[router-syntax-refused] tor-a, vtysh -C: found bad: password ***; expected a good one.\n"
    assert json.loads(out)["findings"][0]["rule"] == "router-syntax-refused"


def test_two_changes_that_read_alike_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    report([], {"changed": ["password ***"]})
    report([], {"changed": []})
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["at"].endswith("Z")
    assert "at" not in second


@pytest.mark.parametrize(("text", "folder"), [("\ud800", False), ("password sesame", True)], ids=["text", "place"])
def test_a_file_that_cannot_be_replaced_leaves_no_draft(tmp_path: Path, text: str, folder: bool) -> None:
    target = tmp_path / "router.conf"
    if folder:
        (target / "inside").mkdir(parents=True)
    else:
        target.write_text("as it was", encoding="utf-8")
    with pytest.raises((UnicodeEncodeError, OSError)):
        write(target, text)
    assert list(tmp_path.iterdir()) == [target]
    assert folder or target.read_text(encoding="utf-8") == "as it was"


def test_a_file_keeps_its_line_ends(tmp_path: Path) -> None:
    write(tmp_path / "cluster.yaml", "a: 1\r\nb: 2\n", mode=0o600)
    assert (tmp_path / "cluster.yaml").read_bytes() == b"a: 1\r\nb: 2\n"
    assert (tmp_path / "cluster.yaml").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_a_finding_with_the_file_s_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = root / "frr.conf"
    (place / "mounted").mkdir(parents=True)
    monkeypatch.setattr(FakeRouter, "change", lambda _, new: write(place, new))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(DATA)))
    assert configure_router.main(["apply"], root) == 1
    out, err = capsys.readouterr()
    finding = json.loads(out)["findings"][0]
    assert (finding["rule"], finding["where"]) == ("write-refused", f"tor-a, {place}")
    assert err.startswith(f"[write-refused] tor-a, {place}: found Is a directory; expected a file that can be written.")
    assert "sesame" not in out + err
