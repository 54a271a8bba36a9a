"""Sections for a debugger are blanked, and nothing else of an object changes."""

from __future__ import annotations

import zlib

from underlay.collect.slim import HEADER, SECTION, slim

NAMES = b"\0.text\0.debug_info\0.shstrtab\0"


def elf() -> bytes:
    """Return an object with a program, a debugger's section and their names."""
    parts = [b"\x11" * 64, bytes(range(256)), NAMES]
    starts = [HEADER.size, HEADER.size + 64, HEADER.size + 64 + 256]
    table = starts[2] + len(NAMES)
    head = HEADER.pack(b"\x7fELF", 1, 247, 1, 0, 0, table, 0, HEADER.size, 0, 0, SECTION.size, 4, 3)
    rows = [SECTION.pack(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
    for name, start, part in zip((b".text", b".debug_info", b".shstrtab"), starts, parts, strict=True):
        rows.append(SECTION.pack(NAMES.index(name), 1, 0, 0, start, len(part), 0, 0, 1, 0))
    return head + b"".join(parts) + b"".join(rows)


def test_only_the_debuggers_sections_are_blanked() -> None:
    data = elf()
    start = HEADER.size + 64
    assert slim(data) == data[:start] + bytes(256) + data[start + 256 :]
    assert len(zlib.compress(slim(data))) < len(zlib.compress(data))


def test_the_headers_are_those_of_elf() -> None:
    assert (HEADER.size, SECTION.size) == (64, 64)
