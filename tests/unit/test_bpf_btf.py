"""BTF is read rightly: from a small one of our own making, and from the running kernel where it has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpf import btf, source
from bpf.btf import FIELDS, Btf
from bpf.source import FILES
from tests.unit.btf_builder import CONST, ENUM, STRUCT, TYPEDEF, UNION, Builder

BPF = Path(btf.__file__).parent


@pytest.fixture
def small() -> Btf:
    made = Builder()
    number = made.integer("int", 4)
    inner = made.add(STRUCT, "inner", 8, made.member("first", number, 0), made.member("second", number, 32))
    union = made.add(UNION, "", 8, made.member("one", number, 0), made.member("pair", inner, 0))
    constant = made.add(CONST, "", inner)
    alias = made.add(TYPEDEF, "alias_t", constant)
    made.add(
        STRUCT, "outer", 32, made.member("head", number, 0), made.member("", union, 64), made.member("tail", alias, 128)
    )
    bits = made.member("bit", number, 3 << 24 | 96)
    made.add(STRUCT, "flags", 16, bits, flag=1)
    made.add(ENUM, "skb_drop_reason", 4, made.value("SKB_CONSUMED", 1), made.value("SKB_DROP_REASON_NO_SOCKET", 3))
    made.tracepoint("kfree_skb", [made.pointer(made.add(CONST, "", inner)), made.pointer(0), alias, number])
    made.add(TYPEDEF, "btf_trace_odd", number)
    return made.done()


@pytest.mark.parametrize(
    ("name", "path", "offset"),
    [
        ("outer", "head", 0),
        ("outer", "one", 8),
        ("outer", "pair.second", 12),
        ("outer", "tail.second", 20),
        ("inner", "second", 4),
        ("flags", "bit", 12),
    ],
)
def test_offsets_go_through_anonymous_members_and_typedefs(small: Btf, name: str, path: str, offset: int) -> None:
    assert small.offset(name, path) == offset


def test_a_field_that_is_gone_is_named(small: Btf) -> None:
    with pytest.raises(LookupError, match=r"no field outer\.gone"):
        small.offset("outer", "gone")
    with pytest.raises(LookupError, match=r"no field nothing\.head"):
        small.offset("nothing", "head")


def test_enum_and_tracepoints(small: Btf) -> None:
    assert small.enum("skb_drop_reason") == {1: "SKB_CONSUMED", 3: "SKB_DROP_REASON_NO_SOCKET"}
    assert small.enum("nothing") == {}
    assert small.prototype("kfree_skb") == ("inner", "void", "inner", "int")
    assert small.prototype("icmp_send") is None
    assert small.prototype("odd") is None


def test_what_is_no_btf_is_refused() -> None:
    with pytest.raises(ValueError, match="magic"):
        Btf(bytes(64))


@pytest.mark.skipif(not btf.VMLINUX.exists(), reason="this kernel has no BTF")
def test_the_running_kernel_has_every_field() -> None:
    found = btf.macros(btf.read())
    assert found.keys() == FIELDS.keys()
    assert found["SKB_DEV"] == 16, "the first pointer after next and prev since Linux 4.18"


def test_no_kernel_structure_is_dereferenced_in_c() -> None:
    """Only our own structures, and the arguments of a raw tracepoint, may be reached by an arrow."""
    for backend in FILES:
        text = re.sub(r"/\*.*?\*/", "", source.text(backend), flags=re.DOTALL)
        assert set(re.findall(r"(\w+\)?)\s*->", text)) <= {"key", "value", "ctx", "0)"}
        assert "#include" not in text
    shared = (BPF / "events.c").read_text() + (BPF / "events.h").read_text() + (BPF / "bcc.h").read_text()
    assert not re.search(r"struct (sk_buff|net_device|net|sock|flowi4|fib_\w+)\b", shared)


def test_the_closed_list_is_what_the_program_uses() -> None:
    text = (BPF / "events.c").read_text()
    assert {macro for macro in FIELDS if re.search(rf"\b{macro}\b", text)} == set(FIELDS)


def test_both_backends_read_the_same_fields() -> None:
    found = re.findall(r"#define (\w+) OFFSET\((\w+), ([\w.]+)\)", (BPF / "core.h").read_text())
    assert {macro: (kind, path) for macro, kind, path in found} == FIELDS


def test_no_number_of_a_drop_reason_is_written_down() -> None:
    texts = [path.read_text() for path in BPF.glob("*.*") if path.suffix in {".py", ".c", ".h"}]
    assert not any(
        re.search(r"(NO_SOCKET|NETFILTER_DROP|TC_INGRESS|RPFILTER)\W{0,3}[=:]\W{0,2}\d", text) for text in texts
    )
