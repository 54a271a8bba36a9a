"""SSH host keys as they are declared: one public key a machine, each of the kind that it says it is."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from underlay.finding import Refused
from underlay.model.base import Model
from underlay.model.mistakes import Part, mistakes
from underlay.model.plain import require_plain

ED25519, ED25519_BYTES = "ssh-ed25519", 51
KINDS = (ED25519, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
LENGTH_BYTES = 4
FIX = "Read it on the machine itself: cat /etc/ssh/ssh_host_ed25519_key.pub"
PART = Part("hostKeys", "host-key-malformed", FIX)


def _public_key(text: str) -> str:
    """Return the key as it is; refuse a text whose second word is not a key of the kind that the first one names."""
    kind, encoded = (*text.split(), "", "")[:2]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    head = len(kind).to_bytes(LENGTH_BYTES, "big") + kind.encode()
    whole = len(blob) == ED25519_BYTES if kind == ED25519 else len(blob) > len(head)
    if kind not in KINDS or not blob.startswith(head) or not whole:
        raise ValueError("a public key, as in ssh-ed25519 AAAA, whole and of the kind that its first word names")
    return text


HostKey = Annotated[str, Field(strict=True), AfterValidator(_public_key)]
"""A line of a `.pub` file: kind, key in base64, and a comment if there is one."""


def load_host_keys(declared: object) -> dict[str, str]:
    """Return the host keys of a stack file by machine; Refused lists every one that is none."""
    require_plain(declared, PART.place, PART.rule)
    try:
        return TypeAdapter(dict[str, HostKey]).validate_python(declared)
    except ValidationError as error:
        raise Refused(mistakes(Model, error.errors(), PART)) from None
