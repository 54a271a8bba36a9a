"""Which programs fit a kernel: by the arguments of its tracepoints as BTF states them, never by a version number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Prototype = Callable[[str], "tuple[str, ...] | None"]
"""From a tracepoint's name to the types of its arguments; None where the kernel has no such tracepoint."""


@dataclass(frozen=True)
class Program:
    """A program of events.c, its tracepoint, and the types of the arguments that it reads."""

    name: str
    tracepoint: str
    arguments: tuple[str, ...]
    point: str
    """What its counters are called in a report."""

    @property
    def macro(self) -> str:
        """Return what switches the program on in events.c."""
        return f"HAVE_{self.name.upper()}"

    def mismatch(self, prototype: Prototype) -> str:
        """Return why the program does not fit a kernel; nothing where it does."""
        found = prototype(self.tracepoint)
        if found is None:
            return f"this kernel has no tracepoint {self.tracepoint}"
        if found[: len(self.arguments)] != self.arguments:
            return f"{self.tracepoint} has arguments ({', '.join(found)}); expected ({', '.join(self.arguments)})"
        return ""


NAMED, NAMELESS = "dropped", "dropped_nameless"
PROGRAMS = (
    Program("sent", "net_dev_start_xmit", ("sk_buff",), "sent"),
    Program("received", "netif_receive_skb", ("sk_buff",), "received"),
    Program(NAMED, "kfree_skb", ("sk_buff", "void", "skb_drop_reason"), "dropped"),
    Program(NAMELESS, "kfree_skb", ("sk_buff", "void"), "dropped"),
    Program("refused", "icmp_send", ("sk_buff", "int", "int"), "refused"),
    Program("routed", "fib_table_lookup", ("unsigned int", "flowi4", "fib_nh_common", "int"), "routed"),
    Program("resent", "tcp_retransmit_skb", ("sock",), "resent"),
    Program("md5_required", "tcp_hash_md5_required", ("sock", "sk_buff"), "md5"),
    Program("md5_unexpected", "tcp_hash_md5_unexpected", ("sock", "sk_buff"), "md5"),
    Program("md5_mismatch", "tcp_hash_md5_mismatch", ("sock", "sk_buff"), "md5"),
)
"""Every program; `dropped_nameless` is taken only where `dropped` does not fit."""


@dataclass(frozen=True)
class Selection:
    """The programs for one kernel, and what it cannot tell."""

    programs: tuple[Program, ...]
    lacking: tuple[str, ...]

    @property
    def points(self) -> tuple[str, ...]:
        """Return what can be counted."""
        return tuple(dict.fromkeys(program.point for program in self.programs))

    @property
    def reasons(self) -> bool:
        """Say whether drops carry the kernel's reason."""
        return any(program.name == NAMED for program in self.programs)


def select(prototype: Prototype) -> Selection:
    """Return the programs that fit a kernel, and one sentence for each kind of event that it cannot give."""
    reasons = {program.name: program.mismatch(prototype) for program in PROGRAMS}
    if not reasons[NAMED]:
        reasons[NAMELESS] = "not needed"
    fitting = tuple(program for program in PROGRAMS if not reasons[program.name])
    told = {program.name for program in fitting} | {NAMELESS}
    told |= {NAMED} if not reasons[NAMELESS] else set()
    lacking = [f"{program.point}: {reasons[program.name]}" for program in PROGRAMS if program.name not in told]
    lacking += ["reasons of drops: kfree_skb of this kernel does not give them"] if not reasons[NAMELESS] else []
    return Selection(fitting, tuple(lacking))
