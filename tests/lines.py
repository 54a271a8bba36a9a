"""Prints the lines of Python and C per top-level directory, and fails when the lab outgrows the product."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("underlay", "components", "bpf", "policy")


def lines(folder: str) -> int:
    """Return the lines of the source files below a top-level folder."""
    files = (path for suffix in ("*.py", "*.c", "*.go", "*.j2") for path in (ROOT / folder).rglob(suffix))
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def main() -> int:
    """Print the table; return 1 when the lab is not smaller than the product."""
    counted = {folder: lines(folder) for folder in (*PRODUCT, "lab", "tests")}
    product = sum(counted[folder] for folder in PRODUCT)
    print("  ".join(f"{folder} {count}" for folder, count in counted.items()), f" product {product}")
    if counted["lab"] < product:
        return 0
    print(f"lab has {counted['lab']} lines, the product {product}; the lab has to stay smaller", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
