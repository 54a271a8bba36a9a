"""What every part of the site model shares: frozen, closed classes and domain types."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WrapValidator

from underlay.model.reading import address, network

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", max_length=63)]
"""A name of RFC 1123: lower case letters, digits and hyphens, 1 to 63 characters."""

NodeName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$", max_length=63)
]
"""A node's name in Kubernetes: such a name, or several with points between them, as long as a label's value may be."""

Asn = Annotated[int, Field(ge=1, le=4294967295)]
"""An autonomous system number of RFC 6793; 0 is not allowed because it switches the peer's check off."""

Version = Annotated[str, Field(pattern=r"^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}$")]
"""Three plain numbers."""

Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")]
"""A word of a command line: not empty, and without characters that control a screen or end a line."""

Port = Annotated[int, Field(ge=1, le=65535)]
Mtu = Annotated[int, Field(ge=1280, le=9216)]
"""Bytes of an IP packet on a link: 1,280 (smallest that IPv6 allows) to 9,216 (common switch limit)."""

Address = Annotated[IPv4Address, WrapValidator(address), PlainSerializer(str)]
Network = Annotated[IPv4Network, WrapValidator(network), PlainSerializer(str)]
"""A network in its canonical form: no bit is set beyond the prefix."""


class Model(BaseModel):
    """A part of the site: immutable, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)
