"""Copies assets and archives to a server by SFTP."""

from __future__ import annotations

import asyncio
import os
import posixpath
import tarfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncssh

from lab.pulumi.capture import CommandError
from lab.pulumi.engine import Journal
from lab.pulumi.ssh import connected
from lab.pulumi.values import ASSET, Properties, Signed

ARCHIVE_ENDINGS = (".tar", ".tgz", ".tar.gz", ".zip", ".jar")

SCHEMES = ("http", "https", "file")


async def copy_to_remote(inputs: Properties, journal: Journal) -> None:
    """Copy a source to the remote path, making the folders above it."""
    async with _files(inputs, journal) as sftp:
        await _send(sftp, inputs["source"], inputs["remotePath"])


async def copy_file(inputs: Properties, journal: Journal) -> None:
    """Copy one local file to exactly the remote path."""
    _require(inputs["localPath"])
    async with _files(inputs, journal) as sftp:
        await sftp.put(inputs["localPath"], inputs["remotePath"])


@asynccontextmanager
async def _files(inputs: Properties, journal: Journal) -> AsyncIterator[asyncssh.SFTPClient]:
    async with connected(inputs["connection"], journal) as server:
        try:
            async with server.start_sftp_client() as sftp:
                yield sftp
        except asyncssh.Error as error:
            raise CommandError(f"failed to copy to remote path {inputs['remotePath']}: {error.reason}") from None
        except OSError as error:
            raise CommandError(f"{error.filename or 'copy'}: {os.strerror(error.errno or 0).lower()}") from None


async def _send(sftp: asyncssh.SFTPClient, source: Signed, target: str) -> None:
    fields = source.fields
    if "path" in fields:
        await _send_path(sftp, fields["path"], target)
    elif "uri" in fields:
        await _send_data(sftp, await _fetched(fields["uri"], source.signature), target, _basename(fields["uri"]))
    elif source.signature == ASSET:
        await _send_text(sftp, fields.get("text", ""), target)
    else:
        await _send_assets(sftp, source, target)


async def _send_text(sftp: asyncssh.SFTPClient, text: str, target: str) -> None:
    if await sftp.isdir(target):
        raise CommandError(f"remote path {target} is a directory; for a text asset remotePath must be a file path")
    await _send_data(sftp, text.encode("utf-8", "surrogateescape"), target, "")


async def _send_data(sftp: asyncssh.SFTPClient, data: bytes, target: str, name: str) -> None:
    if await sftp.isdir(target):
        if not name:
            raise CommandError(f"remote path {target} is a directory; cannot determine destination filename")
        target = posixpath.join(target, name)
    await _write(sftp, data, target)


async def _write(sftp: asyncssh.SFTPClient, data: bytes, target: str) -> None:
    await _make_folder(sftp, posixpath.dirname(target))
    async with sftp.open(target, "wb") as file:
        await file.write(data)


async def _send_assets(sftp: asyncssh.SFTPClient, source: Signed, target: str) -> None:
    if await sftp.exists(target) and not await sftp.isdir(target):
        raise CommandError(
            f"remote path {target} exists but is not a directory; cannot copy asset archive contents there"
        )
    await _make_folder(sftp, target)
    for name, data in await asyncio.to_thread(lambda: list(entries(source))):
        await _write(sftp, data, posixpath.join(target, name))


async def _send_path(sftp: asyncssh.SFTPClient, source: str, target: str) -> None:
    """Copy a file, a folder, or (with a slash at its end) what is in a folder."""
    if _require(source):
        await _make_folder(sftp, target)
        inner = "" if source.endswith("/") else Path(source).name
        await _send_folder(sftp, Path(source), posixpath.join(target, inner))
        return
    if await sftp.isdir(target):
        target = posixpath.join(target, Path(source).name)
    else:
        await _make_folder(sftp, posixpath.dirname(target))
    await sftp.put(source, target)


def _require(source: str) -> bool:
    """Return whether a source is a folder; raise `CommandError` when it is not there."""
    if not Path(source).exists():
        raise CommandError(f"open {source}: no such file or directory")
    return Path(source).is_dir()


async def _send_folder(sftp: asyncssh.SFTPClient, source: Path, target: str) -> None:
    for parent, _, names in os.walk(source):
        folder = posixpath.normpath(posixpath.join(target, Path(parent).relative_to(source).as_posix()))
        await _make_folder(sftp, folder)
        for name in names:
            await sftp.put(str(Path(parent, name)), posixpath.join(folder, name))


async def _make_folder(sftp: asyncssh.SFTPClient, folder: str) -> None:
    if not folder or await sftp.isdir(folder):
        return
    if await sftp.exists(folder):
        raise CommandError(f"remote path {folder} exists but is not a directory")
    await sftp.makedirs(folder, exist_ok=True)


def entries(source: Signed) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an archive with their names, those of archives inside it below their own name."""
    if "assets" in source.fields:
        for name, part in sorted(source.fields["assets"].items()):
            inner = [("", _asset_data(part))] if part.signature == ASSET else entries(part)
            yield from ((posixpath.join(name, below).rstrip("/"), data) for below, data in inner)
    elif "path" in source.fields:
        yield from _packed(Path(source.fields["path"]))


def _asset_data(asset: Signed) -> bytes:
    if "path" in asset.fields:
        return Path(asset.fields["path"]).read_bytes()
    if "uri" in asset.fields:
        return _read_uri(asset.fields["uri"])
    return str(asset.fields.get("text", "")).encode("utf-8", "surrogateescape")


def _packed(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        files = (Path(parent, name) for parent, _, names in os.walk(path) for name in names)
        yield from ((file.relative_to(path).as_posix(), file.read_bytes()) for file in files)
    elif path.suffix in {".zip", ".jar"}:
        with zipfile.ZipFile(path) as packed:
            yield from ((name, packed.read(name)) for name in packed.namelist() if not name.endswith("/"))
    else:
        with tarfile.open(path) as packed_tar:
            for member in packed_tar:
                if (file := packed_tar.extractfile(member)) is not None:
                    yield member.name, file.read()


async def _fetched(uri: str, signature: str) -> bytes:
    if signature != ASSET and not urlsplit(uri).path.endswith(ARCHIVE_ENDINGS):
        raise CommandError(f"URL {uri!r} is not a recognized archive format; expected one of {ARCHIVE_ENDINGS}")
    return await asyncio.to_thread(_read_uri, uri)


def _read_uri(uri: str) -> bytes:
    if urlsplit(uri).scheme not in SCHEMES:
        raise CommandError(f"Unrecognized or unsupported URI scheme in {uri!r}; expected one of {SCHEMES}")
    with urlopen(uri, timeout=60) as answer:  # noqa: S310, the scheme was just looked at
        return bytes(answer.read())


def _basename(uri: str) -> str:
    return posixpath.basename(urlsplit(uri).path)
