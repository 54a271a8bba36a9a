"""A stack file as the commands read it: strictly, because the engine refuses what a lenient reader would pass over."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from underlay.commands.common import Failure, text_of
from underlay.finding import Refused
from underlay.model import Site, load_site
from underlay.plan.reading import secret_in
from underlay.report.schema import PROJECT

SITE, CHART = f"{PROJECT}:site", f"{PROJECT}:chart"


class _Strict(yaml.SafeLoader):
    """YAML as the engine reads it: a key stands once, and `yes` is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


_WORDS = {
    letter: [(tag, form) for tag, form in forms if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Strict.yaml_implicit_resolvers = _WORDS


def content(path: Path) -> dict[str, Any]:
    """Return all of a stack file that declares a site; Failure says what of it cannot be read."""
    try:
        whole = yaml.load(text_of(path), Loader=_Strict)  # noqa: S506 - a safe loader, made stricter
    except yaml.YAMLError as error:
        raise Failure(f"{path} cannot be read as YAML: {error}") from None
    except (RecursionError, ValueError) as error:
        raise Failure(f"{path} cannot be read as YAML: {error or 'it is nested too deeply'}") from None
    found = whole.get("config") if isinstance(whole, dict) else None
    if not isinstance(found, dict) or SITE not in found:
        raise Failure(f"{path} has no key `config: {SITE}`; Pulumi.dev.yaml is an example")
    return dict(whole)


def config(path: Path) -> dict[str, Any]:
    """Return the configuration in a stack file; Failure says what of it cannot be read."""
    found: dict[str, Any] = content(path)["config"]
    return found


def site(path: Path) -> Site:
    """Return the site in a stack file; Failure lists what is wrong in its shape."""
    declared = config(path)[SITE]
    if _holds_secret(declared):
        raise Failure(f"{path} is refused:\n{secret_in('site')}")
    try:
        return load_site(declared)
    except Refused as refused:
        raise Failure(f"{path} is refused:\n{refused}") from None


def _holds_secret(declared: object) -> bool:
    """Return whether a value of the engine's own encryption is in a declaration, at any depth."""
    if isinstance(declared, dict):
        return [*declared] == ["secure"] or any(map(_holds_secret, declared.values()))
    return isinstance(declared, list) and any(map(_holds_secret, declared))
