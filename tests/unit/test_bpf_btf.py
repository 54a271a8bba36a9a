"""BTF is read rightly: from a small one of our own making, and from the running kernel where it has one."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from bpf import btf
from bpf.btf import FIELDS, Btf

BPF = Path(btf.__file__).parent
STRUCT, UNION, ENUM, TYPEDEF, INT, CONST = 4, 5, 6, 8, 1, 10


class Builder:
    """Makes BTF, type by type; ids begin with 1."""

    def __init__(self) -> None:
        self.strings = b"\0"
        self.types = b""
        self.count = 0

    def name(self, text: str) -> int:
        """Return the place of a string."""
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(self, kind: int, name: str, size: int, *members: bytes, flag: int = 0) -> int:
        """Add a type and return its id."""
        self.types += struct.pack("<III", self.name(name), flag << 31 | kind << 24 | len(members), size) + b"".join(
            members
        )
        self.count += 1
        return self.count

    def integer(self, name: str, size: int) -> int:
        """Add an integer, which has four bytes more."""
        found = self.add(INT, name, size)
        self.types += struct.pack("<I", size * 8)
        return found

    def member(self, name: str, type_id: int, bits: int) -> bytes:
        """Return a member of a struct."""
        return struct.pack("<III", self.name(name), type_id, bits)

    def value(self, name: str, number: int) -> bytes:
        """Return a member of an enum."""
        return struct.pack("<Ii", self.name(name), number)

    def done(self) -> Btf:
        """Return the whole."""
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return Btf(head + self.types + self.strings)


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
    made.add(TYPEDEF, "btf_trace_kfree_skb", number)
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
    assert small.has_tracepoint("kfree_skb")
    assert not small.has_tracepoint("icmp_send")


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
    text = re.sub(r"/\*.*?\*/", "", (BPF / "events.c").read_text(), flags=re.DOTALL)
    own = {"key", "value", "ctx"}
    assert set(re.findall(r"(\w+)\s*->", text)) <= own
    assert "#include" not in text
    assert not re.search(r"struct (sk_buff|net_device|net|sock|flowi4|fib_\w+)\b", text)


def test_the_closed_list_is_what_the_program_uses() -> None:
    text = (BPF / "events.c").read_text()
    assert {macro for macro in FIELDS if re.search(rf"\b{macro}\b", text)} == set(FIELDS)


def test_no_number_of_a_drop_reason_is_written_down() -> None:
    texts = [path.read_text() for path in BPF.glob("*.*") if path.suffix in {".py", ".c"}]
    assert not any(
        re.search(r"(NO_SOCKET|NETFILTER_DROP|TC_INGRESS|RPFILTER)\W{0,3}[=:]\W{0,2}\d", text) for text in texts
    )
