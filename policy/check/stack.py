"""A stack as a check may use it: the declaration as it is, every secret replaced by a word that stands for it."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

STAND_IN = "stands-for-a-secret"
KUBECONFIG = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "none", "user": {}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "current-context": "none",
    }
)
"""Stands for the kubeconfig of a cluster: well-formed, in one line, and leads nowhere."""
ENGINES_OWN = ("secretsprovider", "encryptedkey", "encryptionsalt")


class Unusable(Exception):
    """The project or one of its files cannot be checked; the text says why and what to do."""


class _Strict(yaml.SafeLoader):
    """YAML as the engine reads it: a key stands once, and `yes` is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise ValueError(f"the key {twice[0]!r} stands twice, line {node.start_mark.line + 1} and after")
        return super().construct_mapping(node, deep)


_Strict.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in forms if letter in "tTfF" or not tag.endswith(":bool")]
    for letter, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> dict[str, Any]:
    """Return a YAML file's mapping."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # noqa: S506 - a safe loader, made stricter
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise Unusable(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise Unusable(f"{path} is not a mapping, as a Pulumi file is")
    return found


@dataclass(frozen=True)
class Declared:
    """A stack as it is declared."""

    project: Path
    content: dict[str, Any]
    """The stack file without its secrets."""
    hidden: dict[str, str]
    """A stand-in for each secret that is set or required."""


def declared(project: Path, stack_file: Path, changes: dict[str, str]) -> Declared:
    """Return what a stack file declares, with some values changed."""
    content = read(stack_file)
    config = {**(content.get("config") or {}), **changes}
    wanted = {key for key, value in config.items() if _holds_secret(value)} | _required(read(project / "Pulumi.yaml"))
    hidden = {key: _stand_in(key) for key in sorted(wanted) if key not in config or _holds_secret(config[key])}
    kept = {key: value for key, value in config.items() if key not in hidden}
    rest = {key: value for key, value in content.items() if key not in ENGINES_OWN}
    return Declared(project, {**rest, "config": kept}, hidden)


def _required(project: dict[str, Any]) -> set[str]:
    """Return the secrets that a project declares, by their full names."""
    declared = project.get("config") or {}
    names = [name for name, form in declared.items() if isinstance(form, dict) and form.get("secret")]
    return {name if ":" in name else f"{project.get('name')}:{name}" for name in names}


def _stand_in(key: str) -> str:
    return KUBECONFIG if key.lower().endswith("kubeconfig") else f"{STAND_IN}-{secrets.token_hex(4)}"


def _holds_secret(value: object) -> bool:
    return isinstance(value, dict | list) and '"secure":' in json.dumps(value, default=str)
