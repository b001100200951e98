"""A gridded file as the cells of its own grid: GeoTIFF bands or CF-netCDF variables, read by window and day.

Both kinds of file become the same thing here: a grid (CRS, transform, shape) and, by feature and day, a block of cells
as float32 with NaN where a value is missing (nodata, fill values, NaN, infinite). Nothing is resampled.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from loam.errors import RasterError
from loam.io.netcdf import open_netcdf, values_of
from loam.raster.bands import unit_of, values_of_band
from loam.raster.day_axis import days_of_steps, refuse_several
from loam.raster.grid import geobox_of, open_raster, present

log = logging.getLogger("loam")

NETCDF = {".nc", ".nc4", ".cdf"}
X_NAMES = {"x", "lon", "longitude", "easting", "projection_x_coordinate"}
Y_NAMES = {"y", "lat", "latitude", "northing", "projection_y_coordinate"}
IRREGULAR = 0.05  # steps between coordinates may differ by this share of a step (single-precision coordinates do)


class GeoTiffCells:
    """The bands of a GeoTIFF; ``names`` are the features of its bands, in order."""

    has_time = False

    def __init__(self, path: Path, dataset: rasterio.DatasetReader, names: Sequence[str]) -> None:
        if dataset.count != len(names):
            raise RasterError(
                f"has {dataset.count} bands, the config names {len(names)} features for it ({', '.join(names)})",
                where=path, fix="name one feature a band, in the bands' order, in mapping.inputs",
            )  # fmt: skip
        self.path, self.geobox, self._dataset = path, geobox_of(dataset), dataset
        self._bands = {name: band for band, name in enumerate(names, start=1)}

    def units(self, name: str) -> str | None:
        """The unit of a feature's band, None where the file does not name it."""
        return unit_of(self._dataset, self._bands[name])

    def read(self, name: str, day: date, rows: slice, cols: slice) -> np.ndarray:
        """Values of a feature [row, column], float32, NaN where missing; a GeoTIFF holds the same on any day."""
        band = self._bands[name]
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        return values_of_band(self._dataset, band, window)


class NetCdfCells:
    """The variables ``names`` of a CF-netCDF file, with or without time."""

    def __init__(self, path: Path, dataset: xr.Dataset, names: Sequence[str], shift: timedelta) -> None:
        missing = [name for name in names if name not in dataset.data_vars]
        if missing:
            raise RasterError(
                f"has no variable {', '.join(missing)}", where=path, expected=f"one of {', '.join(dataset.data_vars)}"
            )
        self.path = path
        first = dataset[names[0]]
        y, x = _dimension(first, Y_NAMES, path), _dimension(first, X_NAMES, path)
        others = [dimension for dimension in first.dims if dimension not in (y, x)]
        if len(others) > 1 or (others and not isinstance(dataset.indexes.get(others[0]), pd.DatetimeIndex)):
            raise RasterError(
                f"variable '{names[0]}' has dimensions {', '.join(first.dims)}", where=path,
                expected="time (in the standard calendar), y, x",
            )  # fmt: skip
        self.has_time = bool(others)
        self.days = days_of_steps(dataset, str(others[0]), path, daily=False, shift=shift) if others else []
        refuse_several(self.days, names[0], path)
        shape, crs = (first.sizes[y], first.sizes[x]), _crs(dataset, first, x, path)
        self.geobox = GeoBox(shape, _transform(first[x], first[y], path), crs.to_wkt())
        if self.has_time:
            self._position = {day: step for step, day in enumerate(self.days)}
        self._variables = {}
        for name in names:
            if set(dataset[name].dims) != set(first.dims):
                raise RasterError(
                    f"variables '{names[0]}' and '{name}' have different dimensions", where=path,
                    fix="list them as two inputs",
                )  # fmt: skip
            self._variables[name] = dataset[name].transpose(*others, y, x).variable

    def units(self, name: str) -> str | None:
        """The units of a variable, None where the file does not name them."""
        return self._variables[name].attrs.get("units")

    def read(self, name: str, day: date, rows: slice, cols: slice) -> np.ndarray:
        """Values of a variable on ``day`` [row, column], float32, NaN where missing.

        Raises:
            RasterError: the file has time, but not this day.
        """
        if not self.has_time:
            return self._clean(values_of(self._variables[name][rows, cols], self.path))
        if day not in self._position:
            days = sorted(self._position)
            raise RasterError(
                f"has no {day}", where=self.path,
                expected=f"that day among its {len(days)}, {days[0]} to {days[-1]}" if days else "a day",
            )  # fmt: skip
        return self._clean(values_of(self._variables[name][self._position[day], rows, cols], self.path))

    @staticmethod
    def _clean(values: np.ndarray) -> np.ndarray:
        return np.where(present(values, None), values, np.nan).astype(np.float32)


Cells = GeoTiffCells | NetCdfCells


@contextmanager
def open_cells(path: str | Path, names: Sequence[str], shift: timedelta = timedelta(0)) -> Iterator[Cells]:
    """Open a GeoTIFF or netCDF file that holds the features ``names``.

    Args:
        path: of the file.
        names: of its bands in order, or of variables.
        shift: of the run's days from those of UTC, for files of one's own whose steps have bounds.

    Raises:
        RasterError: file missing or unreadable, without CRS or grid, with other bands or variables than ``names``.
    """
    path = Path(path)
    if path.suffix.lower() not in NETCDF:
        with open_raster(path) as dataset:
            yield GeoTiffCells(path, dataset, names)
        return
    with open_netcdf(path) as opened:
        yield NetCdfCells(path, opened, names, shift)


def _dimension(variable: xr.DataArray, known: set[str], path: Path) -> str:
    for dimension in variable.dims:
        names = {str(dimension).lower()}
        if dimension in variable.coords:
            names.add(variable[dimension].attrs.get("standard_name", ""))
        if names & known and dimension in variable.coords:
            return dimension
    raise RasterError(
        f"variable '{variable.name}' has no coordinate named {', '.join(sorted(known))}", where=path,
        expected="a regular grid with one-dimensional coordinates",
    )  # fmt: skip


def _transform(x: xr.DataArray, y: xr.DataArray, path: Path) -> Affine:
    (left, across), (top, down) = (_first_and_step(coordinate, path) for coordinate in (x, y))
    return Affine(across, 0.0, left - across / 2, 0.0, down, top - down / 2)


def _first_and_step(coordinate: xr.DataArray, path: Path) -> tuple[float, float]:
    values = coordinate.values.astype(np.float64)
    if len(values) < 2:
        raise RasterError(f"'{coordinate.name}' has one value, so the cell size is unknown", where=path)
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not step or np.abs(np.diff(values) - step).max() > IRREGULAR * abs(step):
        raise RasterError(f"'{coordinate.name}' is not evenly spaced", where=path, expected="a regular grid")
    return float(values[0]), float(step)


def _crs(dataset: xr.Dataset, variable: xr.DataArray, x: str, path: Path) -> pyproj.CRS:
    mapping = str(variable.attrs.get("grid_mapping", "")).split(":")[0].strip()
    if mapping in dataset.variables:
        attributes = dataset[mapping].attrs
        try:
            return pyproj.CRS.from_user_input(attributes.get("crs_wkt") or attributes.get("spatial_ref") or attributes)
        except pyproj.exceptions.CRSError:
            pass
        try:
            return pyproj.CRS.from_cf(attributes)
        except (pyproj.exceptions.CRSError, KeyError, TypeError, ValueError) as error:
            raise RasterError(f"its coordinate reference system cannot be read ({error})", where=path) from None
    if str(variable[x].attrs.get("units", "")).startswith("degree"):
        log.info("%s names no CRS; longitude and latitude are taken as WGS 84", path)
        return pyproj.CRS.from_epsg(4326)
    raise RasterError(
        "has no coordinate reference system", where=path,
        fix="add a CF grid_mapping variable, with rioxarray's write_crs",
    )  # fmt: skip
