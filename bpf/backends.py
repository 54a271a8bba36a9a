"""The two ways into the kernel, the cheaper first: an object that libbpf loads, or bcc with a compiler on the node."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from typing import Protocol

from bpf import by_bcc, by_core
from bpf.btf import Btf
from bpf.selection import Selection

OBJECT, NO_OBJECT = "events.o", "no-object.txt"
"""The compiled programs as they travel with this program, or why they do not."""


class Loaded(Protocol):
    """Programs in the kernel: file descriptors of tables and programs by name."""

    name: str
    tables: dict[str, int]
    programs: dict[str, int]

    def close(self) -> None:
        """Take the programs out of the kernel."""


class NoKernelEvidence(Exception):
    """No backend could load the programs; the text says for each one why."""


Load = Callable[[Btf, Selection, Mapping[str, int]], Loaded]


def _core(_: Btf, selection: Selection, entries: Mapping[str, int]) -> Loaded:
    return by_core.Loaded(compiled(), selection, entries)


def compiled() -> bytes:
    """Return the object; LookupError says why there is none."""
    try:
        data = pkgutil.get_data("bpf", OBJECT)
    except OSError:
        data = None
    if not data:
        raise LookupError(_reason())
    return data


def _reason() -> str:
    try:
        return (pkgutil.get_data("bpf", NO_OBJECT) or b"").decode()
    except OSError:
        return "no compiled object came with the program"


BACKENDS: dict[str, Load] = {"core": _core, "bcc": by_bcc.Loaded}
"""In the order in which they are tried."""


def load(
    btf: Btf, selection: Selection, entries: Mapping[str, int], wanted: str | None = None
) -> tuple[Loaded, dict[str, str]]:
    """Return loaded programs, and why each backend before could not; a wanted one is tried alone."""
    tried: dict[str, str] = {}
    for name, backend in BACKENDS.items():
        if wanted in (None, name):
            try:
                return backend(btf, selection, entries), tried
            except Exception as error:  # noqa: BLE001 - libraries, compiler and kernel fail in their own ways
                tried[name] = f"{type(error).__name__}: {error}"
    raise NoKernelEvidence("; ".join(f"{name}: {reason}" for name, reason in tried.items()) or f"no backend {wanted!r}")
