"""The mirror's two programs as the kernel's own instructions: short enough to need no compiler, header or library."""

from __future__ import annotations

import struct

CTX, R0, R1, R2, R3, R6, R7, STACK = 1, 0, 1, 2, 3, 6, 7, 10
"""Registers: the packet comes in R1, results in R0; R6 and up outlive calls."""
LOOKUP, CLONE_REDIRECT = 1, 13
"""Numbers of the kernel's helpers: part of its interface."""
MOVE, MOVE_NUMBER, ADD_NUMBER, STORE_WORD, ATOMIC = 0xBF, 0xB7, 0x07, 0x62, 0xDB
LOAD_WIDE, CALL, EXIT, JUMP, IF_ZERO, IF_NOT_ZERO = 0x18, 0x85, 0x95, 0x05, 0x15, 0x55
TABLE = 1
"""Second register of a wide load: the number is a table's file descriptor."""
NEXT, DROP = -1, 2
"""Verdicts of tcx: go on with the next program, and end here."""
SEEN, MIRRORED, FAILED = 0, 8, 16
"""Where each counter stands in the table's only value."""


def _one(code: int, target: int = 0, source: int = 0, offset: int = 0, number: int = 0) -> bytes:
    return struct.pack("<BBhi", code, target | source << 4, offset, number)


def _count(counter: int) -> bytes:
    """Add one to a counter of the value in R7; two instructions."""
    return _one(MOVE_NUMBER, R1, number=1) + _one(ATOMIC, R7, R1, counter)


def mirror(table: int, device: int) -> bytes:
    """Return the program that sends a copy of each packet out of a device, counts it, and lets the packet go on."""
    return b"".join(
        (
            _one(MOVE, R6, CTX),
            _one(STORE_WORD, STACK, offset=-4),
            _one(MOVE, R2, STACK),
            _one(ADD_NUMBER, R2, number=-4),
            _one(LOAD_WIDE, R1, TABLE, number=table) + _one(0),
            _one(CALL, number=LOOKUP),
            _one(IF_ZERO, R0, offset=12),
            _one(MOVE, R7, R0),
            _count(SEEN),
            _one(MOVE, R1, R6),
            _one(MOVE_NUMBER, R2, number=device),
            _one(MOVE_NUMBER, R3),
            _one(CALL, number=CLONE_REDIRECT),
            _one(IF_NOT_ZERO, R0, offset=3),
            _count(MIRRORED),
            _one(JUMP, offset=2),
            _count(FAILED),
            _one(MOVE_NUMBER, R0, number=NEXT),
            _one(EXIT),
        )
    )


def end() -> bytes:
    """Return the program of the mirror's far end: who listens has its copy already, the node's own stack gets none."""
    return _one(MOVE_NUMBER, R0, number=DROP) + _one(EXIT)
