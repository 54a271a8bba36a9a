"""Write the cluster file, run the vendor's installer with it, and print the kubeconfig that the installer printed."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from underlay.commands.common import Failure, read_input, say
from underlay.remote.machine import read, write

HEADER = "Made by cilium-underlay from the site. Keys that it does not know, and comments, are kept."


def main(_argv: list[str]) -> int:
    """Read {"file", "keys", "absent", "command"}, write, install, print."""
    data = read_input()
    path = folder() / data["file"]
    if update(path, data["keys"], data["absent"]):
        say(f"{path} written")
    print(install(data["command"], data["file"], path), end="")
    return 0


def folder() -> Path:
    """Return where the cluster file is kept: the lab's state folder, or `build` beside the program."""
    return Path(os.environ.get("UNDERLAY_STATE") or "build").absolute()


def update(path: Path, keys: Mapping[str, Any], absent: Sequence[str] = ()) -> bool:
    """Bring keys into the file or out of it and keep everything else; return whether the file changed."""
    before = read(path)
    after = merged(before, keys, str(path), absent)
    if after == before and path.stat().st_mode & 0o077 == 0:
        return False
    write(path, after, mode=0o600)
    return True


def merged(text: str, keys: Mapping[str, Any], where: str, absent: Sequence[str] = ()) -> str:
    """Return the file's text with these keys set, and without those that must be absent."""
    handler = YAML()
    handler.preserve_quotes = True
    handler.width = 1_000_000
    content = _load(handler, text, where)
    content = _load(handler, _cut(handler, text, content, absent), where)
    for key in absent:
        content.pop(key, None)
    for key, value in keys.items():
        if content.get(key) != value:
            content[key] = value
    stream = io.StringIO()
    handler.dump(content, stream)
    return stream.getvalue()


def _load(handler: YAML, text: str, where: str) -> CommentedMap:
    try:
        content = handler.load(text) if text.strip() else _empty()
    except YAMLError as error:
        raise Failure(f"{where} is not YAML, so nothing was written: {error}") from None
    if not isinstance(content, CommentedMap):
        raise Failure(f"{where} holds no mapping, so nothing was written; expected lines of KEY: value")
    return content


def _cut(handler: YAML, text: str, content: CommentedMap, absent: Sequence[str]) -> str:
    """Return the text without the lines of these keys: taken out by the handler, a key takes comments with it."""
    gone = {content.lc.key(key)[0] for key in absent if key in content and text.strip()}
    lines = text.splitlines(keepends=True)
    shorter = "".join(line for number, line in enumerate(lines) if number not in gone)
    try:
        same = handler.load(shorter) == {key: value for key, value in content.items() if key not in absent}
    except YAMLError:
        same = False
    return shorter if same else text


def _empty() -> CommentedMap:
    content = CommentedMap()
    content.yaml_set_start_comment(HEADER)
    return content


def install(command: Sequence[str], file: str, path: Path) -> str:
    """Run the installer and return the kubeconfig from its standard output."""
    words = [str(path) if word == file else word for word in command]
    say(f"installer: {' '.join(words)}")
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise Failure(f"installer {words[0]}: {error.strerror}; expected a program (site.cluster.installer)") from None
    if done.returncode:
        raise Failure(f"installer {' '.join(words)} ended with code {done.returncode}; its own messages are above")
    if not is_kubeconfig(done.stdout):
        raise Failure(f"installer {' '.join(words)} printed no kubeconfig on its standard output")
    return done.stdout


def is_kubeconfig(text: str) -> bool:
    """Tell whether a text is a kubeconfig with a cluster and a user."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(content, dict) and bool(content.get("clusters")) and bool(content.get("users"))
