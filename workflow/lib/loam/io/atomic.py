"""Files appear whole or not at all: written under a temporary name in the same folder, synced, then renamed."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loam.io.storage import explained


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    The temporary name keeps the suffix, because writers choose the format by it. If the block raises, the temporary
    file is removed, with all whose names begin with its own, and ``path`` is left as it was.

    Raises:
        StorageError: the disk is full or its permissions forbid it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        with explained(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        for left in path.parent.glob(f"{glob.escape(temporary.name)}*"):
            left.unlink()


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a path beside ``path`` for a folder to be made; it becomes ``path``, whatever was there, when all is well.

    Raises:
        StorageError: the disk is full or its permissions forbid it.
    """
    path = Path(path)
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{kind}") for kind in ("part", "old"))
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        with explained(path, temporary):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if path.exists():
                path.rename(old)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def scratch_beside(path: str | Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder beside ``path``, which exists while ``path`` is made.

    That of a job that was killed is removed when ``path`` is made again (``loam.io.lock``).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=f".{path.name}.{os.getpid()}.scratch.", dir=path.parent)


def write_text(text: str, path: str | Path) -> None:
    """Write ``text`` (UTF-8) to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
