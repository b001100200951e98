"""Cloud-optimised GeoTIFFs of a provider, read by window over HTTPS: soil, elevation, land cover, daily moisture grids.

Keys of a dataset's entry ``direct`` in datasets.yaml:

    base         the address that all names are appended to
    credentials  tern: the key TERN_API_KEY, sent as the password of the user ``apikey``; open data have none
    bands        variable: how its bands are read
      files      a name for each band; a list of names stands for the mean of them (depths given as points: the layer
                 0-5 cm is the mean of the values at 0 and at 5 cm)
      minus      names like ``files``, which are subtracted (water held at 33 kPa minus that at 1500 kPa)
      tiles      in place of ``files``: the name of a tile, with {y} and {x} for its south-west corner (S43, E147)
      degrees    size of a tile
      file       for fields: the name of a day's file, with {day:%Y%m%d}
      scale, offset, clip_below, nodata
                 value = pixel * scale + offset, no lower than clip_below; nodata where the file does not name it

A tile that the server does not have (404) holds no land. Where none of a map's tiles is there, the map is all missing,
which ``loam.acquire.steps.fetch_maps`` refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from loam.acquire.catalogue import Variable
from loam.acquire.http import credentials
from loam.acquire.http.credentials import Login
from loam.acquire.http.remote import RasterSource, RemoteRasters
from loam.acquire.source import Bounds, Fields
from loam.errors import AcquireError, ConfigError
from loam.raster.band_on_grid import Reading, read_values, resample
from loam.raster.grid import geobox_of, pixel_metres, project
from loam.raster.whereabouts import Span, lookup_points, span_of_points

log = logging.getLogger("loam")

PATIENCE = 4  # times its latency after which a day that is not there has failed to appear
EDGE = np.linspace(0.0, 1.0, 21)  # along the sides of a box whose place in another CRS is looked up


class CogSource(RasterSource):
    """One dataset of cloud-optimised GeoTIFFs."""

    def native_metres(self, variable: str, geobox: GeoBox) -> float | None:
        """As ``Source.native_metres``: of a map in tiles, the mean of both sides of the first tile's pixels."""
        entry = self._entry(variable)
        if "tiles" not in entry:
            return None
        urls = [self._url(name) for name in tile_names(entry["tiles"], int(entry["degrees"]), geobox)]
        own = self._rasters.read(urls, lambda datasets: [geobox_of(each) for each in datasets[:1]], may_lack=True)
        return float(np.mean(pixel_metres(own[0]))) if own else None

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        """One variable on the pixels of ``geobox``: [band, height, width], float32 with NaN, or classes.

        Raises:
            ConfigError: datasets.yaml does not say where the variable is.
            CredentialError: a key is missing or refused.
            AcquireError: the server did not give it.
        """
        item, entry = self.dataset.variables[variable], self._entry(variable)
        if "tiles" in entry:
            urls = [self._url(name) for name in tile_names(entry["tiles"], int(entry["degrees"]), geobox)]
            return self._resampled(urls, geobox, item, entry, may_lack=True)[np.newaxis]

        @cache  # a depth is the end of two layers
        def read(name: str) -> np.ndarray:
            return self._resampled([self._url(name)], geobox, item, entry)

        values = np.stack([_mean([read(name) for name in _listed(names)]) for names in entry["files"]])
        if "minus" in entry:
            values -= np.stack([_mean([read(name) for name in _listed(names)]) for names in entry["minus"]])
        if "clip_below" in entry:
            values = np.where(values < entry["clip_below"], np.float32(entry["clip_below"]), values)
        return values

    def read_fields(self, bounds: Bounds, days: Sequence[date]) -> Fields:
        """The fields of ``days`` on the native cells that cover ``bounds``, with one cell to spare on each side.

        A day whose file the server does not have has no field. It counts as not yet published if no later day of
        ``days`` is there and it is recent.

        Raises:
            CredentialError: a key is missing or refused.
            AcquireError: the server did not give a day, or the days are on different grids.
        """
        values = {name: {} for name in self.dataset.variables}
        cells: _Cells | None = None
        for name in self.dataset.variables:
            for day in days:
                if (found := self._day(name, day, bounds, cells)) is not None:
                    cells, values[name][day] = found
        cells = cells or self._cells_before(min(days), bounds)
        dims = cells.dims
        missing = np.full(cells.shape, np.nan, np.float32)
        data = xr.Dataset(
            {
                name: (("time", *dims), np.stack([fields.get(day, missing) for day in days]))
                for name, fields in values.items()
            },
            coords={"time": pd.DatetimeIndex(list(days)), dims[0]: cells.y, dims[1]: cells.x},
            attrs={"crs": cells.crs},
        )
        found = np.array([int(all(day in fields for fields in values.values())) for day in days])
        return Fields(data, found, *self._standing(days, found))

    def _standing(self, days: Sequence[date], found: np.ndarray) -> tuple[frozenset[date], date]:
        """Days that the provider may still replace, and the day until which it has published."""
        today = self.access.asked_on or _today()
        there = [day for day, count in zip(days, found, strict=True) if count]
        late = today - timedelta(days=PATIENCE * self.dataset.latency_days)
        fresh = today - timedelta(days=self.dataset.final_days)
        return frozenset(day for day in there if day > fresh), max([late, *there])

    def _day(self, variable: str, day: date, bounds: Bounds, cells: _Cells | None) -> tuple[_Cells, np.ndarray] | None:
        """The cells and the field of a day; None if the server does not have it."""
        entry = self._entry(variable)
        url, reading = self._url(entry["file"].format(day=day)), self._reading(self.dataset.variables[variable], entry)

        def read(datasets: list[rasterio.DatasetReader]) -> tuple[_Cells, np.ndarray] | None:
            if not datasets:
                return None
            here = _Cells.of(datasets[0], bounds)
            if cells is not None and here != cells:
                raise AcquireError("is on another grid than the day before", where=url, expected=str(cells))
            return here, read_values(datasets[0], here.window, reading, np.nan)

        return self._rasters.read([url], read, may_lack=True)

    def _cells_before(self, day: date, bounds: Bounds) -> _Cells:
        """The cells of the latest file before a day that is not there yet."""
        variable = next(iter(self.dataset.variables))
        for back in range(1, PATIENCE * max(1, self.dataset.latency_days) + 1):
            if (found := self._day(variable, day - timedelta(days=back), bounds, None)) is not None:
                return found[0]
        raise AcquireError(
            f"there is no file of {day.isoformat()}, nor of the {PATIENCE * self.dataset.latency_days} days before",
            where=f"{self.dataset.name}, {self.keys['base']}", fix="check the period, and the names in datasets.yaml",
        )  # fmt: skip

    def _resampled(
        self, urls: list[str], geobox: GeoBox, item: Variable, entry: Mapping[str, Any], *, may_lack: bool = False
    ) -> np.ndarray:
        missing = self.dataset.nodata if item.classes else np.nan
        reading = self._reading(item, entry)
        values = self._rasters.read(
            urls, lambda datasets: resample(datasets, geobox, reading, missing), may_lack=may_lack
        )
        if absent := [url for url in urls if self._rasters.lacks(url)]:
            log.info("%s: %d of %d tiles are not there, no land: %s", self.dataset.name, len(absent), len(urls), absent)
        return values

    def _reading(self, item: Variable, entry: Mapping[str, Any]) -> Reading:
        return Reading(
            scale=entry.get("scale"), offset=entry.get("offset"), nodata=entry.get("nodata"), classes=item.classes,
            smooth=self.smooth,
        )  # fmt: skip

    def _entry(self, variable: str) -> Mapping[str, Any]:
        entry = self.keys.get("bands", {}).get(variable)
        if not entry:
            raise ConfigError(
                f"the names of the files of '{variable}' are not known", where=f"dataset '{self.dataset.name}', direct",
                expected="an entry under bands in datasets.yaml", fix="enter them, or choose another dataset",
            )  # fmt: skip
        return entry

    def _url(self, name: str) -> str:
        return f"{self.keys['base'].rstrip('/')}/{name}"

    @cached_property
    def _rasters(self) -> RemoteRasters:
        if self.keys.get("credentials") == "tern":
            login = Login("apikey", credentials.tern())
            return RemoteRasters(login=login, policy=self.policy, fix="renew the key TERN_API_KEY")
        return RemoteRasters(policy=self.policy)


class _Cells:
    """The cells of a raster's window: rows and columns that cover a box, with one to spare."""

    def __init__(self, crs: str, window: Window, x: np.ndarray, y: np.ndarray, geographic: bool) -> None:
        self.crs, self.window, self.x, self.y = crs, window, x, y
        self.dims = ("latitude", "longitude") if geographic else ("y", "x")

    @property
    def shape(self) -> tuple[int, int]:
        return self.y.size, self.x.size

    @classmethod
    def of(cls, dataset: rasterio.DatasetReader, bounds: Bounds) -> _Cells:
        """The cells of ``dataset`` that cover ``bounds``.

        Raises:
            AcquireError: the raster is rotated, has no CRS, or does not touch the box.
        """
        transform, where = dataset.transform, dataset.name.removeprefix("/vsicurl/")
        if dataset.crs is None or transform.b or transform.d:
            raise AcquireError("has no coordinate reference system, or is rotated", where=where)
        crs = pyproj.CRS.from_user_input(dataset.crs)
        west, south, east, north = bounds
        longitude, latitude = np.meshgrid(west + (east - west) * EDGE, south + (north - south) * EDGE)
        x, y = project(longitude.ravel(), latitude.ravel(), pyproj.CRS.from_epsg(4326), crs)
        found = np.isfinite(x) & np.isfinite(y)
        span = span_of_points(transform, x[found], y[found], margin=1)
        span = span.within(Span(0, dataset.height, 0, dataset.width)) if span else None
        if span is None or not span.pixels:
            raise AcquireError("does not cover the region", where=where)
        window = Window(span.left, span.top, span.right - span.left, span.bottom - span.top)
        return cls(
            f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt(), window,
            transform.c + transform.a * (np.arange(span.left, span.right) + 0.5),
            transform.f + transform.e * (np.arange(span.top, span.bottom) + 0.5), crs.is_geographic,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Cells) and self.crs == other.crs and self.shape == other.shape
            and np.allclose(self.x, other.x, rtol=0, atol=1e-3 * abs(self.x[-1] - self.x[0]) / self.x.size)
            and np.allclose(self.y, other.y, rtol=0, atol=1e-3 * abs(self.y[-1] - self.y[0]) / self.y.size)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.crs, self.shape))

    def __str__(self) -> str:
        return f"{self.shape[0]} x {self.shape[1]} cells from ({self.x[0]:.6g}, {self.y[0]:.6g}), {self.crs[:40]}"


def tile_names(template: str, degrees: int, geobox: GeoBox) -> list[str]:
    """The tiles that a grid touches, named by their south-west corners, from north-west to south-east.

    Args:
        template: with {y} and {x}, which become S43 and E147.
        degrees: size of a tile; corners are its multiples.
        geobox: the grid.
    """
    longitude, latitude = lookup_points(geobox, "EPSG:4326")
    east = (np.floor(longitude / degrees).astype(int) * degrees + 180) % 360 - 180
    north = np.floor(latitude / degrees).astype(int) * degrees
    corners = sorted({(-int(y), int(x)) for y, x in zip(north, east, strict=True)})
    return [
        template.format(y=f"{'S' if y > 0 else 'N'}{abs(y):02d}", x=f"{'W' if x < 0 else 'E'}{abs(x):03d}")
        for y, x in corners
    ]


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    return values[0] if len(values) == 1 else np.mean(values, axis=0, dtype=np.float32)


def _is_day(text: object) -> bool:
    return isinstance(text, str) and text != "today"


def _today() -> date:
    return datetime.now(UTC).date()
