"""Passwords, keys and tokens reach the engine as secrets, or they are in every state, log and preview."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, Severity

from ..marks import all_texts, is_secret, unknown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, undetermined, violation

ABOUT = About(
    name="passwords-are-secrets",
    description="What is secret is marked as a secret; the engine then keeps it encrypted and never shows it.",
    remediation="Take the value from `pulumi config set --secret` or wrap it in pulumi.Output.secret.",
    severity=Severity.CRITICAL,
    config=PolicyConfigSchema(
        properties={"keys": {"type": "array", "items": {"type": "string"}, "description": "further names of secrets"}},
    ),
)
NAMES = re.compile(
    r"(?i).*(password|passwd|passphrase|private[_-]?key|client[_-]?secret|secret[_-]?key|access[_-]?token|api[_-]?key"
    r"|bearer[_-]?token)|token|sshkey|authkey"
)
MATERIAL = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
ACCESS = re.compile(r"(?m)[\s{,\"'](client-key-data|token|password)[\"']?\s*:\s*[\"']?\S")
"""What makes a kubeconfig a secret; one that only names a program that logs in is none."""
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type, not a password
HELD = ("data", "stringData")


def passwords(args: ResourceValidationArgs) -> Judgement:
    """Judge every text of a resource by its name and its form; values are never told."""
    further = set(args.get_config().get("keys") or [])
    texts = list(_secrets(args.resource_type, args.props, further))
    if not texts:
        return not_applicable("holds nothing that looks like a secret")
    plain = sorted({".".join(path) for path, text in texts if not is_secret(text) and not unknown(text)})
    if plain:
        return violation(f"{', '.join(plain)} is plain text, expected a secret. {ABOUT.remediation}")
    open_ = sorted({".".join(path) for path, text in texts if not is_secret(text)})
    return undetermined(f"{', '.join(open_)} is not known yet and not marked as a secret") if open_ else PASSED


def _secrets(kind: str, props: Mapping[str, Any], further: set[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    for path, text in all_texts(props):
        name = path[-1] if path else ""
        held = kind.removesuffix("Patch") == SECRET and path[0] in HELD
        named = bool(NAMES.fullmatch(name)) or name in further
        access = name.lower() == "kubeconfig" and bool(ACCESS.search(text))
        if text and (held or named or access or MATERIAL.search(text)):
            yield path, text


POLICIES = [resource_policy(ABOUT, passwords)]
