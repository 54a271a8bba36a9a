"""What a change costs while pods talk: sessions that end and packets that are lost, applied as the product does.

`python -m tests.lab.bgp.changes [NAME ...]` prints a row of a table for each change of the dev site; `--running` takes
the running lab, where the engine applies it and Cilium's own agents follow.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from lab.surroundings import stack_file
from tests.lab.bgp import gobgp
from tests.lab.bgp.faults import QUICK
from tests.lab.bgp.ground import Ground, apart
from tests.lab.bgp.stream import Stream
from tests.lab.routing import PASSWORD, router_id
from tests.unit.plan_sites import Change, Data, put, site
from underlay.commands.stack_file import SITE
from underlay.model import Platform, Router, Site
from underlay.plan.routers import PASSWORD_MARK, router_text
from underlay.remote.frr_lines import additions, entries, removals

BEFORE, AFTER = 1.0, 16.0
PASSES = 3
"""FRR takes some changes only in a second pass, as in `underlay.remote.frr`."""
OTHER = "rotated"


class Bench:
    """A ground, and the ways in which its configurations change."""

    def __init__(self) -> None:
        self.site = site(QUICK)
        self.ground = Ground(self.site)

    def routers(self, after: Site, password: str = PASSWORD) -> None:
        """Bring both routers to what is rendered for another site, or with another password."""
        for router in self.site.routers:
            text = router_text(after, after.router(router.name)).replace(PASSWORD_MARK, password)
            (self._bird if router.platform is Platform.BIRD else self._frr)(router, text)

    def _frr(self, router: Router, text: str) -> None:
        file = self.ground.root / "run" / router.name / "commands"
        old = entries(self.ground.text(router))
        for _ in range(PASSES):
            running = entries(self.ground.good(router.name, "vtysh -c 'show running-config'"))
            commands = [*removals(running, old, entries(text)), *additions(running, entries(text))]
            if not commands:
                return
            file.write_text("\n".join(commands) + "\n")
            self.ground.inside(router.name, "vtysh -f /run/frr/commands")

    def _bird(self, router: Router, text: str) -> None:
        head = f"router id {router_id(self.site, router.name)};\n"
        (self.ground.root / "run" / router.name / "bird.conf").write_text(head + text)
        self.ground.good(router.name, "birdc configure")

    def nodes(self, password: str) -> None:
        """Give the nodes' daemons another password, as the agent does when the Secret changes: without a restart."""
        for node in self.site.nodes:
            file = self.ground.root / "run" / node.name / "gobgp.toml"
            file.write_text(gobgp.configuration(self.site, node, password))
            self.ground.daemons[node.name][-1].send_signal(signal.SIGHUP)

    def mark(self) -> None:
        """Let the nodes advertise with a community, as after a change of the advertisement."""
        for name, network in self.ground.world.networks.items():
            words = ["global", "rib", "add", network, "community", "65010:100"]
            command = ["ip", "netns", "exec", name, str(gobgp.program("gobgp")), *words]
            subprocess.run(command, check=True, capture_output=True)

    def since(self) -> dict[tuple[str, str], str]:
        """Return by both ends since when a session is up: as GoBGP says it, and BIRD of other routers."""
        found = {
            (node.name, remote): told for node in self.site.nodes for remote, told in gobgp.since(node.name).items()
        }
        lines = self.ground.good("tor-b", "birdc show protocols").splitlines()
        peers = [line.split() for line in lines if line.startswith("underlay_peer_") and "Established" in line]
        return found | {("tor-b", words[0]): words[4] for words in peers}


def _more(data: Data) -> None:
    data["nodes"].append({**data["nodes"][1], "name": "worker-9", "address": "172.30.1.99"})


def _spine(data: Data) -> None:
    for number, router in enumerate(data["routers"][:2]):
        ends = {"local": f"172.30.255.{20 + 2 * number}", "remote": f"172.30.255.{21 + 2 * number}"}
        router["neighbors"].append({"name": "tor-c", "asn": 65103, **ends})
    back = [
        {
            "name": f"tor-{'ab'[n]}",
            "asn": 65101 + n,
            "local": f"172.30.255.{21 + 2 * n}",
            "remote": f"172.30.255.{20 + 2 * n}",
        }
        for n in range(2)
    ]
    data["routers"].append({"name": "tor-c", "platform": "frr", "asn": 65103, "managed": False, "neighbors": back})


def _grown(bench: Bench, *changes: Change) -> None:
    bench.routers(site(QUICK, *changes))


class Row(NamedTuple):
    """A change."""

    name: str
    what: str
    does: Callable[[Bench], None]


def _rotated(bench: Bench, *, nodes_first: bool) -> None:
    if nodes_first:
        bench.nodes(OTHER)
    bench.routers(bench.site, OTHER)
    if not nodes_first:
        bench.nodes(OTHER)


class Edit(NamedTuple):
    """A change of the running lab's stack, applied by the engine."""

    name: str
    what: str
    words: tuple[str, ...]
    """Of `pulumi config set`."""


EDITS = (
    Edit("advertisement", "advertisement: a community more", ("--path", f"{SITE}.bgp.communities[0]", "65010:100")),
    Edit("password", "password, at both ends", ("--secret", "cilium-underlay:bgpPassword", OTHER)),
    Edit("hold-time", "hold time 9 s to 12 s, at both ends", ("--path", f"{SITE}.bgp.timers.hold", "12")),
)
APPLYING = 75.0
"""Seconds of the stream while an update is applied."""


def _apply(words: list[str], begun: list[subprocess.Popen[str]]) -> None:
    begun.append(subprocess.Popen(words, text=True, stdout=subprocess.DEVNULL))


def running(edits: Sequence[Edit]) -> int:
    """Apply changes to the running lab, and print what each cost sessions and pods."""
    from tests.lab.bgp.running import Running  # needs a lab that runs

    lab = Running()
    wrong, engine, kept = 0, [sys.executable, "-m", "lab", "pulumi"], stack_file().read_bytes()
    for edit in edits:
        before, stream, begun = lab.since(), Stream(lab), list[subprocess.Popen[str]]()
        subprocess.run([*engine, "config", "set", *edit.words], check=True, capture_output=True)
        stream.run(BEFORE + APPLYING, BEFORE, partial(_apply, [*engine, "up", "--yes", "--skip-preview"], begun))
        wrong += begun[0].wait() != 0
        lab.settled()
        after = lab.since()
        ended = sum(ends not in after or after[ends] - told > 1 for ends, told in before.items())
        _print(edit.what, stream, f"{ended} of {len(before)}", back=True)
    stack_file().write_bytes(kept)
    subprocess.run([*engine, "up", "--yes", "--skip-preview"], check=True, stdout=subprocess.DEVNULL)
    return 1 if wrong or not edits else 0


DYNAMIC = (put("routers.0.dynamic_nodes", True), put("routers.1.dynamic_nodes", True))
ROWS = (
    Row("advertisement", "advertisement: a community more", Bench.mark),
    Row("node", "a node more, routers name each", lambda bench: _grown(bench, _more)),
    Row("router", "a router more, neighbour of both", lambda bench: _grown(bench, _spine)),
    Row("dynamic", "routers take nodes by their segment from now on", lambda bench: _grown(bench, *DYNAMIC)),
    Row("hold-time", "hold time 6 s to 9 s, at the routers", lambda bench: _grown(bench, put("bgp.timers.hold", 9))),
    Row("password-routers-first", "password, routers then nodes", partial(_rotated, nodes_first=False)),
    Row("password-nodes-first", "password, nodes then routers", partial(_rotated, nodes_first=True)),
)


def run(row: Row) -> int:
    """Measure one change in a fresh ground and print its row; 1 where all is not back afterwards."""
    bench = Bench()
    if not bench.ground.settled(90):
        print(f"| {row.what} | not settled |", flush=True)
        return 1
    before, stream = bench.since(), Stream(bench.ground.world)
    stream.run(BEFORE + AFTER, BEFORE, lambda: row.does(bench))
    back = bench.ground.settled(60)
    after = bench.since()
    ended = sum(after.get(ends) != told for ends, told in before.items())
    _print(row.what, stream, f"{ended} of {len(before)}", back=back)
    return 0 if back else 1


def _print(what: str, stream: Stream, ended: str, *, back: bool) -> None:
    losses = stream.losses().values()
    lost, sent = sum(one.lost for one in losses), sum(one.sent for one in losses)
    seconds = max((one.seconds for one in losses), default=0.0)
    parts = (what, ended, f"{lost:,} of {sent:,}", f"{seconds:.2f} s", "yes" if back else "no")
    print(f"| {' | '.join(parts)} |", flush=True)


def main(argv: Sequence[str]) -> int:
    """Measure the rows that are named, or all of them."""
    if argv[:1] == ["--running"]:
        return running([edit for edit in EDITS if not argv[1:] or edit.name in argv[1:]])
    rows = [row for row in ROWS if not argv or row.name in argv]
    print("| change | sessions ended | packets lost | in | all back |\n|---|---|---|---|---|", flush=True)
    return 1 if sum(apart(partial(run, row)) != 0 for row in rows) or not rows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
