"""Prints what a Python installation is and has, as JSON; it runs with that installation, so it imports nothing else."""

from __future__ import annotations

import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions


def package(found: Distribution) -> dict[str, object]:
    """Return a package's name and version, and what it says of its Pulumi plugin."""
    name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
    files = [file for file in found.files or () if file.name == "pulumi-plugin.json"]
    said = json.loads(files[0].read_text()) if files else None
    return {"name": name, "version": found.version, "plugin": said}


def needed(found: list[Distribution]) -> set[str]:
    """Return the names that some package requires."""
    lines = [line for each in found for line in each.requires or () if "extra ==" not in line]
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line, maxsplit=1)[0]).lower() for line in lines}


def main() -> None:
    """Print the facts."""
    found = [each for each in distributions() if each.metadata["Name"]]
    packages = sorted((package(each) for each in found), key=lambda each: str(each["name"]))
    facts = {"executable": sys.executable, "version": platform.python_version(), "packages": packages}
    json.dump({**facts, "needed": sorted(needed(found))}, sys.stdout)


if __name__ == "__main__":
    main()
