"""`python3 -m underlay policy`: the policy pack's check for pull requests, beside the other commands."""

from __future__ import annotations

import importlib

CHECK = "policy.check.__main__"


def main(argv: list[str]) -> int:
    """Judge stacks and saved states by the pack of this repository."""
    code: int = importlib.import_module(CHECK).main(argv)
    return code
