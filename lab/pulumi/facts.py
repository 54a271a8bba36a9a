"""Prints what a Python installation is and has, as JSON; it runs with that installation, so it imports nothing else."""

from __future__ import annotations

import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions

PLUGIN = "pulumi-plugin.json"


def plugin(found: Distribution) -> object:
    """Return what a package says of its Pulumi plugin; the list of its files is long, and rarely names one."""
    record = found.read_text("RECORD")
    if record is not None and PLUGIN not in record:
        return None
    files = [file for file in found.files or () if file.name == PLUGIN]
    return json.loads(files[0].read_text()) if files else None


def normal(name: str) -> str:
    """Return a package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print the facts; each package's metadata is parsed once, which is most of the time."""
    said = [(found, found.metadata) for found in distributions()]
    named = [(found, data) for found, data in said if data["Name"]]
    packages = [
        {"name": normal(data["Name"]), "version": data["Version"], "plugin": plugin(found)} for found, data in named
    ]
    lines = [line for _, data in named for line in data.get_all("Requires-Dist") or () if "extra ==" not in line]
    needed = sorted({normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines})
    facts = {"executable": sys.executable, "version": platform.python_version(), "needed": needed}
    json.dump({**facts, "packages": sorted(packages, key=lambda each: str(each["name"]))}, sys.stdout)


if __name__ == "__main__":
    main()
