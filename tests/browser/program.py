"""Where the browser is: one that is named or installed, else Debian's headless Chromium, unpacked into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.paths import cache

NAMED = "UNDERLAY_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
FOLDER = "browser"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LAUNCHER = f"""#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/tree/{LIBRARIES}:$here/tree/{LIBRARIES}/pulseaudio" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/tree/usr/lib/chromium/chromium-headless-shell" "$@"
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>/usr/share/fonts</dir><dir>{place}/tree/usr/share/fonts</dir><cachedir>{place}/fonts</cachedir>
<selectfont><rejectfont><glob>*DejaVuMath*</glob></rejectfont></selectfont>
{aliases}
</fontconfig>
"""
FAMILIES = {
    "DejaVu Sans": ("sans-serif", "system-ui", "Arial", "Helvetica", "Times New Roman"),
    "DejaVu Sans Mono": ("monospace", "Monospace", "Courier New"),
}
"""What pages ask for, by the family that is there."""
LONGEST = 600
"""Seconds that apt may take for 100 MB."""


class NoBrowser(Exception):
    """There is none, and none could be had; the message says why."""


def found() -> str:
    """Return the path of a browser that is there; nothing where there is none."""
    ours = cache() / FOLDER / "launch"
    there = [path for name in NAMES if (path := shutil.which(name))]
    return os.environ.get(NAMED) or next(iter(there), str(ours) if ours.exists() else "")


def ensure() -> str:
    """Return the path of a browser, and unpack one first where there is none."""
    if not (path := found()):
        _unpack(cache() / FOLDER)
        path = found()
    return path


def _unpack(place: Path) -> None:
    """Fetch the packages, and those that they need and the machine lacks, with apt's files in a state of their own."""
    shutil.rmtree(place, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "tree", "fonts"):
        (place / folder).mkdir(parents=True)
    own = [f"Dir::State::lists={place}/lists", f"Dir::Cache={place}/cache", "APT::Sandbox::User=root"]
    apt = ["apt-get", "-qq", *(word for option in own for word in ("-o", option))]
    _run([*apt, "update"])
    _run([*apt, "-o", "Debug::NoLocking=1", "-y", "--no-install-recommends", "--download-only", "install", *PACKAGES])
    for archive in (place / "cache/archives").glob("*.deb"):
        _run(["dpkg-deb", "-x", str(archive), str(place / "tree")])
    for used in ("lists", "cache"):
        shutil.rmtree(place / used)
    (place / "fonts.conf").write_text(FONTS.format(place=place, aliases=_aliases()), encoding="utf-8")
    (place / "launch").write_text(LAUNCHER, encoding="utf-8")
    (place / "launch").chmod(0o755)


def _aliases() -> str:
    pairs = ((asked, there) for there, names in FAMILIES.items() for asked in names)
    prefer = '<alias binding="same"><family>{}</family><prefer><family>{}</family></prefer></alias>'
    return "\n".join(prefer.format(*pair) for pair in pairs)


def _run(words: list[str]) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoBrowser(f"{words[0]} did not do its work: {error}; name a browser in {NAMED}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        last = said[-1] if said else "nothing"
        raise NoBrowser(f"{words[0]} ended with {done.returncode}, its last line: {last}; name a browser in {NAMED}")
