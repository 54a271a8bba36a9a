"""Build the pack; the folder may be copied and renamed, so it imports itself by whatever name it has."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))
    importlib.import_module(f"{FOLDER.name}.pack").build()
