"""`python -m tests.lab.faults.service_map drop|restore PID ADDRESS`: a node's map, behind its agent's back."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from bpf.service import KEY, PINS, SERVICE, SERVICES
from bpf.syscall import pinned
from lab.paths import state


def main(argv: list[str]) -> int:
    """Take the entries of an address out of a node's map, or put them back."""
    order, process, address = argv
    kept = state() / f"service-map-{process}.json"
    with pinned(Path(f"/proc/{process}/root{PINS}") / SERVICES, KEY, SERVICE.size) as table:
        if order == "restore":
            for key, value in json.loads(kept.read_text(encoding="utf-8")).items():
                table.put(bytes.fromhex(key), bytes.fromhex(value))
            return 0
        found = {key: value for key, value in table.items() if key.startswith(socket.inet_aton(address))}
        kept.write_text(json.dumps({key.hex(): value.hex() for key, value in found.items()}), encoding="utf-8")
        for key in found:
            table.delete(key)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
