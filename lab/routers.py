"""Routers and the outside neighbour: their daemons run with the base configuration of Debian's packages."""

from __future__ import annotations

from lab.hardware import Machine
from lab.outfit import Outfit, Service

SYSCTLS = """\
net.ipv4.ip_forward = 1
net.ipv4.fib_multipath_hash_policy = 1
net.ipv4.conf.*.rp_filter = 0
net.ipv4.conf.*.send_redirects = 0
"""

FRR_CONFIG = """\
frr version 8.4.4
frr defaults traditional
hostname {name}
log file /var/log/lab/frr.log informational
service integrated-vtysh-config
!
"""

BIRD_CONFIG = """\
log "/var/log/lab/bird-routing.log" all;
router id {router_id};
protocol device {{
}}
include "/etc/bird/conf.d/*.conf";
"""

DEFAULT_CONFIG = """\
protocol static everything_else {
    ipv4;
    route 0.0.0.0/0 unreachable;
}
"""
OUTSIDE_CONFIG = """\
protocol direct {{
    ipv4;
    interface "lo";
}}
protocol kernel {{
    ipv4 {{ export where source = RTS_BGP; }};
    merge paths on;
}}
protocol bgp {port} {{
    local as {asn};
    neighbor {peer} as {peer_asn};
    connect retry time 2;
    connect delay time 1;
    error wait time 1, 4;
    ipv4 {{ import all; export where source = RTS_DEVICE || source = RTS_STATIC; }};
}}
"""


def frr(machine: Machine) -> Outfit:
    """Return an FRR router: zebra, staticd and bgpd, one integrated configuration."""
    return Outfit(
        files={
            "/etc/sysctl.d/10-router.conf": SYSCTLS,
            "/etc/frr/frr.conf": FRR_CONFIG.format(name=machine.name),
            "/etc/frr/vtysh.conf": "service integrated-vtysh-config\n",
            "/etc/frr/daemons": "zebra=yes\nbgpd=yes\nstaticd=yes\nvtysh_enable=yes\n",
        },
        commands=(
            ("install", "--directory", "--owner=frr", "--group=frr", "/run/frr"),
            ("chown", "--recursive", "frr:frr", "/etc/frr", "/var/log/lab"),
        ),
        services={
            "frr-1-zebra": _daemon(("/usr/lib/frr/zebra", "-A", "127.0.0.1", "-s", "90000000")),
            "frr-2-bgpd": _daemon(("/usr/lib/frr/bgpd", "-A", "127.0.0.1"), needs="/run/frr/zserv.api"),
            "frr-3-staticd": _daemon(("/usr/lib/frr/staticd", "-A", "127.0.0.1"), needs="/run/frr/bgpd.vty"),
            "frr-4-configuration": Service(("vtysh", "-b"), needs="/run/frr/staticd.vty", life="once"),
        },
    )


def _daemon(argv: tuple[str, ...], needs: str = "") -> Service:
    return Service(argv, needs=needs, life="plain")


def bird(machine: Machine) -> Outfit:
    """Return a BIRD router; its configuration includes /etc/bird/conf.d."""
    return Outfit(
        files={
            "/etc/sysctl.d/10-router.conf": SYSCTLS,
            "/etc/bird/bird.conf": BIRD_CONFIG.format(router_id=machine.addresses[0][1].partition("/")[0]),
            "/etc/bird/conf.d/README": "Files that end in .conf belong to the router's configuration.\n",
        },
        commands=(("mkdir", "-p", "/run/bird"),),
        services={"bird": _daemon(("/usr/sbin/bird", "-f", "-c", "/etc/bird/bird.conf"))},
    )


def outside(machine: Machine) -> Outfit:
    """Return a neighbour outside the site: a BIRD that announces its own addresses and learns the rest."""
    asn, peer, peer_asn = machine.session
    port = next(port for port, _ in machine.addresses if port not in {"lo", "mgmt0"}).replace("-", "_")
    text = (DEFAULT_CONFIG if machine.default else "") + OUTSIDE_CONFIG.format(
        port=port, asn=asn, peer=peer, peer_asn=peer_asn
    )
    return bird(machine) | Outfit(
        files={"/etc/bird/conf.d/outside.conf": text, "/etc/sysctl.d/10-router.conf": ""},
    )
