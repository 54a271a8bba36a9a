"""`python -m tests.lab.faults.healthy`: the healthy site idle, under load, and while pods restart: silence."""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from lab.paths import repo
from tests.lab.faults import proof
from tests.lab.faults.campaign import healthy, keep
from tests.lab.faults.ground import Ground
from tests.lab.faults.report import FOLDER, origin
from tests.lab.faults.score import said, silent
from tests.lab.site import until

RUNS = 100
SPACE = "underlay-load"
"""Namespace of the pods that make load, and that are restarted."""
SINK = """
import socket, threading
def take(connection):
    while connection.recv(1 << 16):
        pass
server = socket.create_server(("", 5201), backlog=16)
while True:
    threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()
"""
SOURCE = """
import os, socket, sys, time
block, rate = bytes(1 << 16), 4_000_000
while True:
    try:
        with socket.create_connection((os.environ[sys.argv[1]], 5201), 5) as there:
            while True:
                there.sendall(block)
                time.sleep(len(block) / rate)
    except OSError:
        time.sleep(1)
"""
"""A bounded TCP stream from the lab's own image: 4 MB a second, both ways at once."""
PAIRS = (("worker-1", "worker-3"), ("worker-3", "worker-1"), ("worker-2", "cp-1"))
SINKS = [f"sink-{number}" for number in range(len(PAIRS))]


def main(argv: list[str]) -> int:
    """Take the verdicts, a third of them in each state, and print how many were silent; exit code 0 if all were."""
    parser = argparse.ArgumentParser(prog="tests.lab.faults.healthy", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args(argv)
    ground = Ground()
    healthy(ground)
    counts = [options.runs - 2 * (options.runs // 3), options.runs // 3, options.runs // 3]
    found = {name: around(ground, count) for (name, around), count in zip(STATES.items(), counts, strict=True)}
    loud = [text for seen in found.values() for text in seen.alarms]
    lacking = [f"{name} was not what it says: {text}" for name, seen in found.items() for text in seen.lacking]
    times = [second for seen in found.values() for second in seen.seconds]
    figures = ", ".join(f"{name} {len(seen.seconds)}{seen.proof}" for name, seen in found.items())
    text = (
        f"healthy, host routing {ground.profile}: {len(loud)} false alarms in {len(times)} runs ({figures}); "
        f"a verdict took {statistics.median(times):.1f} s, at most {max(times):.1f} s"
    )
    print("\n".join([text, *loud, *lacking]), flush=True)
    _record(ground.profile, text, [*loud, *lacking], argv)
    return 1 if loud or lacking else 0


def _record(profile: str, text: str, loud: Sequence[str], argv: Sequence[str]) -> None:
    folder = repo() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    when = {"command": " ".join(["python -m tests.lab.faults.healthy", *argv]), **origin()}
    content = {"profile": profile, **when, "figures": text, "alarms": list(loud)}
    (folder / f"healthy-{profile}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class Seen(NamedTuple):
    """What was said where nothing should have been, the seconds of each verdict, and what else happened meanwhile."""

    alarms: list[str]
    seconds: list[float]
    proof: str = ""
    lacking: Sequence[str] = ()
    """What should have happened meanwhile, and did not."""


def look(ground: Ground, name: str, count: int) -> Seen:
    """Take as many verdicts; each that is not silent is an alarm, and its evidence is kept."""
    alarms: list[str] = []
    seconds: list[float] = []
    for number in range(count):
        begun = time.monotonic()
        verdict = ground.verify()
        seconds.append(time.monotonic() - begun)
        if not silent(verdict):
            keep(ground, f"alarm-{name}-{number}")
            alarms.append(f"{name} {number}, {datetime.now(UTC):%H:%M:%S}: {'; '.join(said(verdict))}")
    return Seen(alarms, seconds)


def idle(ground: Ground, count: int) -> Seen:
    """Look while nothing else happens."""
    return look(ground, "idle", count)


def loaded(ground: Ground, count: int) -> Seen:
    """Look while streams run between the racks, both ways."""
    with streams():
        before = proof.received(SPACE, SINKS)
        seen = look(ground, "load", count)
        text, lacking = proof.traffic(before, proof.received(SPACE, SINKS))
        return seen._replace(proof=text, lacking=lacking)


def restarting(ground: Ground, count: int) -> Seen:
    """Look while pods with streams are replaced one after the other, again and again."""
    with streams():
        before = proof.workloads(SPACE)
        command = "while :; do kubectl -n $0 rollout restart deployment; sleep 8; done"
        restarts = subprocess.Popen(["bash", "-c", command, SPACE], stdout=subprocess.DEVNULL)
        try:
            seen = look(ground, "restart", count)
            text, lacking = proof.replaced(before, proof.workloads(SPACE))
            return seen._replace(proof=text, lacking=lacking)
        finally:
            restarts.kill()
            restarts.wait()


STATES: dict[str, Callable[[Ground, int], Seen]] = {"idle": idle, "load": loaded, "restart": restarting}


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Run sinks and sources as deployments, with a service for each sink."""
    objects: list[dict[str, object]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}]
    for number, (one, other) in enumerate(PAIRS):
        sink, source = SINKS[number], f"source-{number}"
        objects += [_deployment(sink, other, ["-c", SINK]), _service(sink)]
        objects.append(_deployment(source, one, ["-c", SOURCE, f"SINK_{number}_SERVICE_HOST"]))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    proof.kubectl("apply", "-f", "-", text=text)
    try:
        proof.kubectl("-n", SPACE, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=90s")
        if not until(lambda: min(proof.received(SPACE, SINKS).values()) >= proof.LEAST):
            sys.exit(f"the streams do not run: {proof.received(SPACE, SINKS)} bytes taken")
        yield
    finally:
        proof.kubectl("delete", "namespace", SPACE, "--wait=true", "--timeout=90s")


def _deployment(name: str, node: str, args: list[str]) -> dict[str, object]:
    labels = {"app": name}
    container = {"name": "python", "image": "underlay.lab/probe:1", "command": ["python3", *args]}
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def _service(name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"selector": {"app": name}, "ports": [{"port": 5201}]},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
