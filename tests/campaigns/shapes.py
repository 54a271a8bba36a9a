"""The lines that the routers' templates can make: whatever else stands in a configuration was smuggled in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from underlay.model import Platform, Router, Site
from underlay.plan import routers

TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")
SESSION = re.compile(r"^ +neighbor (\S+) ")
VALUE = r"[^\s\"';#!{}]+"
"""What one expression may stand for: an address, a number, a name."""
TEXT = r"[^\"'#!\n]*"
"""What several expressions and branches in one line may stand for."""


@cache
def _shape(platform: Platform) -> re.Pattern[str]:
    source = (Path(routers.__file__).parent / "templates" / routers.TEMPLATES[platform]).read_text(encoding="utf-8")
    lines = {_line(line) for line in source.splitlines()} | {r"[#!] [-\w:., ]+", r" *[#!}];?", ""}
    return re.compile("|".join(sorted(lines)))


def _line(source: str) -> str:
    bare = TAG.sub("", source)
    if not bare.strip(" -"):
        return ""
    plain = "{%" not in source and " if " not in source and "(" not in source
    literals = [re.escape(part) for part in TAG.split(source)]
    if "macro" in source or not any(re.search(r"\w", part) for part in TAG.split(source)):
        return ""
    return (VALUE if plain else TEXT).join(literals)


def smuggled(site: Site, router: Router, text: str) -> list[str]:
    """Return the lines of a configuration that no line of its template can have made, and sessions of nobody."""
    shape, own = _shape(router.platform), {str(neighbor.remote) for neighbor in router.neighbors}
    nodes = [(node, link) for rack, link in site.links_of(router.name) for node in site.nodes_of(rack.name)]
    own |= {str(node.address_in(link.subnet)) for node, link in nodes} | {"UNDERLAY-NODES"}
    lines = text.split("\n")
    sessions = {found[1]: line for line in lines if (found := SESSION.match(line))}
    return [line for line in lines if not shape.fullmatch(line)] + [
        line for address, line in sessions.items() if address not in own
    ]
