"""A finding: one mistake, named by its rule, with place, value found, value expected and next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, and what to do about it."""

    rule: str
    where: str
    found: str
    expected: str
    fix: str = ""
    severity: Severity = "error"
    """An error refuses the declaration; a warning is said at every run and refuses nothing."""

    def __str__(self) -> str:
        """Return the finding as one line for people."""
        fix = f" {self.fix}" if self.fix else ""
        return f"[{self.rule}] {self.where}: found {self.found}; expected {self.expected}.{fix}"

    def to_json(self) -> dict[str, str]:
        """Return the finding as plain data."""
        return asdict(self)


class Refused(Exception):
    """The declaration contradicts itself or the rules; carries every finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keep the findings and make one message of them."""
        self.findings: Sequence[Finding] = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))
