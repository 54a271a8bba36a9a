"""Let the site's adapter set what the platform does at nodes' ports, and believe only its answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from underlay.commands.common import Failure, no_words, read_input, say
from underlay.report.columns import harmless

SECONDS = 120.0
"""For all ports and groups together; an API that takes longer is asked again by the next update."""
SHOWN = 300
APPLIED = "applied"
"""What an adapter answers for each group whose rules are in force at all of its ports."""
EXPECTED = '{"ports": {"NODE/UPLINK": "disabled"}, "groups": {"NAME": "applied"}}'

States = Mapping[str, Mapping[str, str]]
"""What each port and each group is, by kind and name."""


def main(argv: list[str]) -> int:
    """Read {"adapter", "ports", "groups"}, let the adapter apply them, and print what it answered."""
    no_words("ports", __doc__, argv)
    data = read_input("adapter", "ports")
    states = asked("apply", data)
    if wrong := _wrong(states, data):
        lines = "\n".join(f"  - {line}" for line in wrong)
        raise Failure(f"adapter {data['adapter'][0]} did not set everything:\n{lines}")
    print(json.dumps(states, sort_keys=True))
    return 0


def asked(action: str, data: Mapping[str, Any]) -> States:
    """Return what the adapter answers: each port `disabled` or `enabled`, each group `applied`."""
    adapter: Sequence[str] = data["adapter"]
    ports, groups = data["ports"], data.get("groups", [])
    say(harmless(f"port adapter: {' '.join(adapter)}: {action} {len(ports)} ports, {len(groups)} groups"))
    question = json.dumps({"action": action, "ports": ports, "groups": groups}, sort_keys=True)
    try:
        done = subprocess.run(
            adapter, input=question, stdout=subprocess.PIPE, text=True, errors="replace", check=False, timeout=SECONDS
        )
    except OSError as error:
        raise Failure(f"port adapter {adapter[0]}: {error.strerror}; expected a program (site.port_adapter)") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"port adapter {adapter[0]} did not end within {SECONDS:g} s") from None
    if done.returncode:
        raise Failure(f"port adapter {adapter[0]} ended with code {done.returncode}; its own messages are above")
    return _states(done.stdout, adapter[0])


def _states(text: str, name: str) -> States:
    """Return an answer; an adapter that knows no groups may leave them out."""
    try:
        answer: Any = {"groups": {}} | json.loads(text)
        return {kind: {str(one): str(state) for one, state in answer[kind].items()} for kind in ("ports", "groups")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        shown = harmless(text.strip()[:SHOWN])
        raise Failure(f"port adapter {name} answered {shown!r}; expected {EXPECTED}") from None


def _wrong(states: States, data: Mapping[str, Any]) -> list[str]:
    """Return a line for each port and group that is not as it has to be; no answer is no success."""
    wanted = {
        "ports": {f"{port['node']}/{port['uplink']}": port["check"] for port in data["ports"]},
        "groups": {group["name"]: APPLIED for group in data.get("groups", ())},
    }
    return [
        f"{name}: found {harmless(states[kind].get(name, 'no answer'))}; expected {state}"
        for kind, names in wanted.items()
        for name, state in names.items()
        if states[kind].get(name) != state
    ]
