"""Whose part of a machine it is: the site and the machine's name stand in a line of the text itself."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from underlay.remote.machine import Trouble

LINE = re.compile(r"^[!#] owner: site (\S+), machine (\S+)$", re.MULTILINE)


class Owner(NamedTuple):
    """The site that declares a machine, and the name by which it does."""

    site: str
    machine: str

    def __str__(self) -> str:
        """Return the owner as people read it."""
        return f"site {self.site}, machine {self.machine}"


def owner_in(text: str) -> Owner | None:
    """Return the owner that a text names; None when it names none."""
    found = LINE.search(text)
    return Owner(*found.groups()) if found else None


def is_anothers(found: Owner | None, mine: Owner) -> bool:
    """Tell whether somebody else has taken a part over: another site, or this one under another machine's name."""
    return found is not None and found != mine


def refuse_another_site(rule: str, where: str, found: Owner | None, mine: Owner) -> None:
    """Refuse to write over what another site has applied; a renamed machine of the same site is taken over."""
    if found and found.site != mine.site:
        fix = f"Remove it with the stack of site {found.site} first; only one site may own a machine."
        raise Trouble(rule, where, f"a part of {found}", f"nothing, or a part of site {mine.site}", fix)


def left_alone(found: Owner | None, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a removal that has nothing of its own to remove."""
    return {**facts, "changed": [], "left": f"this belongs to {found} now; nothing was removed"}
