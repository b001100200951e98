"""The files of a product as it was delivered: a folder, or a zip that is read in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loam.errors import RasterError
from loam.io.archives import check_members, open_zip, read_member


@dataclass(frozen=True)
class Archive:
    """Files of a folder or a zip, by their path inside it."""

    where: Path
    names: frozenset[str]
    zipped: bool

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        if not self.zipped:
            try:
                return (self.where / name).read_bytes()
            except OSError as error:
                raise RasterError(f"cannot be read ({error})", where=self.where / name) from error
        with open_zip(self.where, kind=RasterError) as archive:
            return read_member(archive, name, kind=RasterError)

    def check(self, names: Iterable[str]) -> None:
        """Raise where the content of a zipped file is not what the zip's checksum says: GDAL does not look."""
        if self.zipped:
            with open_zip(self.where, kind=RasterError) as archive:
                check_members(archive, names, kind=RasterError)

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
    with open_zip(path, kind=RasterError, expected="a whole product") as archive:
        return Archive(path, frozenset(archive.namelist()), zipped=True)
