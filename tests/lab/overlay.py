"""`make overlay`: the same nodes, pods and traffic by native routing and by VXLAN in turn, as pairs with their spread.

Cilium itself is changed from one to the other by its own configuration; the declaration stays as it is, and the
verification has to say that packets are encapsulated. Offloads of the uplinks are on in one half of the pairs and off
in the other: only without them does each packet pass the machine one by one, as it passes a switch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.paths import repo
from tests.lab.faults.campaign import Unhealthy, healthy
from tests.lab.faults.ground import Ground, entered, namespace_process
from tests.lab.faults.report import origin
from tests.lab.faults.score import said
from tests.lab.load import KINDS, PORT, SERVER, Kind, Measured, answers, measure
from tests.lab.paired import ratio
from tests.lab.ratios import Line, ratios
from tests.lab.site import Site, running, until

SPACE, IMAGE = "underlay-bench", "underlay.lab/probe:1"
PLACES = {"left": "worker-1", "right": "worker-3"}
"""Pod to node: one in each rack."""
ROUNDS = 6
OFFLOADS = ("tso", "gso", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")
FOLDER = repo() / "docs" / "results"
SYSTEM = ("kubectl", "-n", "kube-system")

Row = tuple[str, Kind]
"""Whether offloads are on, and what is measured."""
ROWS: tuple[Row, ...] = tuple((offloads, kind) for offloads in ("on", "off") for kind in KINDS)


@dataclass
class Bench:
    """Two pods on the running site, and how Cilium routes between them."""

    site: Site
    mtu: dict[str, int] = field(default_factory=dict)

    def route(self, mode: str) -> None:
        """Let Cilium route so, and make the pods anew, so that they get that mode's MTU."""
        patch = json.dumps({"data": {"routing-mode": mode}})
        self.site.good(*SYSTEM, "patch", "configmap", "cilium-config", "-p", patch)
        self.site.good(*SYSTEM, "rollout", "restart", "daemonset/cilium")
        self.site.long(*SYSTEM, "rollout", "status", "daemonset/cilium", "--timeout=200s")
        self.start()
        self.mtu[mode] = int(self._exec("cat", "/sys/class/net/eth0/mtu"))

    def start(self) -> None:
        """Make both pods and wait for the server's answer."""
        self.stop()
        items = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, *map(_pod, PLACES)]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.site.good("exec", "--", "sh", "-c", 'printf %s "$1" | kubectl apply -f -', "sh", text)
        assert until(lambda: len(self.addresses()) == len(PLACES), 120), "the pods do not start"
        answers(self.client(), self.addresses()["right"])

    def stop(self) -> None:
        """Remove the pods."""
        self.site.run("kubectl", "-n", SPACE, "delete", "pod", "--all", "--now", "--wait=true")

    def addresses(self) -> dict[str, str]:
        """Return the addresses of the pods that run."""
        items = json.loads(self.site.good("kubectl", "-n", SPACE, "get", "pods", "-o", "json"))["items"]
        return {item["metadata"]["name"]: item["status"]["podIP"] for item in items if _ready(item)}

    def client(self) -> list[str]:
        """Return the words before a command that let it run in the client's network namespace."""
        number = int(self._exec("readlink", "/proc/self/ns/net").strip().removeprefix("net:[").removesuffix("]"))
        return ["nsenter", f"--net=/proc/{namespace_process(number)}/ns/net"]

    def measure(self) -> dict[Row, Measured]:
        """Return what each row measures now."""
        host, words = self.addresses()["right"], self.client()
        found: dict[Row, Measured] = {}
        for offloads in ("on", "off"):
            with offloaded(offloads):
                found |= {row: measure(words, host, row[1]) for row in ROWS if row[0] == offloads}
        return found

    def _exec(self, *words: str) -> str:
        return self.site.good("kubectl", "-n", SPACE, "exec", "left", "--", *words)


def _ready(pod: dict[str, object]) -> bool:
    status = pod["status"]
    assert isinstance(status, dict)
    return any(one["status"] == "True" and one["type"] == "Ready" for one in status.get("conditions", ()))


def _pod(name: str) -> dict[str, object]:
    container = {"name": "python", "image": IMAGE, "command": ["python3", "-c", SERVER, str(PORT)]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"nodeName": PLACES[name], "tolerations": [{"operator": "Exists"}], "containers": [container]},
    }


@contextmanager
def offloaded(wanted: str) -> Iterator[None]:
    """Set the segmentation offloads of both nodes' uplinks, and set them on again."""
    try:
        _offload(wanted)
        yield
    finally:
        _offload("on")


def _offload(wanted: str) -> None:
    for node in PLACES.values():
        words = [*entered(node), "ethtool", "-K", "eth0", *(word for name in OFFLOADS for word in (name, wanted))]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{node}: {done.stderr}"


def main(argv: list[str]) -> int:
    """Measure the pairs, print and keep table and picture; exit code 1 if VXLAN was not found by the verification."""
    parser = argparse.ArgumentParser(prog="tests.lab.overlay", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs for each row, at least 2")
    rounds = max(2, parser.parse_args(argv).rounds)
    ground, bench = Ground(), Bench(running())
    healthy(ground)
    found: list[dict[str, dict[Row, Measured]]] = []
    told: list[str] = []
    try:
        for number in range(rounds):
            order = ("native", "tunnel") if number % 2 == 0 else ("tunnel", "native")
            found.append({mode: _taken(bench, mode) for mode in order})
            print(f"pair {number + 1} of {rounds} measured, load average {os.getloadavg()[0]:.1f}", flush=True)
        bench.route("tunnel")
        told = said(ground.verify())
    finally:
        bench.route("native")
        bench.stop()
    lines = _lines(found)
    _keep(bench, lines, told, rounds)
    try:
        healthy(ground)
    except Unhealthy as error:
        told = []
        print(f"not silent after native routing is back: {error}")
    return 0 if any("encapsulated" in text for text in told) else 1


def _taken(bench: Bench, mode: str) -> dict[Row, Measured]:
    bench.route(mode)
    return bench.measure()


def _lines(found: Sequence[dict[str, dict[Row, Measured]]]) -> list[Line]:
    lines = []
    for row in ROWS:
        pairs = [(one["native"][row], one["tunnel"][row]) for one in found]
        rates = ratio([(native.rate, tunnel.rate) for native, tunnel in pairs])
        costs = ratio([(native.processor, tunnel.processor) for native, tunnel in pairs])
        native, tunnel = (sorted(pair[side].rate for pair in pairs)[len(pairs) // 2] for side in (0, 1))
        lines.append(Line(f"{row[1].name}, offloads {row[0]}", row[1].unit, native, tunnel, rates, costs))
    return lines


def _keep(bench: Bench, lines: Sequence[Line], told: Sequence[str], rounds: int) -> None:
    where = origin()
    text = "\n".join([*_head(bench, rounds, where), *_table(lines), "", *_after(told), ""])
    print(text)
    (FOLDER / "overlay.md").write_text(text, encoding="utf-8")
    (FOLDER / "overlay.svg").write_text(ratios(lines), encoding="utf-8")


def _head(bench: Bench, rounds: int, where: dict[str, str]) -> list[str]:
    return [
        "# Native routing beside VXLAN, on the same nodes",
        "",
        f"`make overlay ROUNDS={rounds}`, commit {where['commit']}, {where['date']}.",
        f"A pod on {PLACES['left']} to a pod on {PLACES['right']}, over both racks' routers. MTU of the pods' links:",
        f"{bench.mtu['native']} native, {bench.mtu['tunnel']} by VXLAN; the uplinks' MTU is 1500.",
        "",
        "![Ratios](overlay.svg)",
        "",
    ]


def _table(lines: Sequence[Line]) -> list[str]:
    rows = ["| traffic | native | VXLAN | rate, native : VXLAN | processor for the same, native : VXLAN |"]
    rows.append("| --- | ---: | ---: | --- | --- |")
    for one in lines:
        middle = f"{one.native:,.0f} {one.unit} | {one.tunnel:,.0f} {one.unit}"
        rows.append(f"| {one.name} | {middle} | {one.rates.text} | {one.costs.text} |")
    return rows


def _after(told: Sequence[str]) -> list[str]:
    return [
        "Middle of the pairs' ratios, in brackets its 95 % interval and what was seen; native is better above 1 in the",
        "fourth column, and below 1 in the fifth. All machines share two virtual cores and links are memory, so rates",
        "say what the processors can do, not what a wire can; a card's offloads for VXLAN and its queues are not here.",
        "With offloads on a native packet of 64 KiB passes uncut, which flatters native routing; with offloads off the",
        "uplinks do not merge what they receive either (`generic-receive-offload` is off), which real cards do.",
        "",
        "What the verification said while Cilium was in tunnel mode:",
        "",
        *(f"- {text}" for text in told[:8]),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
