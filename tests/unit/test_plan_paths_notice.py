"""When a loss is noticed: at once by a port's carrier, after the hold time by silence, or a graceful restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.plan_sites import drop, site
from underlay.__main__ import main
from underlay.plan.paths import Kind, Loss
from underlay.plan.paths.notice import AT_ONCE, Way, notice

ROUTER, LINK = Loss(Kind.ROUTER, "tor-a"), Loss(Kind.LINK, "tor-a", "tor-b")
UPLINK = Loss(Kind.UPLINK, "tor-a", "rack-a")
DAEMON, AGENT = Loss(Kind.BGP, "tor-a"), Loss(Kind.AGENT, "", "rack-a")


@pytest.mark.parametrize(
    ("loss", "way", "seconds", "loses"),
    [
        (ROUTER, Way.PORTS, AT_ONCE, True),
        (LINK, Way.PORTS, AT_ONCE, True),
        (UPLINK, Way.PORTS, 9.0, True),
        (ROUTER, Way.HUNG, 9.0, True),
        (DAEMON, Way.FROZEN, 9.0, False),
        (DAEMON, Way.ENDED, AT_ONCE, True),
        (AGENT, Way.ENDED, 120.0, False),
    ],
)
def test_a_loss_is_noticed_by_what_the_site_declares(loss: Loss, way: Way, seconds: float, loses: bool) -> None:
    found = notice(site().bgp, loss, way)
    assert (found.seconds, found.loses) == (seconds, loses)


def test_without_graceful_restart_an_agent_s_pods_are_lost_at_once() -> None:
    found = notice(site(drop("bgp.graceful_restart")).bgp, AGENT, Way.ENDED)
    assert (found.seconds, found.loses) == (AT_ONCE, True)


@pytest.mark.parametrize(("way", "told"), [(Way.HUNG, False), (Way.PORTS, True)])
def test_nodes_notice_ports_and_nothing_else(way: Way, told: bool) -> None:
    assert notice(site().bgp, ROUTER, way).nodes_notice is told


def test_programs_read_it_of_each_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", "--json", "--site", str(Path(__file__).parents[2] / "Pulumi.dev.yaml")]) == 0
    losses = json.loads(capsys.readouterr().out)["losses"]
    assert {(one["kind"], one["noticed"]["seconds"]) for one in losses} >= {("router", AT_ONCE), ("agent", 120.0)}
