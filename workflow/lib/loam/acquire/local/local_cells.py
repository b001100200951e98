"""The cells of a netCDF file that users hold: axes, coordinate reference system, and those that cover a region."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import xarray as xr

from loam.acquire.local.layout import FILE, Layout
from loam.acquire.source import Bounds
from loam.errors import RasterError
from loam.raster.grid import project

Y_NAMES, X_NAMES = {"latitude", "lat", "y", "northing"}, {"longitude", "lon", "x", "easting"}
EDGE = np.linspace(0.0, 1.0, 21)  # along the sides of a box whose place in another CRS is looked up


@dataclass(frozen=True)
class Cells:
    """The cells that cover the region: CRS, centres, rows and columns in the file, names of its axes."""

    crs: str
    geographic: bool
    y: np.ndarray
    x: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    axes: tuple[str, str]

    def same(self, other: Cells) -> bool:
        """Whether the centres are the same, to a hundredth of a cell."""
        return self.crs == other.crs and _same(self.y, other.y) and _same(self.x, other.x)


def cells_in(data: xr.Dataset, array: xr.DataArray, layout: Layout, bounds: Bounds, path: Path) -> Cells:
    """The cells of ``array``, a variable of ``data``, that cover ``bounds``, with one to spare on each side.

    Args:
        data: the file.
        array: one of its variables, without axes of one step.
        layout: tells the CRS where the file does not.
        bounds: west, south, east, north, degrees.
        path: of the file, for errors.

    Raises:
        RasterError: its axes or its CRS are not known, or it does not cover the region.
    """
    y, x = (_axis(array, axis, names, path) for axis, names in (("Y", Y_NAMES), ("X", X_NAMES)))
    crs = _crs(data, array, y, layout, path)
    down, across = np.asarray(array[y].values, float), np.asarray(array[x].values, float)
    if crs.is_geographic:
        across = np.where(across > 180.0, across - 360.0, across)
    west, south, east, north = bounds
    longitude, latitude = np.meshgrid(west + (east - west) * EDGE, south + (north - south) * EDGE)
    columns, rows = project(longitude.ravel(), latitude.ravel(), pyproj.CRS.from_epsg(4326), crs)
    chosen_rows, chosen_columns = _covering(down, rows, path), _covering(across, columns, path)
    name = f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt()
    return Cells(
        name, crs.is_geographic, down[chosen_rows], across[chosen_columns], chosen_rows, chosen_columns, (y, x)
    )  # fmt: skip


def _covering(centres: np.ndarray, points: np.ndarray, path: Path) -> np.ndarray:
    """Which of ``centres``, from one end to the other, are of cells that hold ``points``, and one more on each side."""
    order = np.argsort(centres)
    order = order if centres[0] <= centres[-1] else order[::-1]
    step = float(np.median(np.abs(np.diff(centres[order])))) if centres.size > 1 else 0.0
    points = points[np.isfinite(points)]
    if points.size:
        near = (centres > points.min() - 1.5 * step) & (centres < points.max() + 1.5 * step)
        order = order[near[order]]
    if not points.size or order.size < 2:
        raise RasterError("does not cover the region", where=path)
    return order


def _same(mine: np.ndarray, theirs: np.ndarray) -> bool:
    return mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=0, atol=0.01 * np.ptp(mine) / len(mine))


def _axis(array: xr.DataArray, axis: str, names: set[str], path: Path) -> str:
    for dim in array.dims:
        if dim not in array.coords or array[dim].dtype.kind == "M":
            continue
        attributes = array[dim].attrs
        if attributes.get("axis") == axis or str(dim).lower() in names:
            return str(dim)
    raise RasterError(
        f"{array.name} has axes {', '.join(map(str, array.dims))}, none of which is known for {axis.lower()}",
        where=path, expected="coordinates latitude and longitude, or y and x, one value a row or column",
    )  # fmt: skip


def _crs(data: xr.Dataset, array: xr.DataArray, y: str, layout: Layout, path: Path) -> pyproj.CRS:
    """The CRS of the file's grid mapping, of layout.yaml, or longitude and latitude."""
    name = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    try:
        if name in data.variables:
            attributes = data[name].attrs
            text = attributes.get("crs_wkt") or attributes.get("spatial_ref")
            return pyproj.CRS.from_user_input(text) if text else pyproj.CRS.from_cf(attributes)
        if layout.crs:
            return pyproj.CRS.from_user_input(layout.crs)
    except (pyproj.exceptions.CRSError, KeyError) as error:
        raise RasterError(f"its coordinate reference system cannot be read ({error})", where=path) from None
    if y.lower().startswith("lat") or str(array[y].attrs.get("units", "")).startswith("degree"):
        return pyproj.CRS.from_epsg(4326)
    raise RasterError(
        "has no coordinate reference system", where=path, fix=f"give it a grid mapping, or say `crs: ...` in {FILE}"
    )
