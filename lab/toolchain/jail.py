"""Run commands in another root; started in namespaces of its own, with the order as JSON on standard input.

The order: `root`, `commands`, and where wanted `overlay` (a folder for everything written) and `binds`
(pairs of folders: ours, theirs). It imports nothing of the project, so that it runs in isolated mode.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
INSIDE = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _overlay(lower: Path, folder: Path) -> Path:
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for place in (upper, work, merged):
        place.mkdir(parents=True)
    _mount("-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(merged))
    return merged


def enter(order: dict[str, object]) -> None:
    """Make the root as ordered and step into it."""
    root = Path(str(order["root"])).resolve()
    if folder := order.get("overlay"):
        root = _overlay(root, Path(str(folder)))
    binds = order.get("binds", [])
    for ours, theirs in binds if isinstance(binds, list) else []:
        place = root / str(theirs).lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        _mount("--bind", ours, str(place))
    _mount("-t", "proc", "proc", str(root / "proc"))
    os.chroot(root)
    os.chdir("/")


def main() -> int:
    """Carry out the order; the first command that fails ends it with its exit code."""
    order = json.load(sys.stdin)
    enter(order)
    env = {**INSIDE, **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
    for command in order["commands"]:
        print("inside:", *command, flush=True)
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
