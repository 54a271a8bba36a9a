"""Faults at either end of a session, put into FRR, BIRD and GoBGP while they run; each verdict names the wrong end.

`python -m tests.lab.bgp.faults [NAME ...]` starts the daemons anew for each row, breaks one thing and judges.
"""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.lab.bgp import gobgp
from tests.lab.bgp.ground import Ground, apart, until
from tests.lab.routing import PASSWORD
from tests.unit.plan_sites import Change, put, site
from tests.unit.test_plan_paths import line
from underlay.judge.verdict import Status, Verdict
from underlay.plan.bgp import objects

QUICK = put("bgp.timers", {"connect_retry": 1, "hold": 6, "keepalive": 2})
"""Faults show after a hold time."""
PATIENCE = 60.0
"""Seconds until the verdict has to name the fault."""
Made = list[dict[str, Any]]
CLUSTER, PEER, ADVERTISEMENT = "ClusterConfig", "PeerConfig", "Advertisement"


class Case:
    """One ground, with what Cilium's objects and their Secret say beside it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.made: Made = objects(ground.site)
        self.secret = PASSWORD

    def verdict(self) -> Verdict:
        """Judge what is there now."""
        return self.ground.verdict(self.made, self.secret)

    def frr(self, *commands: str, clear: str = "") -> None:
        """Change tor-a's running configuration below its `router bgp`."""
        lines = ["configure", "router bgp 65101", *commands]
        words = " ".join(
            f"-c {shlex.quote(line)}" for line in [*lines, *(["end", f"clear bgp {clear}"] if clear else [])]
        )
        self.ground.good("tor-a", f"vtysh {words}")

    def bird(self, old: str, new: str) -> None:
        """Change tor-b's file and let it read it."""
        file = self.ground.root / "run" / "tor-b" / "bird.conf"
        text = file.read_text()
        assert old in text, old
        file.write_text(text.replace(old, new))
        self.ground.good("tor-b", "birdc configure")

    def object(self, kind: str, path: str, value: object) -> None:
        """Change Cilium's first object of a kind; the nodes' daemons are another matter."""
        found = next(item for item in self.made if item["kind"] == f"CiliumBGP{kind}")
        put(path, value)(found)

    def node(self, name: str, old: str, new: str) -> None:
        """Start a node's daemon anew with another configuration."""
        text = gobgp.configuration(self.ground.site, self.ground.site.node(name), PASSWORD)
        assert old in text, old
        self.ground.stop(name)
        self.ground.restart_node(self.ground.site.node(name), text.replace(old, new))


@dataclass(frozen=True)
class Row:
    """A fault: what breaks, and the rule and the sentence that have to come of it."""

    name: str
    breaks: Callable[[Case], None]
    rule: str
    says: str
    change: tuple[Change, ...] = ()
    """How the site differs from the dev site."""


def two(*steps: Callable[[Case], None]) -> Callable[[Case], None]:
    """Return several steps as one."""

    def run(case: Case) -> None:
        for step in steps:
            step(case)

    return run


def again(*steps: tuple[Callable[[Case], object], float]) -> Callable[[Case], None]:
    """Return steps that are taken again and again while verdicts are made, each with the seconds after it."""

    def forever(case: Case) -> None:
        while True:
            for step, seconds in steps:
                step(case)
                time.sleep(seconds)

    return lambda case: threading.Thread(target=forever, args=(case,), daemon=True).start()


def many(case: Case) -> None:
    """Let cp-1 tell more prefixes than a node may."""
    for number in range(100, 120):
        case.ground.tell("cp-1", f"10.244.{number}.0/24")


def filtered(case: Case) -> None:
    """Let tor-a drop TCP segments of port 179."""
    case.ground.good("tor-a", FILTER)


def looped(case: Case) -> None:
    """Give tor-b the number of tor-a, and let the router between them know: sessions are up, paths hold a loop."""
    words = "vtysh -c configure -c 'router bgp 65103' -c 'neighbor 172.30.255.6 remote-as 65101'"
    case.ground.good("tor-c", words)
    case.bird("local 172.30.255.6 as 65102", "local 172.30.255.6 as 65101")


SHOWN = ("session-ends", "router-sessions")
"""Checks that tell a fault by themselves."""
FILTER = "nft add table ip group; nft add chain ip group block '{ type filter hook input priority 0; }'; "
FILTER += "nft add rule ip group block tcp dport 179 drop; nft add rule ip group block tcp sport 179 drop"
NODES = "neighbor UNDERLAY-NODES"
ROWS = (
    Row("router-as", lambda case: case.frr(f"{NODES} remote-as 65009"), "session-down",
        "tor-a expects AS 65009 of cp-1, which has AS 65010"),
    Row("router-as-bird", lambda case: case.bird("neighbor 172.30.2.11 as 65010", "neighbor 172.30.2.11 as 65009"),
        "session-down", "tor-b expects AS 65009 of worker-2, which has AS 65010"),
    Row("node-as", two(
        lambda case: case.object(CLUSTER, "spec.bgpInstances.0.peers.0.peerASN", 65001),
        lambda case: case.node("cp-1", "peer-as = 65101", "peer-as = 65001"),
        lambda case: case.node("worker-1", "peer-as = 65101", "peer-as = 65001"),
    ), "session-down", "cp-1 expects AS 65001 of tor-a, which has AS 65101"),
    Row("password-differs", lambda case: case.frr("neighbor 172.30.1.12 password other", clear="172.30.1.12"),
        "bgp-password", "tor-a has another password than planned for worker-1"),
    Row("password-differs-bird", lambda case: case.bird(f'password "{PASSWORD}"', 'password "other"'),
        "bgp-password", "tor-b has another password than planned for worker-2"),
    Row("password-only-at-nodes", lambda case: case.frr(f"no {NODES} password", clear="*"), "session-down",
        "tor-a has no password for cp-1"),
    Row("secret-missing", two(
        lambda case: setattr(case, "secret", ""),
        lambda case: case.node("cp-1", f'auth-password = "{PASSWORD}"', ""),
        lambda case: case.node("worker-1", f'auth-password = "{PASSWORD}"', ""),
    ), "bgp-password", "cp-1 has no password for tor-a"),
    Row("hold-time-refused", two(
        lambda case: case.object(PEER, "spec.timers.holdTimeSeconds", 1),
        lambda case: case.node("worker-2", "hold-time = 6\nkeepalive-interval = 2",
                               "hold-time = 1\nkeepalive-interval = 1"),
    ), "session-down", "worker-2 proposes 1 s of hold time to tor-b; planned 6 s"),
    Row("port-filtered", filtered, "session-down",
        "neither end's configuration contradicts the plan"),
    Row("neighbour-missing", lambda case: case.frr("no neighbor 172.30.1.11"), "session-down",
        "tor-a has no neighbour 172.30.1.11 (cp-1)"),
    Row("neighbour-shut", lambda case: case.frr("neighbor 172.30.1.11 shutdown"), "session-down",
        "tor-a has switched its session with cp-1 off"),
    Row("prefix-not-advertised", two(
        lambda case: case.object(ADVERTISEMENT, "metadata.labels", {"underlay/advertises": "nothing"}),
        lambda case: case.ground.tell("cp-1", case.ground.world.networks["cp-1"], "del"),
    ), "route-missing", "cp-1 does not advertise LoadBalancerIP, PodCIDR to tor-a"),
    Row("advertised-by-two-nodes", lambda case: case.ground.tell("worker-1", case.ground.world.networks["cp-1"]),
        "router-wrong-next-hop", "worker-1 advertises 10.244.0.0/24, which is cp-1's"),
    Row("filter-too-narrow", lambda case: case.frr(
        "exit", "no ip prefix-list UNDERLAY-PODS seq 5",
        "ip prefix-list UNDERLAY-PODS seq 5 permit 10.244.0.0/16 ge 25 le 25",
    ), "route-missing", "tor-a does not accept 10.244.0.0/16{24,24} from cp-1"),
    Row("filter-too-narrow-bird", lambda case: case.bird("10.244.0.0/16{24,24}", "10.244.3.0/24"), "route-missing",
        "tor-b does not accept 10.244.0.0/16{24,24} from worker-2"),
    Row("maximum-prefix-too-small", two(
        lambda case: case.frr("address-family ipv4 unicast", f"{NODES} maximum-prefix 1 restart 1"),
        lambda case: case.ground.tell("cp-1", "198.18.10.7/32"),
        lambda case: case.ground.tell("cp-1", "198.18.10.8/32"),  # FRR looks before it counts
    ), "session-down", "tor-a ends its session with cp-1 beyond 1 prefixes; planned 512"),
    Row("more-prefixes-than-planned", many, "session-down", "cp-1 tells more prefixes than the 16 that tor-a takes",
        (put("addresses.load_balancers", []),)),
    Row("as-path-loop-over-the-spine", looped, "route-missing",
        "tor-b speaks as AS 65101 to tor-c; planned AS 65102", (line,)),
    Row("session-flaps", again(
        (lambda case: case.ground.daemons["cp-1"][-1].send_signal(signal.SIGSTOP), 8),
        (lambda case: case.ground.daemons["cp-1"][-1].send_signal(signal.SIGCONT), 8),
    ), "session-flaps", "tor-a hears nothing from cp-1 within the hold time"),
    Row("session-reset-at-the-router", again(
        (lambda case: case.ground.good("tor-a", "vtysh -c 'clear bgp 172.30.1.12'"), 10),
    ), "session-flaps", "it is reset by hand at tor-a"),
    Row("session-reset-at-the-node", again(
        (lambda _: gobgp.reset("worker-2", "172.30.2.1"), 10),
    ), "session-flaps", "it is reset by hand at worker-2"),
    Row("router-id-not-taken-up", two(
        lambda case: case.node("worker-1", 'router-id = "198.51.100.12"', 'router-id = "172.30.1.12"'),
        lambda case: case.node("worker-2", 'router-id = "198.51.100.21"', 'router-id = "172.30.2.11"'),
    ), "router-sessions", "worker-2 172.30.2.11: router id 172.30.2.11 instead of 198.51.100.21",
        (put("nodes.1.router_id", "198.51.100.12"), put("nodes.2.router_id", "198.51.100.21"))),
    Row("bgp-daemon-frozen", lambda case: case.ground.freeze("tor-b"), "router-process", "bird is stopped by a signal"),
)  # fmt: skip


def run(row: Row) -> int:
    """Break one thing in a fresh ground; 0 where the verdict before it is silent, and the one after it names it."""
    begin = time.monotonic()
    case = Case(Ground(site(QUICK, *row.change)))
    if not case.ground.settled():
        print(f"{row.name}: not settled: {case.ground.tables()}", flush=True)
        return 1
    before = _told(case.verdict())
    row.breaks(case)
    broken, found = time.monotonic(), [("", "")]

    def named() -> bool:
        found[:] = _told(case.verdict())
        return any(rule == row.rule and row.says in sentence for rule, sentence in found)

    good = until(named, PATIENCE) and not before
    seconds = time.monotonic() - broken
    print(
        f"{row.name}: {'named' if good else 'NOT NAMED'} after {seconds:.1f} s, {broken - begin:.1f} s to begin",
        flush=True,
    )
    for rule, sentence in [*before, *found]:
        print(f"  {rule}: {sentence}", flush=True)
    return 0 if good else 1


def _told(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the causes, what both ends are said to have otherwise than planned, and what routers see of sessions."""
    ends = [
        (check.rule, check.found) for check in verdict.checks if check.rule in SHOWN and check.status is Status.FAIL
    ]
    return [*((cause.rule, cause.sentence) for cause in verdict.causes), *ends]


def main(argv: Sequence[str]) -> int:
    """Run the rows that are named, or all of them."""
    rows = [row for row in ROWS if not argv or row.name in argv]
    failed = [row.name for row in rows if apart(partial(run, row))]
    print(
        f"{len(rows) - len(failed)} of {len(rows)} faults named{': not ' + ', '.join(failed) if failed else ''}",
        flush=True,
    )
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
