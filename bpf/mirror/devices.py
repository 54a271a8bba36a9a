"""The mirror's own pair of devices by rtnetlink, and word of devices that come and go; standard library only."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import time

NEW, DELETE = 16, 17
"""Kinds of rtnetlink's messages: RTM_NEWLINK and RTM_DELLINK."""
REQUEST, ACKNOWLEDGE, CREATE_ONLY = 0x1, 0x4, 0x600
ERROR, LINKS = 2, 1
"""Kind of an answer, and the group of messages about devices."""
UP, NO_ARP = 0x1, 0x80
NAME, MTU, LINK_INFO, FAMILIES = 3, 4, 18, 26
KIND, DATA, PEER = 1, 2, 1
IPV6, ADDRESS_MODE, NO_ADDRESS = 10, 8, 1
LARGEST = 9216
"""Bytes of a packet that a link carries at most; whole segments, as offloads leave them, pass whatever is set here."""
FLAGS_OF, RUNNING = 0x8913, 0x40
"""The request for a device's flags (SIOCGIFFLAGS), and the flag of one that takes packets."""
SECONDS = 5.0
"""Time until a new pair takes packets; the kernel is slow about it where many devices come at once."""


def make(name: str, peer: str) -> None:
    """Make a pair of devices that are up, silent and without addresses; a pair that is there stays."""
    names = {found for _, found in socket.if_nameindex()}
    if not {name, peer} <= names:
        remove(name)
        far = _header() + _text(NAME, peer) + _number(MTU, LARGEST)
        info = _attribute(KIND, b"veth") + _attribute(DATA, _attribute(PEER, far))
        body = _header() + _text(NAME, name) + _number(MTU, LARGEST) + _attribute(LINK_INFO, info)
        _ask(NEW, body, CREATE_ONLY)
    silent = _attribute(FAMILIES, _attribute(IPV6, _attribute(ADDRESS_MODE, bytes([NO_ADDRESS]))))
    for end in (name, peer):
        _ask(NEW, _header(socket.if_nametoindex(end)) + silent)
        _ask(NEW, _header(socket.if_nametoindex(end), UP | NO_ARP))
    _wait_for(name)


def remove(name: str) -> None:
    """Remove a device and its peer, if it is there."""
    for number, found in socket.if_nameindex():
        if found == name:
            _ask(DELETE, _header(number))


class Watch:
    """Word of devices that come and go."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, LINKS))
        self.socket.setblocking(False)

    def wait(self, seconds: float) -> None:
        """Return as soon as a device has come, gone or changed, or after so many seconds."""
        if select.select([self.socket], [], [], seconds)[0]:
            try:
                while self.socket.recv(1 << 16):
                    pass
            except OSError:
                return  # nothing more to read, or more than the kernel could keep: both mean `look again`


def _wait_for(name: str) -> None:
    """Wait until a device takes packets: what is sent before is lost."""
    request, deadline = struct.pack("16sH14x", name.encode(), 0), time.monotonic() + SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        while not struct.unpack_from("H", fcntl.ioctl(asked, FLAGS_OF, request), 16)[0] & RUNNING:
            if time.monotonic() > deadline:
                raise OSError(100, f"{name} takes no packets after {SECONDS:g} s")
            time.sleep(0.01)


def _header(number: int = 0, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, number, flags, flags)


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _number(kind: int, number: int) -> bytes:
    return _attribute(kind, struct.pack("=I", number))


def _ask(kind: int, body: bytes, flags: int = 0) -> None:
    """Send one request and wait for its answer; OSError where the kernel refuses."""
    head = struct.pack("=IHHII", len(body) + 16, kind, REQUEST | ACKNOWLEDGE | flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as talk:
        talk.send(head + body)
        answer = talk.recv(1 << 16)
    number = struct.unpack_from("=i", answer, 16)[0] if struct.unpack_from("=H", answer, 4)[0] == ERROR else 0
    if number:
        raise OSError(-number, f"rtnetlink message {kind}: {os.strerror(-number)}")
