"""Suricata's configuration: packet sockets on the capture's interfaces, alerts without payloads, statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

CONFIG = "suricata.yaml"
ALERTS = "eve.json"
"""The file of alerts, whose form every engine's contract takes over."""
STATISTICS_SECONDS = 8
APPLICATIONS = (
    *("http", "http2", "tls", "dns", "ssh", "smb", "dcerpc", "ftp", "smtp", "imap", "nfs", "tftp", "ike", "krb5"),
    *("dhcp", "snmp", "sip", "rdp", "rfb", "mqtt", "quic", "telnet", "pgsql", "ntp", "bittorrent-dht"),
    *("modbus", "dnp3", "enip"),
)
"""Protocols above TCP and UDP that are read, and that rules may name."""
SILENT = dict.fromkeys(("payload", "payload-printable", "packet", "http-body", "http-body-printable"), False)
"""Payloads stay out of the alerts."""
RING = {"cluster-type": "cluster_flow", "defrag": True, "use-mmap": True, "tpacket-v3": True}
BLOCK, BLOCKS = 262_144, 128
"""Bytes of a ring's block, more than any segment that offloads leave whole, and blocks of a ring: 32 MiB a thread."""
ROOM = 128
"""Bytes that the kernel adds to a packet in a ring."""


def suricata(
    sockets: Sequence[Any], nets: Mapping[str, str], ports: Mapping[str, str], folder: str, files: Sequence[str]
) -> str:
    """Return suricata.yaml; sockets are made by `socket`."""
    content: dict[str, Any] = {
        "vars": {"address-groups": dict(nets), "port-groups": dict(ports)},
        "default-log-dir": folder,
        "stats": {"enabled": True, "interval": STATISTICS_SECONDS},
        "outputs": [{"eve-log": _eve()}],
        "logging": {"default-log-level": "notice", "outputs": [{"console": {"enabled": True}}]},
        "af-packet": [{**one, "cluster-id": 99 - number} for number, one in enumerate(sockets)],
        "unix-command": {"enabled": False},
        # Offloads leave checksums to the hardware, so that copies of good packets have wrong ones.
        "stream": {"checksum-validation": False, "midstream": False},
        "app-layer": {"protocols": {name: {"enabled": True} for name in APPLICATIONS}},
        "classification-file": "/etc/suricata/classification.config",
        "reference-config-file": "/etc/suricata/reference.config",
        "threshold-file": "/etc/suricata/threshold.config",
        "rule-files": list(files),
    }
    return "%YAML 1.1\n---\n" + yaml.safe_dump(content, sort_keys=False, width=120)


def command(config: str) -> list[str]:
    """Return what the container runs; a rule that Suricata refuses ends it at once, for everybody to see."""
    return ["suricata", "-c", config, "--init-errors-fatal", "-k", "none", "--af-packet"]


def _eve() -> dict[str, Any]:
    return {
        "enabled": True,
        "filetype": "regular",
        "filename": ALERTS,
        "types": [{"alert": {**SILENT, "metadata": False, "tagged-packets": False}}, {"stats": {"threads": False}}],
    }


def socket(interface: str, mtu: int, threads: int) -> dict[str, Any]:
    """Return how packets of an interface are read: rings of a size that does not grow with the node's processors."""
    return {
        "interface": interface,
        "threads": threads,
        **RING,
        "checksum-checks": False,
        "ring-size": BLOCKS * (BLOCK // (mtu + ROOM)),
        "block-size": BLOCK,
    }
