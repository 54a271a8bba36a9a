"""A newcomer's way: the commands of docs/first-preview.md as they stand, from a fresh clone to a green preview."""

from __future__ import annotations

import functools
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.paths import binaries, cache, repo
from lab.toolchain.images import CHART
from tests.docs.runs import record
from tests.docs.shell import Done, Shell
from tests.docs.shown import block_of

PAGE, HEAD = repo() / "docs/first-preview.md", "## Commands"
NAME, BOUND = "newcomer", 600
"""Its record, and the seconds that it may take."""
SUM = re.compile(r"^([0-9a-f]{64})  chart/", re.MULTILINE)
FILE, KEY = "Pulumi.production.yaml", re.compile(r"chart_sha256: [0-9a-f]{64}")
SAYS = {
    "pulumi preview ": "to create",
    "python3 -m underlay policy ": f"{FILE}: clean",
    "python3 -m underlay review ": "Is it refused? No.",
}
"""What a command has to say, by its beginning."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def charts(folder: Path) -> Iterator[str]:
    """Serve the chart as its project does, and yield the address."""
    for words in (["package", str(cache() / CHART), "--destination", str(folder)], ["repo", "index", str(folder)]):
        subprocess.run([binaries() / "helm", *words], check=True, stdout=subprocess.DEVNULL)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def follow(shell: Shell, address: str) -> Iterator[Done]:
    """Type each command and yield what came of it, up to the first one that does not come to what the page says."""
    for command in block_of(PAGE, HEAD):
        line = command.replace("ADDRESS", str(repo())).replace("CHARTS", address)
        done = replace(shell.type(line, "sesame-open" if "bgpPassword" in line else ""), line=command)
        expected = next((text for start, text in SAYS.items() if command.startswith(start)), "")
        right = not done.code and expected in done.text
        print(
            f"{done.seconds:6.1f} s  {command}" if right else f"`{line}` ended with {done.code}:\n{done.text}",
            flush=True,
        )
        if not right:
            return
        yield done
        if found := SUM.search(done.text):
            file = shell.folder / "cilium-underlay" / FILE
            file.write_text(KEY.sub(f"chart_sha256: {found.group(1)}", file.read_text("utf-8")), encoding="utf-8")


def main() -> int:
    """Go the whole way, and say how long each step took."""
    with tempfile.TemporaryDirectory(prefix="underlay-newcomer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "charts").mkdir()
        shell = Shell(folder, {"PATH": f"{binaries()}{os.pathsep}{os.environ['PATH']}"})
        shell.folder.mkdir()
        with charts(folder / "charts") as address:
            done = list(follow(shell, address))
    took = sum(one.seconds for one in done)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = f"{used.ru_utime + used.ru_stime:.0f} s of processor, load {os.getloadavg()[0]:.0f}"
    print(f"{took:6.1f} s  in all, of {BOUND}; {busy}")
    whole = [one.line for one in done] == block_of(PAGE, HEAD)
    if whole:
        record(NAME, done)
    return 0 if whole and took <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
