"""The programs by libbpf, from an object that was compiled elsewhere: nothing is compiled on the node."""

# ruff: noqa: ANN401 - a library's functions carry no types

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

from bpf.selection import Program, Selection

LIBRARY = "libbpf.so.1"
PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
"""libbpf's print function: level, format, and what goes into it."""
WARNING = 0
POINTER = ctypes.c_void_p
RESULTS = {
    "bpf_object__open_mem": POINTER,
    "bpf_object__find_program_by_name": POINTER,
    "bpf_object__find_map_by_name": POINTER,
    "bpf_program__attach": POINTER,
}
"""Functions that return a pointer; all others return a number, or nothing."""
SAID = 500
"""Characters of libbpf's own words that an error keeps: the last ones."""


class Loaded:
    """The programs in the kernel, until `close` or the end of the process."""

    name = "core"

    def __init__(self, data: bytes, selection: Selection, entries: Mapping[str, int]) -> None:
        self.library = _library()
        self.said: list[str] = []
        self._listen = PRINT(self._hear)
        self.library.libbpf_set_print(self._listen)
        self.links: list[Any] = []
        self.object = self._good("open the object", self.library.bpf_object__open_mem(data, _size(data), None))
        try:
            self._load(selection, entries)
        except OSError:
            self.close()
            raise
        self.tables = {table: self.library.bpf_map__fd(self._table(table)) for table in entries}

    def close(self) -> None:
        """Take the programs out of the kernel."""
        for link in self.links:
            self.library.bpf_link__destroy(link)
        if self.object:
            self.library.bpf_object__close(self.object)
        self.links, self.object = [], None

    def _load(self, selection: Selection, entries: Mapping[str, int]) -> None:
        for table, count in entries.items():
            self.library.bpf_map__set_max_entries(self._table(table), ctypes.c_uint32(count))
        self._select(selection.programs)
        self._zero("load the object", self.library.bpf_object__load(self.object))
        self.programs = {}
        for program in selection.programs:
            found = self._program(program.name)
            self.programs[program.name] = self.library.bpf_program__fd(found)
            self.links.append(self._good(f"attach to {program.tracepoint}", self.library.bpf_program__attach(found)))

    def _select(self, programs: tuple[Program, ...]) -> None:
        """Leave out what this kernel has no tracepoint for."""
        wanted = {self._program(program.name).value for program in programs}
        each = self.library.bpf_object__next_program
        each.restype, each.argtypes = POINTER, (POINTER, POINTER)
        found = each(self.object, None)
        while found:
            self.library.bpf_program__set_autoload(POINTER(found), found in wanted)
            found = each(self.object, found)

    def _program(self, name: str) -> Any:
        found = self.library.bpf_object__find_program_by_name(self.object, name.encode())
        return POINTER(self._good(f"find program {name}", found).value)

    def _table(self, name: str) -> Any:
        return self._good(f"find table {name}", self.library.bpf_object__find_map_by_name(self.object, name.encode()))

    def _good(self, what: str, result: int | None) -> Any:
        if not result:
            raise self._error(what, ctypes.get_errno())
        return POINTER(result)

    def _zero(self, what: str, result: int) -> None:
        if result:
            raise self._error(what, -result)

    def _error(self, what: str, number: int) -> OSError:
        words = " ".join(" ".join(self.said).split())[-SAID:]
        return OSError(number, f"libbpf could not {what}: {os.strerror(number)}; it says: {words or 'nothing'}")

    def _hear(self, level: int, form: bytes, values: int) -> int:
        if level == WARNING:
            room = ctypes.create_string_buffer(512)
            ctypes.CDLL(None).vsnprintf(room, ctypes.sizeof(room), form, POINTER(values))
            self.said.append(room.value.decode(errors="replace"))
        return 0


def _library() -> Any:
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    for name, kind in RESULTS.items():
        getattr(library, name).restype = kind
    return library


def _size(data: bytes) -> Any:
    return ctypes.c_size_t(len(data))
