"""The program by which pods ask each other's ports on the lab, asked about this machine's."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

from tests.lab.policy_pods import CLIENT, SERVER
from tests.lab.site import until


def test_the_pods_client_tells_answers_refusals_and_silence_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        served = [f"TCP/{port}", f"UDP/{port}"]
        unheard = [f"TCP/{mute.getsockname()[1]}", f"UDP/{deaf.getsockname()[1]}"]
        before = asked([("127.0.0.1", one) for one in served])
        server = subprocess.Popen([sys.executable, "-c", SERVER, *served])
        try:
            assert until(lambda: asked([("127.0.0.1", one) for one in served]) == ["yes", "yes"], 20)
            assert (before, asked([("127.0.0.1", one) for one in unheard])) == (["refused"] * 2, ["silent"] * 2)
        finally:
            server.kill()
            server.wait()


def asked(ports_: list[tuple[str, str]]) -> list[str]:
    """Ask from this machine by the program that the pods run."""
    words = [sys.executable, "-c", CLIENT, json.dumps(ports_)]
    found: list[str] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found
