"""Let the site's adapter set the platform's check of source and destination addresses, and believe only its answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from underlay.commands.common import Failure, no_words, read_input, say
from underlay.report.columns import harmless

SECONDS = 120.0
"""For all ports together; an API that takes longer is asked again by the next update."""
SHOWN = 300

Ports = Sequence[Mapping[str, str]]


def main(argv: list[str]) -> int:
    """Read {"adapter", "ports"}, let the adapter apply them, and print what it answered."""
    no_words("ports", __doc__, argv)
    data = read_input("adapter", "ports")
    states = asked(data["adapter"], "apply", data["ports"])
    if wrong := _wrong(states, data["ports"]):
        lines = "\n".join(f"  - {line}" for line in wrong)
        raise Failure(f"adapter {data['adapter'][0]} did not set every port:\n{lines}")
    print(json.dumps(states, sort_keys=True))
    return 0


def asked(adapter: Sequence[str], action: str, ports: Ports) -> dict[str, str]:
    """Return the state of each port as the adapter answers: `NODE/UPLINK` to `disabled` or `enabled`."""
    say(harmless(f"port adapter: {' '.join(adapter)}: {action} {len(ports)} ports"))
    question = json.dumps({"action": action, "ports": list(ports)}, sort_keys=True)
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


def _states(text: str, name: str) -> dict[str, str]:
    try:
        answer: Any = json.loads(text)["ports"]
        return {str(port): str(state) for port, state in answer.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        expected = '{"ports": {"NODE/UPLINK": "disabled"}}'
        shown = harmless(text.strip()[:SHOWN])
        raise Failure(f"port adapter {name} answered {shown!r}; expected {expected}") from None


def _wrong(states: Mapping[str, str], ports: Ports) -> list[str]:
    """Return a line for each port that is not as it has to be; no answer is no success."""
    wanted = {f"{port['node']}/{port['uplink']}": port["check"] for port in ports}
    return [
        f"{port}: found {harmless(states.get(port, 'no answer'))}; expected {check}"
        for port, check in wanted.items()
        if states.get(port) != check
    ]
