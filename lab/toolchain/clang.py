"""The compiler of the node's BPF programs, for machines without one: the same clang that the agent's image carries."""

from __future__ import annotations

from lab.toolchain import versions
from lab.toolchain.part import Step

TREE = "clang"
PATTERNS = ("./usr/lib/x86_64-linux-gnu/*.so*", f"./usr/lib/llvm-{versions.CLANG}/bin/*")
LAUNCHER = f"""\
#!/bin/sh
# clang with its own libraries, whatever the machine has
here=$(dirname "$(readlink -f "$0")")/../{TREE}/usr/lib
program=$here/llvm-{versions.CLANG}/bin/clang
libraries=$here/x86_64-linux-gnu
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" --argv0 clang "$program" "$@"
"""


def take_clang(step: Step) -> None:
    """Copy clang and its libraries out of the agent's image, and write the program that starts it."""
    tree = step.staged(TREE)
    tree.mkdir()
    layer = step.work / "layer.tar"
    image = step.cache / "images/agent.tar"
    step.run(["tar", "--extract", "--file", str(image), "--directory", str(step.work), layer.name])
    step.run(["tar", "--extract", "--file", str(layer), "--directory", str(tree), "--wildcards", *PATTERNS])
    program = step.staged("bin/clang")
    program.write_text(LAUNCHER)
    program.chmod(0o755)
