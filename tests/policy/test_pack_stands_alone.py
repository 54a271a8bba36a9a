"""The pack may be copied: it imports the standard library, the policy SDK and itself."""

from __future__ import annotations

import re
import sys

from tests.policy.engine import PACK

ALLOWED = {"pulumi_policy", "yaml"}
"""The SDK itself wants PyYAML."""


def test_the_pack_imports_nothing_outside_itself() -> None:
    for path in PACK.rglob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(imported) <= set(sys.stdlib_module_names) | ALLOWED, path
