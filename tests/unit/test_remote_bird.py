"""BIRD: a file of our own, completed by what the router's own file lacks, and changed only with BIRD's agreement."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest

from underlay.remote import bird
from underlay.remote.bird import Bird, completed
from underlay.remote.machine import Trouble, write

TEXT = (Path(__file__).parent / "golden/tor-b.conf").read_text(encoding="utf-8").replace("<bgp-password>", "sesame")
BASE = "router id 172.30.2.1;\nprotocol device {\n}\n"

SHOWN = """\
BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     09:00:00.000
corp_11    BGP        ---        up     09:00:00.000  Established
  BGP state:          Established
    Neighbor address: 172.30.2.11
    Neighbor AS:      65010
underlay_node_worker_1 BGP        ---        up     09:00:00.000  Established
  BGP state:          Established
    Neighbor address: 172.30.2.12
corp_99    BGP        ---        start  09:00:00.000  Active
  BGP state:          Active
    Neighbor address: 192.0.2.9
"""


class FakeBird:
    """Answers like bird and birdc, and runs what the files say at each `configure`."""

    def __init__(self, root: Path, *, accepts: bool = True, starts: bool = True) -> None:
        self.root, self.accepts, self.starts = root, accepts, starts
        self.names: list[str] = []
        self.asked: list[str] = []
        self.drafts: list[Path] = []

    def __call__(self, *words: str) -> tuple[int, str]:
        line = " ".join(words[:3])
        self.asked.append(line)
        if line.startswith("bird -p"):
            self.drafts.append(Path(words[-1]))
            twice = self.drafts[-1].read_text(encoding="utf-8").count("protocol device") > 1
            return (0, "") if self.accepts and not twice else (1, "x.conf:3:1 syntax error")
        if line.startswith("birdc configure") and line.split()[-1] not in ("confirm", "undo"):
            ours = self.root / "etc/bird/underlay.conf"
            text = ours.read_text(encoding="utf-8") if ours.exists() else ""
            self.names = re.findall(r"^protocol \w+ (\w+)", text, re.MULTILINE) if self.starts else []
            return 0, "Reading configuration\nReconfigured"
        if " ".join(words) == "birdc show protocols all":
            return 0, SHOWN
        if line == "birdc show protocols":
            return 0, "\n".join(f"{name} BGP --- up 09:00" for name in self.names)
        return 0, "Daemon is up and running"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/bird").mkdir(parents=True)
    (tmp_path / "etc/bird/bird.conf").write_text(BASE, encoding="utf-8")
    return tmp_path


def files(root: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (root / "etc/bird").iterdir()}


@pytest.mark.parametrize("taken", [["device", "kernel"], ["kernel"], []])
def test_only_what_bird_takes_beside_the_router_s_own_is_added(taken: list[str]) -> None:
    text = completed(TEXT, lambda section: any(f"protocol {name} " in section for name in taken))
    assert re.findall(r"^protocol (device|kernel) ", text, re.MULTILINE) == taken
    assert "#section" not in text


def test_a_session_beside_ours_with_the_same_neighbour_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root))
    assert Bird(root).taken(TEXT) == ["protocol corp_11 with 172.30.2.11"]
    assert Bird(root).taken("") == []


def test_drafts_stand_beside_the_router_s_file_and_leave(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBird(root, accepts=False)
    monkeypatch.setattr(bird, "run", fake)
    with pytest.raises(Trouble, match="router-syntax-refused"):
        Bird(root).change(TEXT)
    assert {draft.parent for draft in fake.drafts} == {root / "etc/bird"}
    assert files(root) == {"bird.conf": BASE}


def test_our_line_stands_alone_where_the_file_s_last_one_is_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root))
    (root / "etc/bird/bird.conf").write_text(BASE + "# the end", encoding="utf-8")
    assert Bird(root).change(TEXT)
    assert f'\ninclude "{root}/etc/bird/underlay.conf";' in files(root)["bird.conf"]
    assert Bird(root).change(TEXT) == []


def test_a_file_that_cannot_be_replaced_leaves_no_other_of_ours(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBird(root)

    def busy(path: Path, text: str, **how: Any) -> None:
        if path.name == "bird.conf":
            raise OSError(errno.EBUSY, "Device or resource busy", str(path))
        write(path, text, **how)

    monkeypatch.setattr(bird, "run", fake)
    monkeypatch.setattr(bird, "write", busy)
    with pytest.raises(OSError, match="busy"):
        Bird(root).change(TEXT)
    assert set(files(root)) == {"bird.conf", "bird.conf.before-underlay"}
    assert "birdc configure timeout" not in fake.asked


def test_our_file_is_included_and_leaves_without_a_trace(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBird(root)
    monkeypatch.setattr(bird, "run", fake)
    assert Bird(root).change(TEXT)
    assert files(root)["bird.conf"] == f'{BASE}include "{root}/etc/bird/underlay.conf"; # cilium-underlay\n'
    assert fake.asked[-1] == "birdc configure confirm"
    assert Bird(root).change(TEXT) == []
    assert Bird(root).change("")
    assert files(root) == {"bird.conf": BASE}


def test_protocols_that_do_not_run_are_started_although_the_files_are_right(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeBird(root)
    monkeypatch.setattr(bird, "run", fake)
    Bird(root).change(TEXT)
    fake.names = []
    assert Bird(root).change(TEXT)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("birdc configure confirm", (1, "Unable to connect to server control socket")),
        ("birdc configure timeout 30", (0, "Reconfiguration ignored, shutting down")),
    ],
)
def test_a_change_that_bird_does_not_keep_is_no_success(
    root: Path, monkeypatch: pytest.MonkeyPatch, line: str, answer: tuple[int, str]
) -> None:
    fake = FakeBird(root)
    monkeypatch.setattr(bird, "run", lambda *words: answer if " ".join(words) == line else fake(*words))
    with pytest.raises(Trouble, match="router-change-taken-back"):
        Bird(root).change(TEXT)
    assert (files(root)["bird.conf"], "underlay.conf" in files(root)) == (BASE, False)


def test_a_change_that_was_cut_off_before_it_was_confirmed_is_done_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeBird(root)
    monkeypatch.setattr(bird, "run", fake)
    Bird(root).change(TEXT)

    def killed(*words: str) -> tuple[int, str]:
        if words == ("birdc", "configure", "confirm"):
            raise KeyboardInterrupt
        return fake(*words)

    monkeypatch.setattr(bird, "run", killed)
    new = TEXT.replace("sesame", "simsalabim")
    with pytest.raises(KeyboardInterrupt):
        Bird(root).change(new)
    monkeypatch.setattr(bird, "run", fake)
    assert Bird(root).change(new)
    assert fake.asked[-1] == "birdc configure confirm"
    assert Bird(root).change(new) == []


def test_a_record_keeps_the_newest_text_last(root: Path) -> None:
    record = Bird(root).record
    record.keep(["a", "b", "", "a"])
    assert record.texts() == ["b", "a"]
    record.file.write_text("{", encoding="utf-8")
    assert record.texts() == []


def test_the_record_of_a_success_holds_no_password_and_is_closed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root))
    Bird(root).change(TEXT)
    record = Bird(root).record.file
    assert record.stat().st_mode & 0o777 == 0o600
    assert "sesame" not in record.read_text(encoding="utf-8")
    Bird(root).change("")
    assert not record.parent.exists()


def test_a_text_that_bird_refuses_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root, accepts=False))
    with pytest.raises(Trouble, match="router-syntax-refused"):
        Bird(root).change(TEXT)
    assert files(root) == {"bird.conf": BASE}


def test_protocols_that_do_not_start_are_taken_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBird(root, starts=False)
    monkeypatch.setattr(bird, "run", fake)
    with pytest.raises(Trouble, match="router-change-taken-back"):
        Bird(root).change(TEXT)
    assert "birdc configure undo" in fake.asked
    assert files(root)["bird.conf"] == BASE
    assert "underlay.conf" not in files(root)


def test_files_are_closed_to_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root))
    Bird(root).change(TEXT)
    assert {oct(path.stat().st_mode & 0o777) for path in (root / "etc/bird").iterdir()} == {"0o640"}


def test_the_router_s_own_file_gets_its_mode_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "run", FakeBird(root))
    (root / "etc/bird/bird.conf").chmod(0o604)
    Bird(root).change(TEXT)
    Bird(root).change("")
    assert oct((root / "etc/bird/bird.conf").stat().st_mode & 0o777) == "0o604"
    assert not (root / "var/lib/underlay").exists()
