"""Attaches programs named like Cilium's to devices of this namespace until standard input ends; all packets pass."""

import ctypes
import json
import socket
import sys

from bcc import BPF

TEXT = """
int cil_from_netdev(struct __sk_buff *skb) { return -1; }
int cil_from_container(struct __sk_buff *skb) { return -1; }
"""
LINK_CREATE, TCX_INGRESS, SYSCALL = 28, 46, 321


class Create(ctypes.Structure):
    """The kernel's attributes of a new tcx link."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("program", "device", "hook", "flags", "relative", "pad"))


bpf = BPF(text=TEXT)
for device, program in json.loads(sys.stdin.readline()).items():
    function = bpf.load_func(program, BPF.SCHED_CLS)
    request = Create(function.fd, socket.if_nametoindex(device), TCX_INGRESS, 0, 0, 0)
    raw = bytes(request) + bytes(8)
    assert ctypes.CDLL(None, use_errno=True).syscall(SYSCALL, LINK_CREATE, raw, len(raw)) >= 0, ctypes.get_errno()
print("attached", flush=True)
sys.stdin.read()
