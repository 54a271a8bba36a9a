"""Files that a local command leaves behind, found by patterns and returned as assets or as one archive."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lab.pulumi.values import ARCHIVE, ASSET, Signed

_TAR_END = bytes(2 * tarfile.BLOCKSIZE)


def find(folder: Path, patterns: list[str]) -> dict[str, Signed]:
    """Return the files below a folder that the last matching pattern takes in; `!` in front leaves out."""
    found = {}
    for name in _files(folder):
        verdicts = [not pattern.startswith("!") for pattern in patterns if matches(pattern.removeprefix("!"), name)]
        if verdicts and verdicts[-1]:
            path = folder / name
            found[name] = Signed(ASSET, {"hash": _digest(path), "path": str(path)})
    return found


def archive(files: dict[str, Signed]) -> Signed:
    """Return one archive of assets; its hash is that of a tar file of them."""
    digest = hashlib.sha256()
    for name in sorted(files):
        data = Path(files[name].fields["path"]).read_bytes()
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o600
        digest.update(_header(entry))
        digest.update(data + bytes(-len(data) % tarfile.BLOCKSIZE))
    digest.update(_TAR_END)
    return Signed(ARCHIVE, {"hash": digest.hexdigest(), "assets": dict(files)})


def _header(entry: tarfile.TarInfo) -> bytes:
    """Return an entry's header with device numbers, which the engine's language writes and Python leaves out."""
    header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    header[329:345] = b"0000000\0" * 2
    header[148:156] = b" " * 8
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header)


def _files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        yield from (str(Path(parent, name).relative_to(folder)) for name in names)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches(pattern: str, name: str) -> bool:
    """Say whether a pattern with *, **, ?, [a-z] and {a,b} takes in a whole relative path."""
    return _compiled(pattern).fullmatch(name) is not None


_TOKEN = re.compile(r"\\(?P<literal>.)|(?P<star>\*+)|(?P<set>\[!?[^\]]+\])|(?P<char>.)", re.DOTALL)
_SPECIAL = {"?": "[^/]", "{": "(?:", "}": ")"}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    depth, parts = 0, []
    for token in _TOKEN.finditer(pattern):
        char = token["char"] or ""
        depth += {"{": 1, "}": -1}.get(char, 0)
        parts.append("|" if char == "," and depth else _translated(token))
    return re.compile("".join(parts), re.DOTALL)


def _translated(token: re.Match[str]) -> str:
    if token["star"]:
        return "[^/]*" if token["star"] == "*" else ".*"
    if token["set"]:
        return token["set"].replace("[!", "[^", 1)
    return _SPECIAL.get(token["char"] or "", re.escape(token["literal"] or token["char"] or ""))
