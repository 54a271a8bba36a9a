"""Makes BTF for tests, as the kernel's build would."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bpf.btf import Btf

INT, POINTER, STRUCT, UNION, ENUM, TYPEDEF, CONST, FUNCTION = 1, 2, 4, 5, 6, 8, 10, 13


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

    def pointer(self, type_id: int) -> int:
        """Add a pointer; 0 is void."""
        return self.add(POINTER, "", type_id)

    def tracepoint(self, name: str, arguments: Sequence[int]) -> None:
        """Add what the kernel knows a tracepoint by: its handler's type, whose first argument is its own."""
        members = [struct.pack("<II", 0, number) for number in (self.pointer(0), *arguments)]
        self.add(TYPEDEF, f"btf_trace_{name}", self.pointer(self.add(FUNCTION, "", 0, *members)))

    def done(self) -> Btf:
        """Return the whole."""
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return Btf(head + self.types + self.strings)
