"""Which programs a kernel gets: by its tracepoints' arguments, from 5.10 to today's, read through BTF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bpf import programs
from bpf.btf import Btf
from bpf.selection import PROGRAMS, Selection, select
from tests.unit.btf_builder import CONST, ENUM, STRUCT, TYPEDEF, Builder

KERNELS = json.loads((Path(__file__).parent / "data" / "tracepoints.json").read_text())
ALWAYS = ["sent", "received", "routed", "resent"]


def btf(prototypes: dict[str, str]) -> Btf:
    """Return the types of a kernel with these tracepoints."""
    made = Builder()
    number = made.integer("unsigned int", 4)
    ids = {"u32": made.add(TYPEDEF, "u32", number), "int": made.integer("int", 4), "void": 0}
    for name, prototype in prototypes.items():
        made.tracepoint(name, [_argument(made, ids, text) for text in prototype.split(", ")])
    return made.done()


def _argument(made: Builder, ids: dict[str, int], text: str) -> int:
    words = text.replace("*", "* ").split()[:-1]
    constant, pointer = words[0] == "const", words[-1] == "*"
    name = words[-2] if pointer else words[-1]
    if name not in ids:
        ids[name] = made.add(ENUM if "enum" in words else STRUCT, name, 4)
    found = made.add(CONST, "", ids[name]) if constant else ids[name]
    return made.pointer(found) if pointer else found


def chosen(kernel: str) -> tuple[set[str], Selection]:
    found = select(btf(KERNELS[kernel]).prototype)
    return {program.name for program in found.programs}, found


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_gets_one_program_for_drops(kernel: str) -> None:
    names, _ = chosen(kernel)
    assert len(names & {"dropped", "dropped_nameless"}) == 1


def test_before_drop_reasons_the_place_alone_is_counted_and_the_lack_is_said() -> None:
    names, found = chosen("5.10")
    assert names == {*ALWAYS, "dropped_nameless"}
    assert not found.reasons
    assert "reasons of drops: kfree_skb of this kernel does not give them" in found.lacking
    assert "refused: this kernel has no tracepoint icmp_send" in found.lacking
    assert set(found.points) == {*ALWAYS, "dropped"}


@pytest.mark.parametrize(("kernel", "more"), [("6.1", set()), ("6.1 of Debian 12", {"refused"})])
def test_drop_reasons_are_there_and_md5_events_are_not(kernel: str, more: set[str]) -> None:
    names, found = chosen(kernel)
    assert names == {*ALWAYS, "dropped", *more}
    assert found.reasons
    assert "md5: this kernel has no tracepoint tcp_hash_md5_mismatch" in found.lacking
    assert not any("reasons" in sentence for sentence in found.lacking)


def test_todays_kernel_lacks_nothing() -> None:
    names, found = chosen("6.18")
    assert names == {program.name for program in PROGRAMS} - {"dropped_nameless"}
    assert found.lacking == ()


def test_arguments_that_are_not_the_known_ones_are_never_read() -> None:
    names, found = chosen("a later one that changed an argument")
    assert {"routed", "dropped"}.isdisjoint(names)
    assert "dropped_nameless" in names
    wanted = "routed: fib_table_lookup has arguments (net, unsigned int, flowi4); expected (unsigned int, flowi4,"
    assert any(sentence.startswith(wanted) for sentence in found.lacking)


def test_a_kernel_without_any_of_them_gets_nothing() -> None:
    found = select(lambda _: None)
    assert (found.programs, found.points) == ((), ())
    assert len(found.lacking) == len(PROGRAMS) - 1


@pytest.mark.parametrize(("number", "found"), [(22, []), (1, None)])
def test_a_kernel_without_tcx_has_no_tcx_programs_and_any_other_refusal_is_told(
    monkeypatch: pytest.MonkeyPatch, number: int, found: list[object] | None
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "refused")

    monkeypatch.setattr(programs, "bpf", refuse)
    if found is None:
        with pytest.raises(OSError, match="refused"):
            programs.tcx(1, "ingress")
    else:
        assert programs.tcx(1, "ingress") == found


def test_a_machine_of_another_kind_is_refused_and_not_called_by_a_wrong_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(OSError, match="the call's number on s390x is not known"):
        programs.tcx(1, "ingress")
