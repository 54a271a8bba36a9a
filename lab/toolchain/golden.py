"""Import every image below /mnt/images into a containerd store at /mnt/store; runs inside the node tree.

It imports nothing of the project: the node's Python is all there is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

SOCKET = "/run/golden/containerd.sock"
IMAGES = Path("/mnt/images")
CONFIG = """version = 2
root = "/mnt/store"
state = "/run/golden/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/golden/containerd.sock"
"""
CTR = ("ctr", "--address", SOCKET, "--namespace", "k8s.io")


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while subprocess.run([*CTR, "version"], capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            sys.exit(f"containerd did not answer within {seconds:.0f} s")
        time.sleep(0.1)


def main() -> None:
    """Start containerd, import the images, check that they are there by name, stop it in order."""
    place = Path("/run/golden")
    place.mkdir(parents=True)
    (place / "config.toml").write_text(CONFIG)
    daemon = subprocess.Popen(["containerd", "--config", str(place / "config.toml")])
    _wait(30)
    names = json.loads((IMAGES / "names.json").read_text())
    for image in sorted(names):
        subprocess.run([*CTR, "images", "import", str(IMAGES / f"{image}.tar")], check=True)
    listed = subprocess.run([*CTR, "images", "list", "--quiet"], check=True, capture_output=True, text=True)
    daemon.terminate()
    daemon.wait(30)
    if missing := set(names.values()) - set(listed.stdout.split()):
        sys.exit(f"not in the store after the import: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
