"""The mirror of intrusion detection while agents restart and while their release changes: order, repairs, alerts."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Self

from bpf.programs import MIRROR
from tests.lab.test_intrusion import NODES, give_image, give_program
from tests.lab.upgrade.ground import SPACE, Bench

MARK = "crafted between-nodes"
FLOWS = """
import pathlib, socket, sys, time
sent = 0
while not pathlib.Path("/tmp/no-more").exists():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
        call.sendto(sys.argv[2].encode(), (sys.argv[1], 9))
    sent += 1
    time.sleep(0.25)
print(sent)
"""
"""A flow each quarter of a second, each with the content of a rule."""
ORDER = """
import json, pathlib, socket, sys, time
sys.path.insert(0, "/run/order.pyz")
from bpf import programs
looks, seen = 0, {}
while not pathlib.Path("/tmp/no-more").exists():
    for number, name in socket.if_nameindex():
        if name == "eth0" or name.startswith("lxc"):
            try:
                order = [one["name"] for one in programs.tcx(number, "ingress")]
            except OSError:
                continue
            runs = seen.setdefault(f"{name} {number}", [])
            if not runs or runs[-1][0] != order:
                runs.append([order, 0])
            runs[-1][1] += 1
    looks += 1
    time.sleep(0.05)
print(json.dumps({"looks": looks, "links": seen}))
"""
"""The programs at the ingress of uplink and pod links, looked at again and again: each order, and its looks."""
Verdict = dict[str, Any]
BEHIND = 'rm -f /tmp/no-more /tmp/said; nohup python3 -c "$@" </dev/null >/tmp/said 2>/tmp/wrong &'


class Seen(NamedTuple):
    """What became of mirror and alerts while something happened."""

    looks: int
    links: dict[str, list[tuple[list[str], int]]]
    """By device: programs in their order, and for how many looks it was so."""
    sent: int
    alerts: dict[str, int]
    """Alerts of these flows, by node."""
    told: dict[str, str]
    """What the verdict says of the mirror afterwards, by node."""

    @property
    def wrong(self) -> list[str]:
        """Return each link whose mirror was not first any more, and what the first node did not alert of."""
        lost = [f"{link}: {' '.join(order)} ({looks} looks)" for link, order, looks in self._moved()]
        count = self.alerts.get(NODES[0], 0)
        return [*lost, *([f"{NODES[0]}: {count} alerts of {self.sent} flows"] if count != self.sent else [])]

    def _moved(self) -> list[tuple[str, list[str], int]]:
        """Return orders without the mirror in front on links that had it there; a new pod's link may wait for it."""
        found = []
        for link, runs in self.links.items():
            had = False
            for order, looks in runs:
                first = order[:1] == [MIRROR]
                if had and not first:
                    found.append((link, order, looks))
                had = had or first
        return found


def prepare(bench: Bench) -> None:
    """Give the nodes what the engine and the look at the order need."""
    give_image(bench.site)
    give_program(bench.site)


class Watch:
    """A look at the order again and again, and flows that have to be alerted."""

    def __init__(self, bench: Bench, before: Verdict) -> None:
        self.bench, self.before = bench, before

    def __enter__(self) -> Self:
        self.bench.site.inside(NODES[0], "sh", "-c", BEHIND, "sh", ORDER)
        self._left("sh", "-c", BEHIND, "sh", FLOWS, self.bench.site.pods()[NODES[1]], MARK)
        return self

    def __exit__(self, *_: object) -> None:
        self.bench.site.inside(NODES[0], "touch", "/tmp/no-more")
        self._left("touch", "/tmp/no-more")

    def seen(self, after: Verdict) -> Seen:
        """Return what was seen, with the alerts that a verdict of afterwards counts."""
        sent = int(self.bench.settled(lambda: self._left("cat", "/tmp/said")))
        order = json.loads(self.bench.settled(lambda: self.bench.site.inside(NODES[0], "cat", "/tmp/said")))
        was, now = alerts(self.before), alerts(after)
        grown = {node: count - was.get(node, 0) for node, count in now.items()}
        told = {one["where"]: one["found"] for one in after["checks"] if one["rule"] == "intrusion-mirror"}
        return Seen(order["looks"], order["links"], sent, grown, told)

    def _left(self, *words: str) -> str:
        return self.bench.site.good("kubectl", "-n", SPACE, "exec", "left", "--", *words)


def alerts(verdict: Verdict) -> dict[str, int]:
    """Return by node how many alerts of the flows' rule a verdict tells."""
    return {row["node"]: row["count"] for row in verdict["alerts"] if row["message"] == "between-nodes"}
