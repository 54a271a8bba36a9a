"""Where the running kernel keeps its fields, and what it calls its numbers: read from BTF, never from header files."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

VMLINUX = Path("/sys/kernel/btf/vmlinux")
INT, POINTER, STRUCT, UNION, ENUM, TYPEDEF, FUNCTION, VAR, DECL_TAG, ENUM64 = 1, 2, 4, 5, 6, 8, 13, 14, 17, 19
QUALIFIERS = (TYPEDEF, 9, 10, 11, 18)
"""Kinds that only lead to another type (volatile, const, restrict, a tag)."""
EXTRA = {INT: 4, 3: 12, VAR: 4, DECL_TAG: 4}
"""Bytes that follow the 12 of a type, by kind (3 is an array)."""
MEMBER = {STRUCT: 12, UNION: 12, ENUM: 8, FUNCTION: 8, 15: 12, ENUM64: 12}
"""Bytes of each member that follows (15 is a section of data)."""

FIELDS = {
    "SKB_DEV": ("sk_buff", "dev"),
    "SKB_SK": ("sk_buff", "sk"),
    "SKB_HEAD": ("sk_buff", "head"),
    "SKB_DATA": ("sk_buff", "data"),
    "SKB_NETWORK": ("sk_buff", "network_header"),
    "SKB_PROTOCOL": ("sk_buff", "protocol"),
    "DEV_IFINDEX": ("net_device", "ifindex"),
    "DEV_NET": ("net_device", "nd_net"),
    "SK_NET": ("sock", "__sk_common.skc_net"),
    "SK_SOURCE": ("sock", "__sk_common.skc_rcv_saddr"),
    "SK_TARGET": ("sock", "__sk_common.skc_daddr"),
    "SK_PORT": ("sock", "__sk_common.skc_num"),
    "SK_FAR_PORT": ("sock", "__sk_common.skc_dport"),
    "SK_STATE": ("sock", "__sk_common.skc_state"),
    "NET_INODE": ("net", "ns.inum"),
    "FLOW_SOURCE": ("flowi4", "saddr"),
    "FLOW_TARGET": ("flowi4", "daddr"),
    "FLOW_PROTOCOL": ("flowi4", "__fl_common.flowic_proto"),
    "HOP_DEV": ("fib_nh_common", "nhc_dev"),
    "HOP_FAMILY": ("fib_nh_common", "nhc_gw_family"),
    "HOP_GATEWAY": ("fib_nh_common", "nhc_gw"),
}
"""The closed list of fields that the programs read: macro → struct and path."""


class Btf:
    """The types of a kernel."""

    def __init__(self, data: bytes) -> None:
        magic, _, _, header, types, type_bytes, strings, string_bytes = struct.unpack_from("<HBBIIIII", data)
        if magic != 0xEB9F:
            message = f"BTF: found magic number {magic:#x}; expected 0xeb9f"
            raise ValueError(message)
        self.data = data
        self.strings = data[header + strings : header + strings + string_bytes]
        self.types = _positions(data, header + types, header + types + type_bytes)

    def offset(self, name: str, path: str) -> int:
        """Return the byte offset of a field by its dotted path, through anonymous members; LookupError if absent."""
        for position in self._named(name, (STRUCT,)):
            bits = self._walk(position, path.split("."))
            if bits is not None:
                return bits // 8
        message = f"this kernel has no field {name}.{path}"
        raise LookupError(message)

    def enum(self, name: str) -> dict[int, str]:
        """Return the names of an enum by value; empty where the kernel has no such enum."""
        for position in self._named(name, (ENUM, ENUM64)):
            step = MEMBER[self._kind(position)]
            entries = range(position + 12, position + 12 + step * self._count(position), step)
            return {struct.unpack_from("<Ii", self.data, at)[1]: self._string(at) for at in entries}
        return {}

    def prototype(self, name: str) -> tuple[str, ...] | None:
        """Return the types of a tracepoint's arguments, pointers by what they point at; None where there is none."""
        for position in self._named("btf_trace_" + name, (TYPEDEF,)):
            function = self._pointed(self._target(position))
            if function is not None and self._kind(function) == FUNCTION:
                return tuple(self._type_name(at) for at in self._arguments(function)[1:])
        return None

    def _arguments(self, function: int) -> list[int]:
        step = MEMBER[FUNCTION]
        return [function + 12 + step * number + 4 for number in range(self._count(function))]

    def _type_name(self, at: int) -> str:
        """Return the name of the type whose number stands at a place, without a pointer before it."""
        number = int(struct.unpack_from("<I", self.data, at)[0])
        found = self._pointed(number) if number else None
        return self._string(found) if found is not None else "void"

    def _pointed(self, number: int) -> int | None:
        """Return where a type is, or the one that it points at; None for void."""
        position = self._resolve(number)
        if self._kind(position) != POINTER:
            return position
        target = self._target(position)
        while target and self._kind(self.types[target]) in QUALIFIERS:
            target = self._target(self.types[target])
        return self._resolve(target) if target else None

    def _target(self, position: int) -> int:
        """Return the number of the type that a typedef, qualifier or pointer leads to; 0 is void."""
        return int(struct.unpack_from("<I", self.data, position + 8)[0])

    def _named(self, name: str, kinds: tuple[int, ...]) -> Iterator[int]:
        wanted = struct.pack("<I", self.strings.find(b"\0" + name.encode() + b"\0") + 1)
        data = self.data
        if wanted != b"\0\0\0\0":
            yield from (at for at in self.types if data[at : at + 4] == wanted and self._kind(at) in kinds)

    def _walk(self, position: int, path: list[str]) -> int | None:
        """Return the bits from a struct's start to the end of a path."""
        for name, type_id, bits in self._members(position):
            rest = path if not name else path[1:]
            if name and name != path[0]:
                continue
            if not rest:
                return bits
            inner = self._walk(self._resolve(type_id), rest)
            if inner is not None:
                return bits + inner
        return None

    def _members(self, position: int) -> Iterator[tuple[str, int, int]]:
        if self._kind(position) not in (STRUCT, UNION):
            return
        mask = 0xFFFFFF if self._info(position) >> 31 else 0xFFFFFFFF
        for index in range(self._count(position)):
            at = position + 12 + 12 * index
            _, type_id, bits = struct.unpack_from("<III", self.data, at)
            yield self._string(at), type_id, bits & mask

    def _resolve(self, type_id: int) -> int:
        """Follow typedefs and qualifiers to the type itself."""
        position = self.types[type_id]
        while self._kind(position) in QUALIFIERS:
            position = self.types[self._target(position)]
        return position

    def _info(self, position: int) -> int:
        return int(struct.unpack_from("<I", self.data, position + 4)[0])

    def _kind(self, position: int) -> int:
        return self._info(position) >> 24 & 31

    def _count(self, position: int) -> int:
        return self._info(position) & 0xFFFF

    def _string(self, position: int) -> str:
        start = struct.unpack_from("<I", self.data, position)[0]
        return self.strings[start : self.strings.index(b"\0", start)].decode()


def read(path: Path = VMLINUX) -> Btf:
    """Return the running kernel's types; OSError where it has none."""
    return Btf(path.read_bytes())


def macros(btf: Btf, fields: Mapping[str, tuple[str, str]] = FIELDS) -> dict[str, int]:
    """Return the offsets that the C programs need, by macro name."""
    return {macro: btf.offset(*field) for macro, field in fields.items()}


def _positions(data: bytes, start: int, end: int) -> list[int]:
    """Return where each type starts, by type id; the void type (0) points at the first."""
    extra = [EXTRA.get(kind, 0) + 12 for kind in range(32)]
    member = [MEMBER.get(kind, 0) for kind in range(32)]
    info = struct.Struct("<I").unpack_from
    positions, at = [start], start
    while at < end:
        positions.append(at)
        word = info(data, at + 4)[0]
        kind = word >> 24 & 31
        at += extra[kind] + member[kind] * (word & 0xFFFF)
    return positions
