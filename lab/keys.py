"""Keys and passwords of one lab: made fresh in its state folder, readable by the owner only."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lab.paths import keys as folder

USER = "operator"


def make(machines: list[str]) -> None:
    """Make what is missing: SSH keys of operator and machines, BGP password, passphrase of the stack's secrets."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (USER, *(f"host-{machine}" for machine in machines)):
        if not (folder() / f"{name}.pub").exists():
            _ssh_key(name)
    for name in ("bgp-password", "passphrase"):
        if not (folder() / name).exists():
            write_private(folder() / name, secrets.token_urlsafe(24))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.rename(path)


def read(name: str) -> str:
    """Return a key or password."""
    return (folder() / name).read_text()


def host_key(machine: str) -> str:
    """Return a machine's private host key."""
    return read(f"host-{machine}")


def host_key_line(machine: str) -> str:
    """Return a machine's public host key as a client pins it."""
    return read(f"host-{machine}.pub").strip()


def authorized_key() -> str:
    """Return the operator's public key."""
    return read(f"{USER}.pub")


def _ssh_key(name: str) -> None:
    key = Ed25519PrivateKey.generate()
    write_private(folder() / name, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    write_private(folder() / f"{name}.pub", line + "\n")
