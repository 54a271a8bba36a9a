"""JSON Schemas that follow from the model: of a site, and of a whole stack file, for editors and other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from underlay.model import Site
from underlay.model.host_keys import KINDS
from underlay.plan.waivers import Waiver

Schema = dict[str, Any]

PROJECT = "cilium-underlay"
DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML servers know best."""

BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
ADDRESS = rf"{BYTE}(\.{BYTE}){{3}}"
FORMATS: dict[str, Schema] = {
    "ipv4": {"type": "string", "pattern": f"^{ADDRESS}$"},
    "ipv4network": {"type": "string", "pattern": f"^{ADDRESS}/(3[0-2]|[12]?[0-9])$"},
}
"""What the model's types are to a program that knows texts only; that no bit is set beyond the prefix is not told."""

SECRET: Schema = {
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["secure"],
            "additionalProperties": False,
            "properties": {"secure": {"type": "string"}},
        },
    ]
}
HOST_KEY: Schema = {"type": "string", "pattern": f"^({'|'.join(KINDS)}) [A-Za-z0-9+/]+=*( .*)?$"}
KEYS: dict[str, tuple[Schema, str]] = {
    "site": (
        {"$ref": "#/definitions/Site"},
        "The site as it is declared: cluster, racks, routers, nodes, addresses; docs/site.md has every key",
    ),
    "hostKeys": (
        {"type": "object", "additionalProperties": HOST_KEY},
        "SSH host key of each node, managed router and bastion by name, as in its /etc/ssh/ssh_host_ed25519_key.pub",
    ),
    "sshKey": (SECRET, "Private key in OpenSSH format that nodes and managed routers accept; set it with --secret"),
    "bastionKey": (SECRET, "Private key that the bastions accept, where it is not sshKey; set it with --secret"),
    "bgpPassword": (SECRET, "TCP-MD5 password of the BGP sessions between nodes and routers; set it with --secret"),
    "kubeconfig": (SECRET, "Of a cluster that somebody else's installer has made; set it with --secret"),
    "chart": (
        {"type": "string"},
        "Directory, archive or OCI reference of the Cilium chart, where it differs from the site's",
    ),
    "evidence": (
        {"type": "string", "default": "build/evidence"},
        "Directory where an update's verification leaves its proof, from the project's directory; empty for none",
    ),
    "waivers": (
        {"type": "array", "items": {"$ref": "#/definitions/Waiver"}},
        (
            "Dated exceptions to single rules, each with rule, reason, allowed_by, until"
            " (the last day, YYYY-MM-DD), and change where the rule is about one"
        ),
    ),
}
"""The stack's keys, each with its schema and meaning."""


def site_schema() -> Schema:
    """Return the schema of a site."""
    return {"$schema": DRAFT, **_plain(Site.model_json_schema())}


def stack_schema() -> Schema:
    """Return the schema of a stack file; keys of other projects and of the engine are left to these."""
    site, waiver = _plain(Site.model_json_schema()), _plain(TypeAdapter(Waiver).json_schema())
    definitions = {**waiver.pop("definitions", {}), **site.pop("definitions"), "Site": site, "Waiver": waiver}
    known = {f"{PROJECT}:{key}": {"description": text, **schema} for key, (schema, text) in KEYS.items()}
    config = {
        "type": "object",
        "properties": known,
        "patternProperties": {f"^{PROJECT}:(?!({'|'.join(KEYS)})$)": False},
        "required": [f"{PROJECT}:site"],
    }
    return {
        "$schema": DRAFT,
        "title": "Stack",
        "description": "A stack file, Pulumi.<stack>.yaml, of this project.",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "definitions": definitions,
    }


def text(schema: Schema) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _plain(made: Mapping[str, Any]) -> Schema:
    """Return a schema in the words of the draft: formats as patterns, titles of classes only."""
    found: Schema = _translated(dict(made))
    return found


def _translated(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, list):
        return [_translated(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") in FORMATS:
        rest = {key: item for key, item in value.items() if key not in {"format", "title", "type"}}
        return {**FORMATS[value["format"]], **rest}
    return {_key(key): _named(key, item) for key, item in value.items() if key != "title" or "properties" in value}


def _named(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Translate what stands under a key; below `properties` the keys are names, as `title` could be."""
    if key == "$ref":
        return value.replace("#/$defs/", "#/definitions/")
    if key in {"properties", "$defs"}:
        return {name: _translated(item) for name, item in value.items()}
    return value if key in {"default", "enum", "const", "required"} else _translated(value)


def _key(key: str) -> str:
    return "definitions" if key == "$defs" else key
