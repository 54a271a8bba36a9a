"""The programs by bcc: compiled on the node, with the running kernel's offsets as macros."""

from __future__ import annotations

from collections.abc import Mapping

from bpf.btf import Btf, macros
from bpf.selection import Selection
from bpf.source import text


class Loaded:
    """The programs in the kernel, until `close` or the end of the process."""

    name = "bcc"

    def __init__(self, btf: Btf, selection: Selection, entries: Mapping[str, int]) -> None:
        from bcc import BPF

        defined = macros(btf) | {SIZES[table]: count for table, count in entries.items() if table in SIZES}
        defined |= {program.macro: 1 for program in selection.programs}
        self.bpf = BPF(text=text(self.name), cflags=[f"-D{name}={value}" for name, value in defined.items()])
        self.tables = {table: self.bpf[table].map_fd for table in entries}
        functions = {name.decode(): function.fd for name, function in self.bpf.funcs.items()}
        prefix = "raw_tracepoint__"
        self.programs = {program.name: functions[prefix + program.tracepoint] for program in selection.programs}

    def close(self) -> None:
        """Take the programs out of the kernel."""
        self.bpf.cleanup()


SIZES = {"counts": "COUNTERS", "watched": "ADDRESSES", "spaces": "SPACES"}
"""Macros of the tables' sizes."""
