"""What runs: one row a machine."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lab import cgroups, inside
from lab.hardware import Hardware, Machine


@dataclass(frozen=True)
class Row:
    """One machine's state."""

    name: str
    kind: str
    pid: int | None
    addresses: str
    services: dict[str, int]

    @property
    def up(self) -> bool:
        """Tell whether the machine and all its services run."""
        return self.pid is not None and all(self.services.values())

    def cells(self) -> list[str]:
        """Return the row's text, cell by cell."""
        ended = [name for name, number in self.services.items() if not number]
        state = "up" if self.up else f"ended: {', '.join(ended)}" if self.pid else "down"
        return [self.name, self.kind, str(self.pid or "-"), state, self.addresses, " ".join(sorted(self.services))]


HEAD = ["machine", "kind", "pid", "state", "addresses", "services"]


def rows(hardware: Hardware) -> list[Row]:
    """Return every machine's state."""
    return [_row(machine) for machine in hardware.machines.values()]


def table(found: list[Row]) -> str:
    """Return the rows as aligned text."""
    cells = [HEAD, *(row.cells() for row in found)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def as_json(found: list[Row]) -> str:
    """Return the rows as JSON."""
    return json.dumps([dict(zip(HEAD[:4], row.cells(), strict=False)) for row in found])


def _row(machine: Machine) -> Row:
    pid = cgroups.first(machine.name)
    addresses = " ".join(f"{port}={address.partition('/')[0]}" for port, address in machine.addresses)
    return Row(machine.name, machine.kind, pid, addresses, inside.services(machine.name) if pid else {})
