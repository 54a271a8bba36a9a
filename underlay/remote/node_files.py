"""Files of ours on a node: found, told apart from other people's, written, taken away, and read by their services."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from underlay.remote.machine import Trouble, read, run, write
from underlay.remote.owner import Owner, owner_in, refuse_another_site

File = dict[str, Any]
"""{"path", "text", "needs": what is there where somebody reads it, "after": what lets it be read, "mode"?}; a file
without a text is one of ours that is wanted no longer."""
REPAIR = "Apply it again: `python3 -m underlay drift --stack NAME --repair`."


def place(root: Path, file: File) -> Path:
    """Return where a file of the input lies."""
    return root / str(file["path"]).lstrip("/")


def present(root: Path, files: list[File]) -> list[File]:
    """Return the files for services that are here, and those that we have written already."""
    return [
        file for file in files if not file["needs"] or (root / file["needs"]).exists() or place(root, file).exists()
    ]


def ownership(root: Path, files: list[File], mark: str, mine: Owner) -> Iterator[Trouble]:
    """Yield a finding for each file of our names that is somebody else's."""
    for file in files:
        text = read(place(root, file))
        if text and mark not in text.splitlines()[:2]:
            fix = "Move the file away, or take its settings into the site."
            yield Trouble("foreign-file", file["path"], repr(text.splitlines()[0][:60]), "no file, or one of ours", fix)
            continue
        try:
            refuse_another_site("foreign-node-settings", file["path"], owner_in(text), mine)
        except Trouble as trouble:
            yield trouble


def files_have_drifted(root: Path, files: list[File]) -> Iterator[Trouble]:
    """Yield each file that is not as it was applied."""
    for file in present(root, files):
        if _differs(root, file):
            there = place(root, file).exists()
            found = _mode_of(root, file) if there and _same_text(root, file) else "another text" if there else "no file"
            expected = "the text that was applied" if file["text"] else "no file"
            yield Trouble("file-drifted", file["path"], found, expected, REPAIR)


def write_files(root: Path, files: list[File]) -> list[str]:
    """Write the files that differ and take away what is wanted no longer; return what changed."""
    changed = []
    for file in present(root, files):
        if not file["text"]:
            changed += remove_file(root, file)
        elif _differs(root, file):
            write(place(root, file), file["text"], mode=_mode(file))
            _tell(root, file)
            changed.append(f"{file['path']} written")
    return changed


def remove_file(root: Path, file: File) -> list[str]:
    """Take a file of ours away, and let its service know; nothing where there is none."""
    if done := gone(root, place(root, file)):
        _tell(root, file)
    return done


def gone(root: Path, path: Path) -> list[str]:
    """Remove a file, if it is there, and say so."""
    if not path.exists():
        return []
    path.unlink()
    return [f"/{path.relative_to(root)} removed"]


def missing_folders(root: Path, paths: list[Path]) -> set[str]:
    """Return the folders that some files need and that are not there yet."""
    above = (parent for path in paths for parent in path.parents)
    return {str(folder.relative_to(root)) for folder in above if folder.is_relative_to(root) and not folder.exists()}


def drop_empty(folder: Path) -> None:
    """Remove a folder that holds nothing."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _mode(file: File) -> int:
    return int(file.get("mode", "644"), 8)


def _mode_of(root: Path, file: File) -> str:
    return f"mode {stat.S_IMODE(place(root, file).stat().st_mode):o}"


def _same_text(root: Path, file: File) -> bool:
    return read(place(root, file)) == str(file["text"])


def _differs(root: Path, file: File) -> bool:
    """Tell whether a file is not as it has to be; a script that cannot be executed is none."""
    wrong_mode = "mode" in file and place(root, file).exists() and _mode_of(root, file) != f"mode {_mode(file):o}"
    return not _same_text(root, file) or wrong_mode


def _tell(root: Path, file: File) -> None:
    """Let a service read its file; where it does not, the file goes, so that the next run tries again."""
    if not file["after"] or not (root / file["needs"]).exists():
        return
    code, text = run(*file["after"])
    if code:
        place(root, file).unlink(missing_ok=True)
        raise Trouble(
            "service-not-told", " ".join(file["after"]), text or f"code {code}", "a service that reads its file"
        )
