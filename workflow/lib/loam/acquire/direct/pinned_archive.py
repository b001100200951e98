"""A GeoTIFF in a ZIP archive that is downloaded once, pinned by its checksum, and read in place.

Keys of a dataset's entry ``direct`` in datasets.yaml:

    url      of the archive
    sha256   its checksum, 64 hex digits; null until somebody has it
    bands    variable: {member: the GeoTIFF's name in the archive, table: [columns that may hold the code]}

The archive lies in ``resources/<dataset>/``, where all runs find it. With a checksum, anything else that the server
sends is refused. Without one, the first archive that proves to be whole is taken, its checksum is written to its
provenance and logged with the line that pins it, and from then on the file on disk must keep it: a later change of the
file is found, a wrong first download is not.

A raster that numbers its classes by index has an attribute table (``<member>.vat.dbf``), whose column ``table`` gives
each value's code; one without a table holds the codes themselves.
"""

from __future__ import annotations

import fcntl
import fnmatch
import logging
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from loam.acquire.canonical.check import check_magic
from loam.acquire.canonical.origin import is_current, read_source, write_source
from loam.acquire.http.download import download
from loam.acquire.http.redact import redact
from loam.acquire.http.remote import RasterSource
from loam.errors import AcquireError, ConfigError, RasterError
from loam.io.archives import open_zip, read_member
from loam.io.provenance import sha256_of_file
from loam.raster.band_on_grid import Reading, resample

log = logging.getLogger("loam")

FIELD = 32  # bytes that describe a column of a dBase table
_DOTTED = re.compile(r"\d(\.\d)+")


class ArchiveSource(RasterSource):
    """One dataset from a ZIP archive."""

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """One variable on the pixels of ``geobox``: [1, height, width], float32 with NaN, or classes.

        Raises:
            ConfigError: datasets.yaml does not say where the variable is.
            AcquireError: the server did not give the archive, or it does not hold what it should.
        """
        entry = self.keys.get("bands", {}).get(variable)
        if not entry:
            raise ConfigError(
                f"no entry for '{variable}'", where=f"dataset '{self.dataset.name}', direct, in datasets.yaml"
            )
        item = self.dataset.variables[variable]
        name = member_of(self.archive, entry["member"])
        codes = codes_of(self.archive, name, entry.get("table", ())) if item.classes else None
        reading = Reading(
            scale=entry.get("scale"), offset=entry.get("offset"), nodata=entry.get("nodata"), classes=item.classes,
            codes=codes,
        )  # fmt: skip
        try:
            if name not in self._open:
                self._open[name] = rasterio.open(f"/vsizip/{{{self.archive.resolve()}}}/{name}")
            values = resample([self._open[name]], geobox, reading, self.dataset.nodata if item.classes else np.nan)
        except RasterError as error:
            raise AcquireError(error.what, where=f"{self.archive}, {name}", expected=error.expected) from None
        except RasterioError as error:
            raise AcquireError(
                f"{name} cannot be read ({error})", where=self.archive, expected="a GeoTIFF",
                fix="remove the archive, so that it is fetched again",
            ) from None  # fmt: skip
        return values[np.newaxis]

    @cached_property
    def _open(self) -> dict[str, rasterio.DatasetReader]:
        """Held open between tiles: what GDAL knows of places in the compressed archive is worth keeping."""
        return {}

    @cached_property
    def archive(self) -> Path:
        """The archive, fetched if it is not there or not what is pinned."""
        url, pinned = str(self.keys["url"]), self.keys.get("sha256")
        if pinned is not None and not re.fullmatch(r"[0-9a-f]{64}", str(pinned)):
            raise ConfigError("is not a SHA-256", where=f"dataset '{self.dataset.name}', key sha256 in datasets.yaml")
        path = dataset_folder(self.workspace, self.dataset.name) / PurePosixPath(redact(url)).name
        request = {"url": redact(url), "sha256": pinned}
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if not self._is_there(path, pinned, request):
                self._fetch(url, path, pinned, request)
        return path

    def _is_there(self, path: Path, pinned: str | None, request: Mapping[str, Any]) -> bool:
        if not path.is_file():
            return False
        if is_current(path, request):
            return True
        found = sha256_of_file(path)
        if found == pinned:  # placed by hand, or fetched before it was pinned
            return True
        if pinned is not None:
            log.warning("%s has SHA-256 %s, not the one pinned; it is fetched again", path, found)
            return False
        if read_source(path) is not None:
            raise AcquireError(
                f"is not the archive that its provenance tells of (SHA-256 {found})", where=path,
                fix="remove it, so that it is fetched again, or pin this checksum in datasets.yaml if it is right",
            )  # fmt: skip
        self._check(path)
        now = datetime.now(UTC)
        self._record(path, pinned, request, (now, now), found, placed_by_hand=True)
        return True

    def _fetch(self, url: str, path: Path, pinned: str | None, request: Mapping[str, Any]) -> None:
        fetched = download(url, path, check=self._check, sha256=pinned, policy=self.policy)
        self._record(path, pinned, request, fetched, fetched.sha256)

    def _check(self, path: Path) -> None:
        check_magic(path, "zip", whole=True)
        for entry in self.keys["bands"].values():
            member_of(path, entry["member"])

    def _record(
        self, path: Path, pinned: str | None, request: Mapping[str, Any], when: Any, sha256: str, **more: Any
    ) -> None:
        write_source(
            path, dataset=self.dataset.name, version=self.dataset.version, back_end=self.back_end, request=request,
            licence=self.dataset.licence, citation=self.dataset.citation, fetched=when, clients=self.clients(),
            extra={"pinned": pinned is not None, **more},
        )  # fmt: skip
        if pinned is None:
            log.warning(
                "%s: no checksum is pinned, this archive is taken on trust; to pin it, set `sha256: %s` in "
                "datasets.yaml under %s, direct, when you have compared it with the provider's",
                path, sha256, self.dataset.name,
            )  # fmt: skip


def dataset_folder(workspace: Path, dataset: str) -> Path:
    """``resources/<dataset>``, where all areas of a dataset meet; the workspace itself where it does not lie in it."""
    return next((folder for folder in workspace.parents if folder.name == dataset), workspace)


def member_of(archive: Path, pattern: str) -> str:
    """The one member of a ZIP archive whose name, or path, is ``pattern`` (``*`` and ``?`` as in a shell).

    Raises:
        AcquireError: there is none, or several.
    """
    with open_zip(archive, kind=AcquireError) as file:
        names = [name for name in file.namelist() if not name.endswith("/")]
    found = [
        name for name in names if fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(PurePosixPath(name).name, pattern)
    ]
    if len(found) != 1:
        rasters = [name for name in names if name.lower().endswith((".tif", ".tiff"))]
        raise AcquireError(
            f"{len(found)} members are called {pattern}", where=archive,
            expected=f"one; the archive holds {', '.join(rasters[:5]) or 'no GeoTIFF'}",
        )  # fmt: skip
    return found[0]


def codes_of(archive: Path, member: str, columns: Sequence[str]) -> dict[int, int] | None:
    """The code of each value of a raster, from its attribute table; None if it has none.

    Codes written with dots (5.4.3) lose them.

    Args:
        archive: the ZIP archive.
        member: the raster in it; its table is ``<member>.vat.dbf``.
        columns: names that the column of codes may have; the first that is there counts.

    Raises:
        AcquireError: a table without these columns, or one that cannot be read.
    """
    with open_zip(archive, kind=AcquireError) as file:
        name = next((name for name in file.namelist() if name.lower() == f"{member}.vat.dbf".lower()), None)
        if name is None or not columns:
            return None
        table = read_dbase(read_member(file, name, kind=AcquireError), f"{archive}, {name}")
    names = {column.lower(): column for column in table}
    code = next((names[column.lower()] for column in columns if column.lower() in names), None)
    if code is None or "value" not in names:
        raise AcquireError(
            f"has columns {', '.join(table)}", where=f"{archive}, {name}",
            expected=f"VALUE and one of {', '.join(columns)}",
        )  # fmt: skip
    try:
        return {
            round(float(value)): round(float(text.replace(".", "") if _DOTTED.fullmatch(text) else text))
            for value, text in zip(table[names["value"]], table[code], strict=True)
            if text
        }
    except ValueError as error:
        raise AcquireError(f"holds values or codes that are no numbers ({error})", where=f"{archive}, {name}") from None


def read_dbase(data: bytes, where: str) -> dict[str, list[str]]:
    """The columns of a dBase III table, as text without blanks.

    Raises:
        AcquireError: it cannot be read.
    """
    try:
        count, head, length = struct.unpack("<4xIHH", data[:12])
        fields, start = [], 1  # a row begins with its mark of deletion
        for place in range(32, head - 1, FIELD):
            name, size = data[place : place + 11].split(b"\x00")[0].decode("ascii"), data[place + 16]
            fields.append((name, start, size))
            start += size
        if start > length or not fields or head + count * length > len(data):
            raise ValueError("it is cut short")
        rows = [data[head + row * length : head + (row + 1) * length] for row in range(count)]
        kept = [row for row in rows if row[:1] != b"*"]
        return {name: [row[at : at + size].decode("latin-1").strip() for row in kept] for name, at, size in fields}
    except (struct.error, IndexError, ValueError) as error:
        raise AcquireError(f"cannot be read as a dBase table ({error})", where=where) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other job fetches ``path``."""
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
