"""What the kernel does when asked: loads a tiny program of a kind, names attached ones, answers on the wire."""

from __future__ import annotations

import ctypes
import os
import platform
import select
import socket
import struct
import time

SYSCALL = {"x86_64": 321, "aarch64": 280}
LOAD, ATTACH_QUERY, FD_BY_ID, INFO, LINK = 5, 16, 13, 15, 28
KINDS = {"sched_cls": (3, 0), "xdp": (6, 0), "cgroup_connect4": (18, 10)}
"""Number of each kind of program, and the place that it expects to be attached to."""
HELPERS = {"fib_lookup": 69, "redirect_neigh": 152, "redirect_peer": 155, "sk_lookup_tcp": 84, "get_netns_cookie": 122}
TCX = {"ingress": 46, "egress": 47}
RETURN_ONE = struct.pack("<BBhi", 0xB7, 0, 0, 1)
EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
UNKNOWN = (b"invalid func", b"unknown func", b"program of this type cannot use helper", b"helper call is not allowed")
PASS_ON = struct.pack("<BBhi", 0xB7, 0, 0, -1)
"""TCX_NEXT: whatever comes after decides."""
ANSWER = 0.4
"""Seconds within which a neighbour has to answer."""


class Kernel:
    """The running kernel; everything made here goes with its file descriptor."""

    def refuses(self, kind: str, helper: str = "") -> str:
        """Return why the kernel takes no program of a kind, or none that calls a helper; empty when it takes it."""
        number, expected = KINDS[kind]
        call = struct.pack("<BBhi", 0x85, 0, 0, HELPERS[helper]) if helper else b""
        log = ctypes.create_string_buffer(4096)
        made = _load(number, expected, call + RETURN_ONE + EXIT, log)
        if made >= 0:
            os.close(made)
            return ""
        if helper:
            return next((text.decode() for text in UNKNOWN if text in log.value), "")
        return os.strerror(ctypes.get_errno())

    def attaches(self, device: str) -> str:
        """Return why no program can be attached to a device; empty when one can, or where there are no tcx hooks."""
        program = _load(KINDS["sched_cls"][0], TCX["ingress"], PASS_ON + EXIT, ctypes.create_string_buffer(1))
        if program < 0:
            return os.strerror(ctypes.get_errno())
        link = _bpf(
            LINK, struct.pack("<IIII", program, socket.if_nametoindex(device), TCX["ingress"], 0).ljust(64, b"\0")
        )
        wrong = "" if link >= 0 or ctypes.get_errno() == 22 else os.strerror(ctypes.get_errno())
        for descriptor in (link, program):
            if descriptor >= 0:
                os.close(descriptor)
        return wrong

    def attached(self, device: str) -> list[str]:
        """Return the names of the programs at a device's tcx hooks; none where the kernel has no such hooks."""
        return [_name(number) for hook in TCX.values() for number in _query(socket.if_nametoindex(device), hook)]

    def answers(self, address: str, size: int) -> bool:
        """Tell whether an address answers an echo request of a size in bytes that must not be divided on the way."""
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as wire:
            wire.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE: DF, whatever is remembered
            body = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, size).ljust(size - 20, b"u")
            try:
                wire.sendto(_summed(body), (address, 0))
            except OSError:
                return False
            return _heard(wire, lambda packet: packet[20] == 0 and packet[24:28] == body[4:8])

    def owners(self, device: str, address: str) -> set[str]:
        """Return the hardware addresses of others on a segment that hold an address (ARP probe of RFC 5227)."""
        found: set[str] = set()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as wire:
            wire.bind((device, 0))
            own = wire.getsockname()[4]
            ask = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + own + bytes(10) + socket.inet_aton(address)
            wire.send(b"\xff" * 6 + own + b"\x08\x06" + ask)
            wanted = socket.inet_aton(address)

            def note(packet: bytes) -> bool:
                if packet[20:22] == b"\0\2" and packet[28:32] == wanted and packet[22:28] != own:
                    found.add(packet[22:28].hex(":"))
                return False

            _heard(wire, note)
        return found


def _heard(wire: socket.socket, wanted: object) -> bool:
    """Tell whether a packet that is wanted arrives in time."""
    end = time.monotonic() + ANSWER
    while (left := end - time.monotonic()) > 0 and select.select([wire], [], [], left)[0]:
        if callable(wanted) and wanted(wire.recv(65535)):
            return True
    return False


def _summed(body: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(body) // 2}H", body[: len(body) // 2 * 2])) + (
        body[-1] << 8 if len(body) % 2 else 0
    )
    total = (total >> 16) + (total & 0xFFFF)
    return body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]


def _bpf(command: int, attributes: bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(attributes, max(len(attributes), 144))
    return int(libc.syscall(SYSCALL.get(platform.machine(), 0), command, room, len(room)))


def _load(kind: int, expected: int, program: bytes, log: ctypes.Array[ctypes.c_char]) -> int:
    code, licence = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL")
    level, room = (1, len(log)) if len(log) > 1 else (0, 0)
    head = struct.pack(
        "<IIQQIIQ",
        kind,
        len(program) // 8,
        ctypes.addressof(code),
        ctypes.addressof(licence),
        level,
        room,
        ctypes.addressof(log) if level else 0,
    )
    return _bpf(LOAD, head.ljust(68, b"\0") + struct.pack("<I", expected))


def _query(index: int, hook: int) -> list[int]:
    found, libc = (ctypes.c_uint32 * 64)(), ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(struct.pack("<IIIIQI", index, hook, 0, 0, ctypes.addressof(found), 64), 64)
    done = libc.syscall(SYSCALL.get(platform.machine(), 0), ATTACH_QUERY, room, len(room))
    return list(found[: struct.unpack_from("<I", room, 24)[0]]) if done == 0 else []


def _name(number: int) -> str:
    program = _bpf(FD_BY_ID, struct.pack("<I", number).ljust(12, b"\0"))
    if program < 0:
        return f"program {number}"
    info, libc = ctypes.create_string_buffer(232), ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(struct.pack("<IIQ", program, len(info), ctypes.addressof(info)), 16)
    libc.syscall(SYSCALL.get(platform.machine(), 0), INFO, room, 16)
    os.close(program)
    return info.raw[64:80].split(b"\0")[0].decode(errors="replace") or f"program {number}"
