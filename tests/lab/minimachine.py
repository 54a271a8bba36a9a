"""A machine of the small fabric: one process in namespaces of its own, below the nodes' root tree."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from lab.paths import cache

ROOT_SCRIPT = """
set -e
root=$1
mount -t proc proc "$root/proc"
echo "$3" > /proc/sys/kernel/hostname
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/sys/fs/bpf"
mkdir -p "$root/sys/fs/bpf/tc/globals" "$root/run/cilium/state/globals" "$root/run/cilium/state/bpf/eth0"
echo '{"EnableBPFHostRouting": false, "TunnelProtocol": 0}' > "$root/run/cilium/state/bpf/eth0/bpf_host.json"
echo '#define NATIVE 1' > "$root/run/cilium/state/globals/node_config.h"
for name in $2; do
    if [ -d "$root/$name" ]; then mount -t tmpfs tmpfs "$root/$name"; else mount --bind /dev/null "$root/$name"; fi
done
exec chroot "$root" sleep 3600
"""


class Machine:
    """A process in namespaces of its own, below the nodes' root tree."""

    def __init__(self, name: str, net_of: int | None = None, hide: str = "") -> None:
        enter = ["nsenter", "--net", "--target", str(net_of)] if net_of else []
        spaces = ["unshare", "--mount", "--uts", "--propagation", "private", *([] if net_of else ["--net"])]
        script = ["sh", "-c", ROOT_SCRIPT, "sh", str(cache() / "noderoot"), hide, name]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *enter, *spaces, *script])
        self.pid = self.process.pid
        self._wait()

    def words(self, *argv: str) -> list[str]:
        """Return the command that runs a command inside."""
        inside = ["nsenter", "--target", str(self.pid), "--net", "--mount", "--uts", "--root", "env", "--chdir=/"]
        return ["setpriv", "--pdeathsig", "KILL", *inside, *argv]

    def run(self, *argv: str, stdin: str = "") -> str:
        """Run a command inside and return what it prints."""
        done = subprocess.run(self.words(*argv), input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a command inside that is talked to."""
        return subprocess.Popen(self.words(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def path(self, inside: str) -> Path:
        """Return where a file of the machine is for everybody else."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def end(self) -> None:
        """Switch the machine off."""
        self.process.kill()
        self.process.wait()

    def _wait(self) -> None:
        """Wait until the root tree is the machine's own: the last step of its start."""
        root = Path(f"/proc/{self.pid}/root")
        for _ in range(500):
            with contextlib.suppress(OSError):
                if root.readlink() != Path("/"):
                    return
            assert self.process.poll() is None, "the machine did not start"
            time.sleep(0.01)
        raise AssertionError("the machine did not start")
