"""A stack that was killed in the middle: the engine's program with its state, and what recovery says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from underlay.commands import recover


class Engine:
    """Answers like the engine's program, with a state of one stack."""

    def __init__(
        self,
        kubeconfig: str = "",
        *,
        released: bool = True,
        unfinished: tuple[str, ...] = (),
        operation: str = "creating",
    ) -> None:
        secret = {"4dabf18193072939515e22adb298388d": "x", "plaintext": json.dumps(kubeconfig)}
        resources: list[dict[str, Any]] = [{"type": recover.PROVIDER, "inputs": {"kubeconfig": secret}}]
        resources += (
            [{"type": recover.RELEASES, "inputs": {"timeout": 300}, "outputs": {"timeout": 300}}] if released else []
        )
        pending = [{"resource": {"type": kind}, "type": operation} for kind in unfinished]
        self.state = {"deployment": {"resources": resources, "pending_operations": pending}}
        self.asked: list[str] = []

    def __call__(self, *words: str, text: str | None = None) -> str:
        self.asked.append(" ".join(words))
        if text is not None:
            self.state = json.loads(text)
        return "dev\n" if words[:2] == ("stack", "--show-name") else json.dumps(self.state)


def repair(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> list[str]:
    monkeypatch.setattr(recover, "_pulumi", engine)
    return list(recover.repair("dev"))
