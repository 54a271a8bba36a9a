"""The order of the backends, what each failure leaves behind, and the parts that both share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bpf import backends, selftest, symbols
from bpf.backends import BACKENDS, NoKernelEvidence
from bpf.btf import Btf
from bpf.events import UNNAMED, Events
from bpf.selection import PROGRAMS, Selection

WHOLE = Selection(tuple(program for program in PROGRAMS if program.name != "dropped_nameless"), ())


class Loaded:
    """Programs that are in no kernel."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tables = {"counts": 3, "watched": 4, "spaces": 5, "missed": 6}
        self.programs = {"sent": 7}
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the backends that fail."""
    names: set[str] = set()

    def load(name: str) -> backends.Load:
        def loaded(_: Btf, __: Selection, ___: Mapping[str, int]) -> Loaded:
            if name in names:
                raise OSError(1, f"{name} does not work")
            return Loaded(name)

        return loaded

    for name in BACKENDS:
        monkeypatch.setitem(BACKENDS, name, load(name))
    return names


def load(wanted: str | None = None) -> tuple[str, dict[str, str]]:
    small: Any = None
    found, tried = backends.load(small, WHOLE, {}, wanted)
    return found.name, tried


def test_the_cheaper_one_is_taken_first(broken: set[str]) -> None:
    assert load() == ("core", {})
    broken.add("core")
    assert load() == ("bcc", {"core": "PermissionError: [Errno 1] core does not work"})


def test_a_wanted_one_is_tried_alone(broken: set[str]) -> None:
    assert load("bcc") == ("bcc", {})
    broken.add("bcc")
    with pytest.raises(NoKernelEvidence, match=r"^bcc: PermissionError.*does not work$"):
        load("bcc")


def test_where_none_works_each_says_why(broken: set[str]) -> None:
    broken |= {"core", "bcc"}
    with pytest.raises(NoKernelEvidence, match=r"core: .*core does not work; bcc: .*bcc does not work"):
        load()


def test_without_an_object_the_reason_that_travelled_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {backends.NO_OBJECT: b"no compiled object: clang is not on the PATH"}

    def get_data(_: str, name: str) -> bytes:
        if name not in kept:
            raise FileNotFoundError(name)
        return kept[name]

    monkeypatch.setattr(backends.pkgutil, "get_data", get_data)  # type: ignore[attr-defined]
    with pytest.raises(LookupError, match="clang is not on the PATH"):
        backends.compiled()
    kept.clear()
    with pytest.raises(LookupError, match="no compiled object came with the program"):
        backends.compiled()
    kept[backends.OBJECT] = b"object"
    assert backends.compiled() == b"object"


def test_functions_are_named_by_the_symbol_below_in_any_order(tmp_path: Path) -> None:
    listed = ["ffff0300 T after", "ffff0100 T first", "ffff0180 d data", "ffff0200 t second\t[module]"]
    (tmp_path / "list").write_text("\n".join(listed) + "\n")
    found = symbols.functions([0xFFFF0150, 0xFFFF01FF, 0xFFFF0200, 0xFFFF02FF, 0x10], tmp_path / "list")
    assert list(found.values()) == ["0x10", "first", "first", "second", "second"]


@pytest.mark.parametrize("text", ["0 T hidden\n", ""])
def test_hidden_symbols_leave_the_address(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    assert symbols.functions([0xFFFF0150], tmp_path / "list") == {0xFFFF0150: "0xffff0150"}


@pytest.mark.parametrize(
    ("left_out", "level"),
    [(set(), "full"), ({"refused", "md5_required"}, "full"), ({"dropped"}, "partial"), ({"routed"}, "partial")],
)
def test_the_level_says_what_the_evidence_is_worth(left_out: set[str], level: str) -> None:
    kept = tuple(program for program in PROGRAMS if program.name not in left_out)
    if "dropped" not in left_out:
        kept = tuple(program for program in kept if program.name != "dropped_nameless")
    events = Events(Loaded("core"), Selection(kept, ()), {}, {})
    assert selftest.level({"wrong": []}, events) == level
    assert selftest.level({"wrong": ["no event"]}, events) == "none"


def test_a_kernel_without_reasons_proves_its_drops_by_their_place() -> None:
    base = {"netns": 7, "ifindex": 1, "protocol": 17, "form": "bare"}
    rows = [base | {"point": point} for point in ("sent", "received", "routed")]
    drop = base | {"point": "dropped", "reason": UNNAMED, "function": "__udp4_lib_rcv"}
    assert selftest.judge([*rows, drop], 7) == []
    elsewhere = drop | {"function": "0xffff0150"}
    assert selftest.judge([*rows, elsewhere], 7) == ["the drop at a closed port is not named as one"]
    assert selftest.judge(rows, 7, ["sent", "received", "routed"]) == []
