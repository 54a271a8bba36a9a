"""Programs attached to a device: tcx by the bpf system call (tc does not list them), classic tc by netlink."""

# ruff: noqa: ANN401 - bcc and pyroute2 carry no types

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from typing import Any

from bpf.syscall import bpf

GET_FD, GET_INFO, QUERY = 13, 15, 16
"""Commands of the bpf system call."""
TCX = {"ingress": 46, "egress": 47}
"""Attach types (Linux 6.6)."""
CLASSIC = {"ingress": 0xFFFFFFF2, "egress": 0xFFFFFFF3}
"""Parents of classic filters at the clsact queueing discipline."""
MIRROR = "underlay_mirror"
"""What the mirror's program is called, in the 15 characters that the kernel keeps."""
MANY = 64
"""Programs on one hook at most."""


class _Query(ctypes.Structure):
    _fields_ = (
        ("ifindex", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
        ("query_flags", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
        ("ids", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
        ("prog_attach_flags", ctypes.c_uint64),
        ("link_ids", ctypes.c_uint64),
        ("link_attach_flags", ctypes.c_uint64),
        ("revision", ctypes.c_uint64),
    )


class _Id(ctypes.Structure):
    _fields_ = (("id", ctypes.c_uint32), ("next", ctypes.c_uint32), ("flags", ctypes.c_uint32))


class _InfoRequest(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_uint32), ("length", ctypes.c_uint32), ("info", ctypes.c_uint64))


class _Info(ctypes.Structure):
    """The beginning of the kernel's struct bpf_prog_info."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("tag", ctypes.c_uint8 * 8),
        ("skipped", ctypes.c_uint8 * 48),
        ("name", ctypes.c_char * 16),
    )


def attached(ipr: Any, ifindex: int) -> list[dict[str, Any]]:
    """Return every program on a device's ingress and egress, tcx and classic."""
    found = [program for hook in TCX for program in tcx(ifindex, hook)]
    return found + [program for hook in CLASSIC for program in _classic(ipr, ifindex, hook)]


def tcx(ifindex: int, hook: str) -> list[dict[str, Any]]:
    """Return the programs of a tcx hook; none where the kernel has no tcx (EINVAL)."""
    try:
        ids = tcx_ids(ifindex, hook)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return []
        raise
    found = []
    for number in ids:
        with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
            found.append({"hook": hook, "kind": "tcx", "id": number, "name": _name(number)})
    return found


def tcx_ids(ifindex: int, hook: str) -> list[int]:
    """Return the numbers of the programs of a tcx hook in their order; OSError where the kernel has no tcx, too."""
    ids = (ctypes.c_uint32 * MANY)()
    query = _Query(ifindex=ifindex, attach_type=TCX[hook], ids=ctypes.addressof(ids), count=MANY)
    bpf(QUERY, query)
    return list(ids[: query.count])


def id_of(fd: int) -> int:
    """Return the number of a program that this process holds."""
    return int(_info(fd).id)


def _name(number: int) -> str:
    """Return a program's name, of which the kernel keeps 15 characters."""
    fd = bpf(GET_FD, _Id(id=number))
    try:
        return bytes(_info(fd).name).decode()
    finally:
        os.close(fd)


def _info(fd: int) -> _Info:
    info = _Info()
    bpf(GET_INFO, _InfoRequest(fd=fd, length=ctypes.sizeof(info), info=ctypes.addressof(info)))
    return info


def _classic(ipr: Any, ifindex: int, hook: str) -> list[dict[str, Any]]:
    options = [
        message.get_attr("TCA_OPTIONS")
        for message in ipr.get_filters(index=ifindex, parent=CLASSIC[hook])
        if message.get_attr("TCA_KIND") == "bpf"
    ]
    return [
        {"hook": hook, "kind": "tc", "id": option.get_attr("TCA_BPF_ID"), "name": option.get_attr("TCA_BPF_NAME")}
        for option in options
        if option is not None and option.get_attr("TCA_BPF_NAME")
    ]
