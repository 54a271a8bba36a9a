"""An object file without what only a debugger reads: those sections are blanked, so that they compress to nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
"""ELF's header and section header, 64 bits, little-endian, as clang writes them for BPF."""
DEBUGGER = b".debug_"


def slim(data: bytes) -> bytes:
    """Return the object with the debugger's sections blanked; offsets stay, and loaders pass these sections over."""
    blank = bytearray(data)
    for name, start, size in _sections(data):
        if name.startswith(DEBUGGER):
            blank[start : start + size] = bytes(size)
    return bytes(blank)


def _sections(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    header = HEADER.unpack_from(data)
    table, count, names = header[6], header[12], header[13]
    if not count:
        return
    rows = [SECTION.unpack_from(data, table + number * SECTION.size) for number in range(count)]
    texts = data[rows[names][4] : rows[names][4] + rows[names][5]]
    for row in rows:
        yield texts[row[0] : texts.index(b"\0", row[0])], row[4], row[5]
