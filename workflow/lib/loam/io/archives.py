"""Zips that people bring: what is in them, and members unpacked no further than is sane."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from loam.errors import TableError

JUNK = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}  # that other systems strew
JUNK_FOLDERS = {"__macosx", "$recycle.bin", "system volume information", "@eadir"}
# what the standard library raises for a damaged, encrypted (RuntimeError) or unknown kind of zip or member
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)
RATIO, FREE = 200, 64 * 2**20  # a member may unpack to so many times its size, and to so many bytes anyway


def is_strewn(path: str | PurePosixPath | Path) -> bool:
    """Whether a file is none of the user's: ``__MACOSX/...``, ``._name``, ``.DS_Store``, ``Thumbs.db``, ``~$name``."""
    parts = [part.lower() for part in PurePosixPath(str(path).replace("\\", "/")).parts]
    name = parts[-1] if parts else ""
    return name in JUNK or name.startswith(("._", "~$", ".~lock.")) or any(part in JUNK_FOLDERS for part in parts)


def without_strewn(paths: Iterable[Path], folder: Path) -> list[Path]:
    """The paths, all in ``folder`` or below, but for those that ``is_strewn``; folders above it do not count."""
    return [path for path in paths if not is_strewn(path.relative_to(folder))]


def open_zip(path: Path, *, expected: str | None = None) -> zipfile.ZipFile:
    """Open a zip.

    Raises:
        TableError: it is none, or its directory is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise TableError(
            f"is not a zip that can be read ({error})", where=path, expected=expected, fix="download it again"
        ) from None


def unpack_member(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    """Unpack one member below ``folder``, by its path in the zip.

    Raises:
        TableError: it is encrypted or damaged, leads out of the folder, or would unpack to far more than it is.
    """
    where = f"{archive.filename}: {name}"
    again = "download it again, or take it out"
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise TableError("is not in the zip", where=where, fix=again) from None
    if info.flag_bits & 1:
        raise TableError("is encrypted", where=where, fix="unpack the zip with its password, and give the folder")
    if info.file_size > max(FREE, RATIO * info.compress_size):
        raise TableError(
            f"{info.compress_size} bytes would unpack to {info.file_size}", where=where,
            expected=f"at most {RATIO} times its size", fix=again,
        )  # fmt: skip
    target = folder / PurePosixPath(name)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise TableError("its path leads out of the zip", where=where, fix=again)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(info) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file, 2**20)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise TableError(f"cannot be unpacked ({error})", where=where, fix=again) from None
    return target
