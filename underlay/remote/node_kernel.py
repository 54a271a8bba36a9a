"""What the kernel does when asked: loads a tiny program of a kind, names attached ones, answers on the wire."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import struct
import time

from bpf.loading import SCHED_CLS, link, load
from bpf.programs import TCX, tcx

KINDS = {
    "sched_cls": (SCHED_CLS, 0),
    "xdp": (6, 0),
    "cgroup_connect4": (18, 10),
    "cgroup_sendmsg4": (18, 14),
    "cgroup_recvmsg4": (18, 19),
    "cgroup_post_bind4": (9, 12),
}
"""Number of each kind of program, and the place that it expects to be attached to."""
HELPERS = {"fib_lookup": 69, "redirect_neigh": 152, "redirect_peer": 155, "sk_lookup_tcp": 84, "get_netns_cookie": 122}
RETURN_ONE = struct.pack("<BBhi", 0xB7, 0, 0, 1)
EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
UNKNOWN = (b"invalid func", b"unknown func", b"program of this type cannot use helper", b"helper call is not allowed")
PASS_ON = struct.pack("<BBhi", 0xB7, 0, 0, -1)
"""TCX_NEXT: whatever comes after decides."""
ANSWER = 0.4
"""Seconds within which a neighbour has to answer."""


def why(error: OSError) -> str:
    """Return what a kernel's refusal says; Python's own refusals have no such text."""
    return error.strerror or str(error)


class Kernel:
    """The running kernel; everything made here goes with its file descriptor."""

    def refuses(self, kind: str, helper: str = "") -> str:
        """Return why the kernel takes no program of a kind, or none that calls a helper; empty when it takes it."""
        number, expected = KINDS[kind]
        call = struct.pack("<BBhi", 0x85, 0, 0, HELPERS[helper]) if helper else b""
        log = ctypes.create_string_buffer(4096)
        try:
            os.close(load(number, expected, call + RETURN_ONE + EXIT, log=log))
        except OSError as error:
            unknown = next((text.decode() for text in UNKNOWN if text in log.value), "")
            return unknown if helper else why(error)
        return ""

    def attaches(self, device: str) -> str:
        """Return why no program can be attached to a device; empty when one can, or where there are no tcx hooks."""
        hook = TCX["ingress"]
        try:
            program = load(SCHED_CLS, hook, PASS_ON + EXIT)
        except OSError as error:
            return why(error)
        try:
            os.close(link(program, socket.if_nametoindex(device), hook))
        except OSError as error:
            return "" if error.errno == errno.EINVAL else why(error)
        finally:
            os.close(program)
        return ""

    def attached(self, device: str) -> list[str]:
        """Return the names of the programs at a device's tcx hooks; OSError where the kernel does not tell."""
        index = socket.if_nametoindex(device)
        return [str(one["name"]) for hook in TCX for one in tcx(index, hook)]

    def answers(self, address: str, size: int) -> bool:
        """Tell whether an address answers an echo request of a size in bytes that must not be divided on the way."""
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as wire:
            wire.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE: DF, whatever is remembered
            body = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, size).ljust(size - 20, b"u")
            try:
                wire.connect((address, 0))  # answers of anybody else do not reach it
                wire.send(_summed(body))
                return _heard(wire, lambda packet: packet[20] == 0 and packet[24:28] == body[4:8])
            except OSError:
                return False

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
