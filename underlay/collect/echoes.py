"""Pods are reached from outside the cluster: each managed router asks some of them for an echo."""

from __future__ import annotations

from collections.abc import Mapping

from underlay.collect.nodes import shown
from underlay.collect.ssh import Shell

NONE = "none"
"""What a router without `ping` says."""
COMMAND = (
    f"command -v ping >/dev/null || {{ echo {NONE}; exit; }}; timeout 9 xargs -r -n 2 -P 16 sh -c "
    '\'ping -n -q -c 2 -i 0.2 -w 3 -I "$1" "$0" >/dev/null 2>&1; echo "$0 $?"\''
)
"""Says each address with ping's exit code: two answers within 3 s, however many requests that takes, are 0."""
LONGEST = 1 << 20
"""Bytes of the answer at most."""


async def read(shell: Shell, pods: Mapping[str, str]) -> dict[str, bool] | None:
    """Return which pods answered, each asked from its address of the router's; None where the router has no `ping`.

    ValueError where nothing came in time, or what makes no sense.
    """
    lines = "\n".join(f"{pod} {own}" for pod, own in pods.items())
    _, output, complaint = await shell.run(COMMAND, LONGEST, lines.encode())
    if output.strip() == NONE:
        return None
    if pods and not output:
        raise ValueError(shown(complaint.encode()) if complaint else "no answer in time")
    return answered(output)


def answered(text: str) -> dict[str, bool]:
    """Read the command's answer: an address and an exit code a line."""
    rows = [line.split() for line in text.splitlines()]
    if wrong := [row for row in rows if len(row) != 2 or not row[1].isdigit()]:
        raise ValueError(f"not an address and a code: {shown(' '.join(wrong[0]).encode())}")
    return {address: code == "0" for address, code in rows}
