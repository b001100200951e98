"""SILO: daily weather grids of Australia (Jeffrey et al., 2001), one netCDF file a variable and year, openly on S3.

A year's file holds some 400 MB, and the current one grows day by day. Its store takes byte ranges, so the region's
cells of the days wanted are read out of it in place; nothing is shared between jobs. Where ranges are not taken, or the
file is classic netCDF, it is fetched whole to the workspace.

SILO's days end at 9 am local time: the rain of a day fell in the 24 hours before 9 am of that day, the lowest
temperature was read then, and the highest belongs to the 24 hours that begin then (Bureau of Meteorology practice; the
catalogue's ``day_boundary`` goes into the canonical file). The past half year is revised as observations come in.

Keys of the catalogue: ``url`` with {variable} and {year}; ``grid``: latitude and longitude: [first, last, count];
``bands``: band, units (one of those that the file may name).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr

from loam.acquire.canonical.canonical import check_range
from loam.acquire.canonical.check import check_magic
from loam.acquire.direct.file_source import FileSource
from loam.acquire.direct.grid_file import LATITUDES, LONGITUDES, GridFile, open_grid_file
from loam.acquire.direct.region_cells import Window, declared_window, found_window
from loam.acquire.http.content import HDF5
from loam.acquire.http.download import download
from loam.acquire.http.remote_file import NoRangesError, RemoteFile
from loam.acquire.http.retry import status_of
from loam.acquire.source import Bounds, Fields
from loam.errors import AcquireError

log = logging.getLogger("loam")


class SiloSource(FileSource):
    """Fields from files of a variable and year.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it.
        workspace: holds files that must be fetched whole.
        policy: how long to insist.
    """

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the 0.05 degree cells that cover ``bounds``; sea is missing."""
        years = sorted({day.year for day in days})
        read = {
            (name, year): self._read(name, [day for day in days if day.year == year], bounds)
            for name in self.dataset.variables
            for year in years
        }
        windows = [part.window for part in read.values() if part is not None]
        window = windows[0] if windows else declared_window(self.keys["grid"], bounds, self.dataset.name)
        blocks = {}
        for name in self.dataset.variables:
            empty = np.full(window.shape, np.nan, np.float32)
            parts = {day.year: read[name, day.year] for day in days}
            blocks[name] = np.stack([
                empty if parts[day.year] is None else parts[day.year].fields.get(day, empty) for day in days
            ])  # fmt: skip
        data = xr.Dataset(
            {name: (("time", *window.dims), block) for name, block in blocks.items()},
            coords={"time": np.array(days, "datetime64[ns]"), window.dims[0]: window.y, window.dims[1]: window.x},
            attrs={"crs": window.crs},
        )
        there = [np.isfinite(block).any(axis=(1, 2)) for block in blocks.values()]
        found = np.all(there, axis=0).astype(int)
        settled = self._as_of() - timedelta(days=self.dataset.final_days)
        provisional = frozenset(day for day, count in zip(days, found, strict=True) if count and day > settled)
        latest = [part for (_, year), part in read.items() if year == years[-1]]
        until = min(date(years[-1] - 1, 12, 31) if part is None else part.last for part in latest)
        return Fields(data, found, provisional, None if found.all() else until)

    def _as_of(self) -> date:
        return self.access.asked_on or datetime.now(UTC).date()

    def _read(self, name: str, days: Sequence[date], bounds: Bounds) -> Part | None:
        """The fields of ``days`` (of one year) that a variable's file has; None where there is no file yet."""
        band, year = self.keys["bands"][name], days[0].year
        url = self.keys["url"].format(variable=band["band"], year=year)
        where = f"{self.dataset.name}, {band['band']} of {year}"
        try:
            with self._open(url, where) as file:
                return self._part(file, name, days, bounds, where)
        except AcquireError as error:
            if status_of(error) == 404 and year >= self._as_of().year:
                log.info("%s is not published yet", where)
                return None
            raise

    def _part(self, file: GridFile, name: str, days: Sequence[date], bounds: Bounds, where: str) -> Part:
        band = self.keys["bands"][name]
        file.check_units(band["band"], band["units"])
        latitude, longitude = (file.raw(file.first_of(names)) for names in (LATITUDES, LONGITUDES))
        window = found_window(latitude, longitude, self.keys["grid"], bounds, where)
        known = file.days()
        shape = (len(known), len(latitude), len(longitude))
        if file.shape(band["band"]) != shape:
            came = " x ".join(map(str, file.shape(band["band"])))
            raise AcquireError(f"{band['band']} has {came} cells", where=where, expected=" x ".join(map(str, shape)))
        if not known or any(later <= day for day, later in pairwise(known)) or known[0].year != days[0].year:
            raise AcquireError(f"its {len(known)} days are not those of {days[0].year} in order", where=where)
        places = {day: place for place, day in enumerate(known) if day in set(days)}
        fields = {}
        if places:
            first, last = min(places.values()), max(places.values())
            rows, columns = window.rows, window.columns
            block = file.values(band["band"], slice(first, last + 1), rows, columns, nodata=self.dataset.nodata)
            if not np.isfinite(block).any():
                raise AcquireError(
                    f"{band['band']} is all missing in the region", where=where, expected="values on land",
                    fix="choose a dataset that covers the region",
                )  # fmt: skip
            check_range(block, self.dataset.variables[name], where=where, place=lambda at: f"{known[first + at[0]]}")
            fields = {day: block[place - first] for day, place in places.items()}
        return Part(window, fields, known[-1])

    @contextmanager
    def _open(self, url: str, where: str) -> Iterator[GridFile]:
        """The file at ``url``, in place or fetched."""
        remote = self._in_place(url, where)
        if remote is not None:
            with remote:
                try:
                    with open_grid_file(remote, where) as file:
                        yield file
                except AcquireError:
                    if remote.error is not None:
                        raise remote.error from None
                    raise
            return
        path = self.workspace / url.rsplit("/", 1)[-1]
        if not path.exists():
            log.info("%s is fetched whole", where)
            download(url, path, check=_is_netcdf, session=self.session, policy=self.policy, what=where)
        try:
            with open_grid_file(path, where) as file:
                yield file
        except AcquireError:
            path.unlink(missing_ok=True)
            raise

    def _in_place(self, url: str, where: str) -> RemoteFile | None:
        """The file in place; None where its server takes no ranges, or it is not HDF5."""
        try:
            remote = RemoteFile(url, session=self.session, policy=self.policy, what=where)
        except NoRangesError:
            return None
        return remote if remote.head.startswith(HDF5) else None


@dataclass(frozen=True)
class Part:
    """What a file gave: the region's cells, fields by day, and the last day that the file has."""

    window: Window
    fields: Mapping[date, np.ndarray]
    last: date


def _is_netcdf(path: Path) -> None:
    check_magic(path, "netcdf")
