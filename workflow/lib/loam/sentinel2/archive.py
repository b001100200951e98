"""The files of a product as it was delivered: a folder, or a zip that is read in place."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loam.errors import RasterError
from loam.io.archives import UNREADABLE


@dataclass(frozen=True)
class Archive:
    """Files of a folder or a zip, by their path inside it."""

    where: Path
    names: frozenset[str]
    zipped: bool

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        if not self.zipped:
            return (self.where / name).read_bytes()
        with self._whole(name), zipfile.ZipFile(self.where) as archive:
            return archive.read(name)

    def check(self, names: Iterable[str]) -> None:
        """Raise where the content of a zipped file is not what the zip's checksum says: GDAL does not look."""
        if self.zipped:
            for name in names:
                with self._whole(name), zipfile.ZipFile(self.where) as archive, archive.open(name) as file:
                    while file.read(2**20):
                        pass

    @contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:
            raise RasterError(
                f"{name} cannot be read ({error})", where=self.where, fix="fetch the product again"
            ) from None

    def raster(self, name: str) -> str:
        """The path by which GDAL reads a file."""
        return f"/vsizip/{{{self.where}}}/{name}" if self.zipped else str(self.where / name)


def open_archive(path: Path) -> Archive:
    """Open a folder or a zip.

    Raises:
        RasterError: not a whole zip.
    """
    if path.is_dir():
        files = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        return Archive(path, frozenset(files), zipped=False)
    try:
        with zipfile.ZipFile(path) as archive:
            return Archive(path, frozenset(archive.namelist()), zipped=True)
    except UNREADABLE as error:
        raise RasterError(
            f"cannot be read as a zip ({error})", where=path, expected="a whole product", fix="fetch it again"
        ) from None
