"""Packed files that people bring: what is in them, and unpacked no further than is sane."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from loam.errors import LoamError, TableError

JUNK = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}  # that other systems strew
JUNK_FOLDERS = {"__macosx", "$recycle.bin", "system volume information", "@eadir"}
# what the standard library raises for a damaged, encrypted (RuntimeError) or unknown kind of archive or member
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError,
    OverflowError, MemoryError,
)  # fmt: skip
RATIO, FREE = 200, 64 * 2**20  # what is packed may unpack to so many times its size, and to so many bytes anyway
AGAIN = "download it again, or take it out"


def is_strewn(path: str | PurePosixPath | Path) -> bool:
    """Whether a file is none of the user's: ``__MACOSX/...``, ``._name``, ``.DS_Store``, ``Thumbs.db``, ``~$name``."""
    parts = [part.lower() for part in PurePosixPath(str(path).replace("\\", "/")).parts]
    name = parts[-1] if parts else ""
    return name in JUNK or name.startswith(("._", "~$", ".~lock.")) or any(part in JUNK_FOLDERS for part in parts)


def without_strewn(paths: Iterable[Path], folder: Path) -> list[Path]:
    """The paths, all in ``folder`` or below, but for those that ``is_strewn``; folders above it do not count."""
    return [path for path in paths if not is_strewn(path.relative_to(folder))]


def open_zip(path: Path, *, kind: type[LoamError] = TableError, expected: str | None = None) -> zipfile.ZipFile:
    """Open a zip.

    Args:
        path: of the zip.
        kind: class of the error.
        expected: what it should hold, for the error.

    Raises:
        LoamError: of that class; it is none, or its directory is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise kind(
            f"is not a zip that can be read ({error})", where=path, expected=expected, fix="download it again"
        ) from None


@contextmanager
def open_member(
    archive: zipfile.ZipFile, name: str, *, kind: type[LoamError] = TableError, where: str | None = None
) -> Iterator[IO[bytes]]:
    """Open a member for reading; what goes wrong with it while it is read is an error that names it.

    Args:
        archive: the zip.
        name: path in the zip.
        kind: class of the error.
        where: how the member is named in it.

    Raises:
        LoamError: of that class; it is not there, encrypted or damaged, or would unpack to far more than it is.
    """
    where = where or f"{archive.filename}: {name}"
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise kind("is not in the zip", where=where, fix=AGAIN) from None
    if info.flag_bits & 1:
        raise kind("is encrypted", where=where, fix="unpack the zip with its password, and give the folder")
    if info.file_size > bound_of(info.compress_size):
        raise kind(
            f"{info.compress_size} bytes would unpack to {info.file_size}", where=where,
            expected=f"at most {RATIO} times its size", fix=AGAIN,
        )  # fmt: skip
    try:
        with archive.open(info) as packed:
            yield packed
    except UNREADABLE as error:
        raise kind(f"cannot be unpacked ({error})", where=where, fix=AGAIN) from error


def read_member(
    archive: zipfile.ZipFile, name: str, *, kind: type[LoamError] = TableError, where: str | None = None
) -> bytes:
    """The bytes of a member. Arguments and errors are those of ``open_member``."""
    with open_member(archive, name, kind=kind, where=where) as packed:
        return packed.read()


def unpack_member(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    """Unpack one member below ``folder``, by its path in the zip.

    Raises:
        TableError: it is encrypted or damaged, leads out of the folder, or would unpack to far more than it is.
    """
    target = folder / PurePosixPath(name)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise TableError("its path leads out of the zip", where=f"{archive.filename}: {name}", fix=AGAIN)
    with open_member(archive, name) as packed:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(packed, file, 2**20)
    return target


def check_members(archive: zipfile.ZipFile, names: Iterable[str], *, kind: type[LoamError] = TableError) -> None:
    """Read members to their end, for their checksums. Errors are those of ``open_member``."""
    for name in names:
        with open_member(archive, name, kind=kind) as packed:
            while packed.read(2**20):
                pass


def read_gzip(path: Path, *, kind: type[LoamError] = TableError) -> bytes:
    """The bytes that a gzip file holds.

    Raises:
        LoamError: of the class ``kind``; it is none, damaged, or would unpack to far more than it is.
    """
    most = bound_of(path.stat().st_size)
    try:
        with gzip.open(path) as packed:
            data = packed.read(most + 1)
    except UNREADABLE as error:
        raise kind(f"cannot be unpacked ({error})", where=path, fix="download it again") from None
    if len(data) > most:
        raise kind(
            f"unpacks to over {most} bytes", where=path, expected=f"at most {RATIO} times its size",
            fix="download it again",
        )  # fmt: skip
    return data


def bound_of(size: int) -> int:
    """Bytes that ``size`` packed bytes may unpack to."""
    return max(FREE, RATIO * size)
