"""What a machine carries: files of its first boot, commands of each boot, services, own disks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from lab.hardware import Hardware, Machine
from lab.keys import authorized_key, host_key

KEYS = "/etc/ssh/authorized_keys"
"""Whose key is let in to a machine, as root and as the administrator."""
SSHD_CONFIG = """\
ListenAddress {address}
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile {keys}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""


@dataclass(frozen=True)
class Service:
    """A program that the machine's first process keeps running."""

    argv: tuple[str, ...]
    needs: str = ""
    """A path that has to be there before the start."""
    life: Literal["keep", "plain", "once"] = "keep"
    """Start it again when it ends; leave it ended, as a router's daemon would stay; or it is meant to end."""

    def text(self) -> str:
        """Return the service file's text."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Outfit:
    """What one machine carries; `|` joins two of them."""

    files: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    services: dict[str, Service] = field(default_factory=dict)
    disks: tuple[str, ...] = ()
    images: str = ""
    """The disk that begins with every image the lab has: the container runtime's."""

    def __or__(self, other: Outfit) -> Outfit:
        """Return both outfits as one; the other's files win."""
        return Outfit(
            self.files | other.files,
            self.private | other.private,
            self.commands + other.commands,
            self.services | other.services,
            self.disks + other.disks,
            self.images or other.images,
        )


def common(machine: Machine, hardware: Hardware) -> Outfit:
    """Return what every machine carries: its name, everybody's address, and an SSH server out of band."""
    address = machine.address("mgmt0")
    known = [f"{_address(other)} {other.name}" for other in hardware.machines.values()]
    named = Outfit(
        {
            "/etc/hosts": "\n".join(["127.0.0.1 localhost", *known, ""]),
            "/etc/resolv.conf": "",
            "/etc/sysctl.d/99-protect-links.conf": "# These belong to the host's kernel; here they are read-only.\n",
        }
    )
    return (named | _ssh(machine.name, address)) if address else named


def _address(machine: Machine) -> str:
    return machine.addresses[0][1].partition("/")[0]


def _ssh(name: str, address: str) -> Outfit:
    return Outfit(
        files={"/etc/ssh/sshd_config": SSHD_CONFIG.format(address=address, keys=KEYS), KEYS: authorized_key()},
        private={"/etc/ssh/ssh_host_ed25519_key": host_key(name)},
        commands=(("mkdir", "-p", "/run/sshd"),),
        services={"sshd": Service(("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config"))},
    )
