"""Ports that the kernel lends to no connection: ours beside those that the node's administrator has reserved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System
from underlay.remote.node_files import REPAIR
from underlay.remote.node_sysctl import OURS, others, values

KEY = "net/ipv4/ip_local_reserved_ports"
FILE = f"proc/sys/{KEY}"


def ports(text: str) -> set[int]:
    """Return the ports of a list such as `4240,30000-32767`; what is no number names none."""
    found: set[int] = set()
    for part in "".join(text.split()).split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found |= {*range(int(first), int(last or first) + 1)}
    return found


def listed(found: Iterable[int]) -> str:
    """Return ports as the kernel lists them."""
    ranges: list[list[int]] = []
    for port in sorted(found):
        if ranges and port == ranges[-1][1] + 1:
            ranges[-1][1] = port
        else:
            ranges.append([port, port])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def ours(data: Input) -> set[int]:
    """Return the ports that the site needs."""
    return {port for first, last in data["reserved"] for port in range(first, last + 1)}


def kept(system: System, data: Input, first: str) -> str:
    """Return the line of our file: it replaces every earlier one, so it holds the administrator's ports too."""
    theirs = next((values(text)[KEY] for _, text, _ in reversed([*others(system)]) if KEY in values(text)), "")
    return f"{KEY} = {listed(ours(data) | ports(theirs) | ports(first))}\n"


def missing(system: System, data: Input) -> set[int]:
    """Return the ports of ours that the kernel would lend."""
    return ours(data) - ports(system.text(FILE))


def apply_ports(system: System, data: Input) -> list[str]:
    """Reserve what is missing; every other reservation stays."""
    lent = missing(system, data)
    if lent:
        _write(system, ports(system.text(FILE)) | lent)
    return [f"{KEY}: {listed(lent)} added"] if lent else []


def ever(data: Input, known: str) -> set[int]:
    """Return the ports that the site needs, and those that it needed before: a narrower range leaves some behind."""
    return ours(data) | ports(known)


def return_ports(system: System, mine: set[int], first: str) -> list[str]:
    """Take back what was not reserved before us, and nothing that others reserved since."""
    now = ports(system.text(FILE))
    back = (mine - ports(first)) & now
    if back:
        _write(system, now - back)
    return [f"{KEY}: {listed(back)} taken back"] if back else []


def _write(system: System, wanted: set[int]) -> None:
    (system.root / FILE).write_text(f"{listed(wanted)}\n", encoding="ascii")


def ports_have_drifted(system: System, data: Input) -> Iterator[Trouble]:
    """Yield a finding where the kernel would lend a port of ours."""
    if lent := missing(system, data):
        found = f"without {listed(lent)}"
        yield Trouble("setting-drifted", f"/{FILE}", found, "these among the reserved ports", REPAIR)


def ports_are_not_overruled(system: System, data: Input) -> Iterator[Trouble]:
    """Require that no later file leaves out ports of ours at the next start."""
    found = [(file, values(text)[KEY]) for file, text, later in others(system) if later and KEY in values(text)]
    for file, value in found[-1:]:
        if lent := ours(data) - ports(value):
            fix = f"Add them to the line, or take it out: it overrules {OURS} at the next start."
            yield Trouble("setting-overruled", f"/{file}", f"{KEY} without {listed(lent)}", "these ports in it", fix)


CHECKS: tuple[Check, ...] = (ports_are_not_overruled,)
