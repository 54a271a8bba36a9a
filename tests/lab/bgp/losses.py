"""Routers, links and daemons lost while pods talk: packets and seconds, beside what the plan forecasts.

`python -m tests.lab.bgp.losses [--busy] [NAME ...]` starts the site of every mechanism anew for each row and prints a
line of JSON; `--running` takes the running lab and Cilium's own agents instead; `--page FILE` makes a table of them.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.lab.bgp.ground import Ground, apart
from tests.lab.bgp.stream import Loss as Lost
from tests.lab.bgp.stream import Stream
from tests.lab.world import Case
from tests.unit.corpus import site as of_corpus
from tests.unit.plan_sites import put
from underlay.model import Site, load_site
from underlay.plan.paths import Kind, Loss, Pair, Status, solve
from underlay.plan.paths.notice import Notice, Way, notice

BEFORE, AFTER = 1.0, 14.0
"""Seconds of the stream before and after what happens; longer than the hold time."""
TIMERS = {"connect_retry": 1, "hold": 6, "keepalive": 2}
SLACK = 1.0
"""Seconds by which a machine may be late that does nothing else."""
BUSY = TIMERS["keepalive"] + SLACK
"""The same for one that does: a last keepalive that is read late puts the end of the hold time off by as much."""
WAYS: dict[Way, str] = {
    Way.PORTS: "its ports go down",
    Way.ENDED: "ended",
    Way.FROZEN: "frozen",
    Way.HUNG: "hangs, its ports stay up",
}
HANG = "nft add table ip hung; " + "; ".join(
    f"nft add chain ip hung {hook} '{{ type filter hook {hook} priority 0; policy drop; }}'"
    for hook in ("input", "forward", "output")
)


class Row(NamedTuple):
    """A loss, and how it comes about."""

    name: str
    loss: Loss
    way: Way
    signal: int = 0


def rows(frr: str, bird: str, *, link: tuple[str, str], rack: str) -> tuple[Row, ...]:
    """Return what a site with an FRR and a BIRD can lose: routers, a link of each kind, daemons, an agent."""
    return (
        Row("router-frr", Loss(Kind.ROUTER, frr), Way.PORTS),
        Row("router-bird", Loss(Kind.ROUTER, bird), Way.PORTS),
        Row("link", Loss(Kind.LINK, *link), Way.PORTS),
        Row("rack-link", Loss(Kind.RACK_LINK, frr, rack), Way.PORTS),
        Row("uplink", Loss(Kind.UPLINK, bird, "rack-b"), Way.PORTS),
        Row("daemon-killed-frr", Loss(Kind.BGP, frr), Way.ENDED, signal.SIGKILL),
        Row("daemon-killed-bird", Loss(Kind.BGP, bird), Way.ENDED, signal.SIGKILL),
        Row("daemon-frozen-frr", Loss(Kind.BGP, frr), Way.FROZEN, signal.SIGSTOP),
        Row("daemon-frozen-bird", Loss(Kind.BGP, bird), Way.FROZEN, signal.SIGSTOP),
        Row("router-hangs-frr", Loss(Kind.ROUTER, frr), Way.HUNG),
        Row("router-hangs-bird", Loss(Kind.ROUTER, bird), Way.HUNG),
        Row("agent-killed", Loss(Kind.AGENT, "", "rack-b"), Way.ENDED, signal.SIGKILL),
    )


ROWS = (
    *rows("tor-c", "tor-d", link=("tor-a", "tor-c"), rack="rack-b"),
    Row("router-of-shared-gateways", Loss(Kind.ROUTER, "tor-a"), Way.PORTS),
    Row("daemon-ended-frr", Loss(Kind.BGP, "tor-c"), Way.ENDED, signal.SIGTERM),
    Row("daemon-ended-bird", Loss(Kind.BGP, "tor-d"), Way.ENDED, signal.SIGTERM),
)
DUAL = rows("tor-a", "tor-b", link=("tor-a", "tor-b"), rack="rack-a")
"""Those of the dev site with every node behind both routers; there, what is killed is started again."""


class Stand(Protocol):
    """Where losses happen: daemons in bare namespaces, or the running lab."""

    @property
    def site(self) -> Site:
        """Return what is declared."""

    @property
    def world(self) -> Any:
        """Return its machines and pods."""

    def good(self, name: str, command: str) -> str:
        """Run a command in a machine."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a machine's BGP daemon."""


def declared() -> Site:
    """Return the site that has a rack of each mechanism with several routers, with quick timers."""
    data = of_corpus("every-mechanism")
    put("bgp.timers", TIMERS)(data)
    return load_site(data)


def happen(ground: Stand, row: Row) -> None:
    """Let a loss happen; shared gateways move at once, because no VRRP runs here."""
    world = ground.world
    match row.way:
        case Way.PORTS:
            world.set_ports(row.loss, "down")
            world.give_gateways(Case(row.loss, 0))
        case Way.HUNG:
            ground.good(row.loss.router, HANG)
        case _:
            name = row.loss.router or world.first[row.loss.other]
            ground.signal(name, row.signal)


def run(row: Row, slack: float = SLACK) -> int:
    """Measure one row in a fresh ground and print it as one line of JSON."""
    site = declared()
    ground = Ground(site)
    ground.world.give_gateways(Case(None, 0))
    if not ground.settled(90):
        print(json.dumps({"row": row.name, "wrong": "not settled"}), flush=True)
        return 1
    return measure(ground, row, slack)


def measure(ground: Stand, row: Row, slack: float) -> int:
    """Let a loss happen while pods talk, and print what it came to."""
    site, stream = ground.site, Stream(ground.world)
    stream.run(BEFORE + AFTER, BEFORE, partial(happen, ground, row))
    told = notice(site.bgp, row.loss, row.way)
    wrong = contradictions(site, row, told, stream.losses(), slack)
    found = {f"{one} to {other}": lost._asdict() for (one, other), lost in stream.losses().items() if lost.lost}
    result = {
        "row": row.name,
        "loss": str(row.loss),
        "way": "killed" if row.signal == signal.SIGKILL else WAYS[row.way],
        "forecast": told._asdict(),
        "lost": found,
    }
    print(json.dumps(result | {"wrong": wrong}), flush=True)
    return 1 if wrong else 0


def contradictions(
    site: Site, row: Row, told: Notice, losses: dict[tuple[str, str], Lost], slack: float = SLACK
) -> list[str]:
    """Return where the forecast does not hold: lost for longer than it takes to notice, or still lost."""
    silent = row.way in {Way.ENDED, Way.HUNG} and row.loss.router != ""
    lasting = solve(site).harm(Loss(Kind.BGP, row.loss.router)) if silent else {}
    found = []
    for (source, target), lost in losses.items():
        for_good = lasting.get(Pair(source, target), Status.CARRIED) is not Status.CARRIED
        longest = float("inf") if for_good else told.seconds + slack if told.loses else 0.0
        if lost.lost and (lost.seconds > longest or (lost.still and not for_good)):
            found.append(f"{source} to {target}: {lost.seconds:.2f} s, {lost.still} connections still lose")
    return found


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table for people."""
    lines = [HEAD]
    for one in results:
        told, lost = one["forecast"], one["lost"].values()
        back = [item for item in lost if not item["still"]]
        good = [item for item in lost if item["still"]]
        until = f"{told['seconds']:g} s ({told['by']})" if told["loses"] else "nothing lost"
        after = "" if told["nodes_notice"] else "; nodes go on sending there"
        parts = (
            f"{sum(item['lost'] for item in back):,} in {max((item['seconds'] for item in back), default=0):.2f} s",
            f"{sum(item['lost'] for item in good):,} of {sum(item['sent'] for item in good):,}" if good else "0",
        )
        lines.append(f"| {one['loss']} | {one['way']} | {until}{after} | {parts[0]} | {parts[1]} |")
    return "\n".join(lines) + "\n"


def running(rows: Sequence[Row]) -> int:
    """Measure rows on the running lab, one after the other; each is healed before the next."""
    from tests.lab.bgp.running import Running  # needs a lab that runs

    lab, wrong = Running(), 0
    for row in rows:
        wrong += measure(lab, row, lab.site.bgp.timers.keepalive + SLACK)
        lab.heal(row.loss)
    return 1 if wrong or not rows else 0


HEAD = """\
| what | how | forecast | lost until noticed | lost as long as it lasts |
|---|---|---|---|---|"""


def main(argv: Sequence[str]) -> int:
    """Measure the rows that are named, or all of them."""
    if argv[:1] == ["--page"]:
        print(page([json.loads(line) for line in Path(argv[1]).read_text().splitlines()]), end="")
        return 0
    if argv[:1] == ["--running"]:
        return running([row for row in DUAL if not argv[1:] or row.name in argv[1:]])
    slack, names = (BUSY, argv[1:]) if argv[:1] == ["--busy"] else (SLACK, argv)
    rows = [row for row in ROWS if not names or row.name in names]
    return 1 if sum(apart(partial(run, row, slack)) != 0 for row in rows) or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
