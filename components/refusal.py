"""How the program ends when the declaration is refused: one message with every finding, and no traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pulumi

from underlay.finding import Finding

SHOWN = 32
"""Exit code by which a Pulumi program says that it has told the person itself what is wrong."""


def refuse(findings: Sequence[Finding], note: str = "") -> NoReturn:
    """Tell every finding and end the program; what was registered before still reaches the policies."""
    lines = "\n".join(f"  {line}" for line in (*findings, note) if line)
    pulumi.log.error(f"the declaration is refused, {len(findings)} finding(s); nothing was applied:\n{lines}")
    raise SystemExit(SHOWN)
