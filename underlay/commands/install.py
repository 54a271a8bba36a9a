"""Bring the cluster file up to date, run the installer with it, and print the kubeconfig that it gives."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from underlay.commands.common import Failure, no_words, read_input, say
from underlay.plan.cluster_scalars import Scalar
from underlay.plan.cluster_text import NotMerged, merged
from underlay.plan.installers import FILE, KUBECONFIG
from underlay.remote.machine import write

PRIVATE = 0o600
"""The file may hold a password, in clear text as the vendor's installer wants it."""


def main(argv: list[str]) -> int:
    """Read {"file", "keys", "empty", "make", "export"}, write, install, print."""
    no_words("install", __doc__, argv)
    data = read_input("file", "keys", "empty", "make", "export")
    path = folder() / data["file"]
    changed = update(path, dict(data["keys"]), data["empty"])
    if changed:
        say(f"{path} written")
    places = {FILE: str(path)}
    make, export = ([places.get(word, word) for word in data[step]] for step in ("make", "export"))
    print(exported(make, export, changed=changed) if export else install(make), end="")
    return 0


def folder() -> Path:
    """Return where the cluster file is kept: the lab's state folder, or `build` beside the program."""
    return Path(os.environ.get("UNDERLAY_STATE") or "build").absolute()


def update(path: Path, keys: Mapping[str, Scalar], empty: Sequence[str] = ()) -> bool:
    """Put values into the file and keep every other byte; return whether the file changed."""
    try:
        before = path.read_bytes().decode("utf-8") if path.exists() else ""
        after = merged(before, keys, empty)
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8 at byte {error.start}, so nothing was written") from None
    except NotMerged as error:
        raise Failure(f"{path} was not written: {error}") from None
    if after == before and path.stat().st_mode & 0o077 == 0:
        return False
    write(path, after, mode=PRIVATE)
    return True


def install(words: Sequence[str]) -> str:
    """Run an installer that prints the kubeconfig, and return that."""
    text = _run(words)
    if not is_kubeconfig(text):
        raise Failure(f"installer {' '.join(words)} printed no kubeconfig on its standard output")
    return text


def exported(make: Sequence[str], export: Sequence[str], *, changed: bool) -> str:
    """Return the kubeconfig of a cluster that an installer makes once: made now only if there is none to export."""
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "kubeconfig"
        words = [str(target) if word == KUBECONFIG else word for word in export]
        if found := _export(words, target):
            if changed:
                say(f"the cluster is there already: {make[0]} reads a changed file only when it makes a cluster")
            return found
        _run(make)
        if found := _export(words, target):
            return found
    raise Failure(f"installer {' '.join(words)} wrote no kubeconfig after the cluster was made; its messages are above")


def _export(words: Sequence[str], target: Path) -> str:
    say(f"installer: {' '.join(words)}")
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise Failure(f"installer {words[0]}: {error.strerror}; expected a program (site.cluster.ucs_ctl)") from None
    text = target.read_text(encoding="utf-8", errors="replace") if target.exists() else ""
    return text if is_kubeconfig(text) else ""


def _run(words: Sequence[str]) -> str:
    say(f"installer: {' '.join(words)}")
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise Failure(f"installer {words[0]}: {error.strerror}; expected a program (site.cluster.installer)") from None
    if done.returncode:
        raise Failure(f"installer {' '.join(words)} ended with code {done.returncode}; its own messages are above")
    return done.stdout


def is_kubeconfig(text: str) -> bool:
    """Tell whether a text is a kubeconfig with a cluster and a user."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(content, dict) and bool(content.get("clusters")) and bool(content.get("users"))
