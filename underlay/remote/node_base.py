"""What a kernel has to offer before Cilium can run on it: asked of the kernel itself, by programs that do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System

FLOOR = (5, 10)
ENTERPRISE = re.compile(r"4\.18\.0-(\d+)\..*el8")
ENTERPRISE_FLOOR = 553
"""Build of the kernel of Red Hat 8.10, the oldest 4.18 that Cilium 1.20 names; 8.6 has build 372."""


def kernel_is_new_enough(system: System, _data: Input) -> Iterator[Trouble]:
    """Require a kernel that Cilium's documentation names."""
    release = system.text("proc/sys/kernel/osrelease").strip()
    enterprise = ENTERPRISE.match(release)
    numbers = re.match(r"(\d+)\.(\d+)", release)
    known = numbers and (int(numbers[1]), int(numbers[2])) >= FLOOR
    if release and not known and not (enterprise and int(enterprise[1]) >= ENTERPRISE_FLOOR):
        expected = f"5.10 or later, or 4.18.0-{ENTERPRISE_FLOOR} of Red Hat 8.10"
        yield Trouble("kernel-too-old", "kernel", release, expected, "Upgrade the node's operating system.")


def kernel_has_btf(system: System, _data: Input) -> Iterator[Trouble]:
    """Require the kernel's own description of its structures, by which Cilium and the verifier read them."""
    if not system.there("sys/kernel/btf/vmlinux"):
        fix = "Use a kernel with DEBUG_INFO_BTF."
        yield Trouble("kernel-btf-missing", "/sys/kernel/btf/vmlinux", "nothing", "BTF", fix)


def kernel_has_filesystems(system: System, _data: Input) -> Iterator[Trouble]:
    """Require both kinds that the agent mounts."""
    known = system.text("proc/filesystems").split()
    for kind in ("bpf", "cgroup2"):
        if kind not in known:
            yield Trouble("kernel-filesystem-missing", "/proc/filesystems", f"no {kind}", f"{kind} in this kernel")


def bpf_is_mounted_once(system: System, _data: Input) -> Iterator[Trouble]:
    """Refuse a second file system over the first: what is pinned below is out of reach, and the agent starts anew."""
    mounts = [line.split() for line in system.text("proc/self/mountinfo").splitlines()]
    over = sum(len(words) > 4 and words[4] == "/sys/fs/bpf" and " - bpf " in f" {' '.join(words)} " for words in mounts)
    if over > 1:
        fix = "Unmount all but the first."
        yield Trouble("bpffs-mounted-twice", "/sys/fs/bpf", f"{over} mounts over each other", "one, or none yet", fix)


def kernel_takes_programs(system: System, data: Input) -> Iterator[Trouble]:
    """Load one tiny program of each kind that the chosen values need, with each call into the kernel that it makes."""
    for kind, helpers in data["bpf"].items():
        if wrong := system.kernel.refuses(kind):
            yield Trouble("bpf-program-refused", f"kernel, {kind}", wrong, "a kernel that loads this kind of program")
            continue
        for helper in helpers:
            if wrong := system.kernel.refuses(kind, helper):
                expected = "a kernel that knows this call"
                yield Trouble("bpf-helper-missing", f"kernel, {helper} in {kind}", wrong, expected)


def programs_can_be_attached(system: System, _data: Input) -> Iterator[Trouble]:
    """Attach a program that passes everything on to the loopback device, and take it away at once."""
    if wrong := system.kernel.attaches("lo"):
        yield Trouble("bpf-attach-refused", "kernel, hook of lo", wrong, "a program that can be attached")


CHECKS: tuple[Check, ...] = (
    kernel_is_new_enough,
    kernel_has_btf,
    kernel_has_filesystems,
    bpf_is_mounted_once,
    kernel_takes_programs,
    programs_can_be_attached,
)
