"""Which program listens on which TCP port of a node."""

from __future__ import annotations

from underlay.remote.node_facts import System

LISTEN = "0A"


def listeners(system: System) -> dict[int, str]:
    """Return the owner of each TCP port that something listens on; `a program` where the owner hides."""
    found: dict[int, str] = {}
    for family in ("tcp", "tcp6"):
        for line in system.text(f"proc/net/{family}").splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == LISTEN:
                found.setdefault(int(words[1].rpartition(":")[2], 16), words[9])
    owners = _owners(system, set(found.values())) if found else {}
    return {port: owners.get(socket, "a program") for port, socket in found.items()}


def _owners(system: System, sockets: set[str]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for process in system.names("proc"):
        if process.isdigit():
            for descriptor in system.names(f"proc/{process}/fd"):
                try:
                    target = str((system.root / "proc" / process / "fd" / descriptor).readlink())
                except OSError:
                    continue
                if target[8:-1] in sockets and target.startswith("socket:["):
                    owners[target[8:-1]] = system.text(f"proc/{process}/comm").strip() or f"process {process}"
    return owners
