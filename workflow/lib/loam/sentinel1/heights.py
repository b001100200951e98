"""Heights above the ellipsoid, which radar geometry needs, from an elevation model above a geoid.

PROJ as it comes in Python's wheels has no geoid grids and leaves heights as they are without a word, 50 m off at Rome.
So the grid file is read here, as a raster, and its absence is an error. PROJ's data packages hold it: ``proj-data`` of
Debian and of conda-forge (EGM96: egm96_15.gtx or us_nga_egm96_15.tif; EGM2008: us_nga_egm08_25.tif).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyproj
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from scipy.ndimage import map_coordinates

from loam.door import Door
from loam.errors import RasterError
from loam.raster.bands import RASTER_DAMAGE, unit_of
from loam.raster.grid import geobox_of, open_raster, pixel_metres, present

log = logging.getLogger("loam")

# Vertical datum of the elevation model: files that hold its geoid, and how far EGM96 is from it, m (None: not a geoid)
GEOIDS: dict[str, Sequence[str]] = {
    "EGM96": ("egm96_15.gtx", "us_nga_egm96_15.tif"),
    "EGM2008": ("us_nga_egm08_25.tif", "egm08_25.gtx"),
    "AHD": ("au_ga_AUSGeoid09_V1.01.tif", "au_ga_AUSGeoid2020_20180201.tif"),
}
ELLIPSOID = "WGS84 ellipsoid"
SAME = 1e-3  # pixels by which two lattices may differ and count as one


@dataclass(frozen=True)
class Geoid:
    """The height of a geoid above the ellipsoid, on a grid of longitudes and latitudes.

    Args:
        name: of the datum; the ellipsoid itself has no values.
        values: m [row, column], or None.
        west, north: of the first cell's centre, degrees.
        step_x, step_y: between cells, degrees, positive.
    """

    name: str
    values: np.ndarray | None = None
    west: float = 0.0
    north: float = 0.0
    step_x: float = 1.0
    step_y: float = 1.0

    def undulation(self, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        """Height of the geoid above the ellipsoid, m [...], bilinear, at longitudes and latitudes (deg) [...].

        Raises:
            RasterError: a place outside the grid.
        """
        if self.values is None:
            return np.zeros(np.shape(longitude))
        rows, columns = self.values.shape
        column = ((np.ravel(longitude) - self.west) % 360.0) / self.step_x
        row = (self.north - np.ravel(latitude)) / self.step_y
        wraps = columns * self.step_x >= 360.0 - 1e-6
        if np.any((row < -0.5) | (row > rows - 0.5)) or (not wraps and np.any(column > columns - 0.5)):
            raise RasterError("the region is outside the geoid's grid", where=self.name, fix="take a global geoid")
        values = np.concatenate([self.values, self.values[:, :1]], axis=1) if wraps else self.values
        height = map_coordinates(values, [row, column], order=1, mode="nearest")
        if np.isnan(height).any():
            raise RasterError("the geoid's grid has no value in the region", where=self.name, fix="take a global geoid")
        return height.reshape(np.shape(longitude))


def open_geoid(datum: str, path: str | Path | None = None) -> Geoid:
    """The geoid of an elevation model's vertical datum.

    Args:
        datum: ``EGM96``, ``EGM2008``, ``AHD``, or ``WGS84 ellipsoid`` for heights that need none.
        path: the grid file; looked for among PROJ's data if not given.

    Raises:
        RasterError: the datum is not known, or its grid is nowhere.
    """
    if datum == ELLIPSOID:
        return Geoid(datum)
    if datum not in GEOIDS:
        raise RasterError(
            f"unknown vertical datum '{datum}'", where="elevation model",
            expected=f"{', '.join(GEOIDS)} or '{ELLIPSOID}'", fix="set its tag vertical_datum",
        )  # fmt: skip
    found = [Path(path)] if path else _found(GEOIDS[datum])
    if not found and datum == "EGM2008" and (found := _found(GEOIDS["EGM96"])):
        log.warning("no grid of EGM2008; EGM96 stands in, which differs from it by a metre at most places")
    if not found or not found[0].is_file():
        raise RasterError(
            f"no grid of the geoid {datum}", where=path or ", ".join(map(str, _folders())),
            expected=" or ".join(GEOIDS[datum]),
            fix="install proj-data (Debian, conda-forge), or name the file in sentinel1.geoid",
        )  # fmt: skip
    with open_raster(found[0]) as dataset:
        transform, values = dataset.transform, dataset.read(1).astype(np.float64)
        values[~present(values, dataset.nodata)] = np.nan
    log.info("geoid %s from %s", datum, found[0])
    return Geoid(datum, values, transform.c + transform.a / 2, transform.f + transform.e / 2, transform.a, -transform.e)


def _folders() -> list[Path]:
    given = [os.environ.get(name, "") for name in ("PROJ_DATA", "PROJ_LIB")]
    folders = [*os.pathsep.join(given).split(os.pathsep), *pyproj.datadir.get_data_dir().split(os.pathsep)]
    folders += [pyproj.datadir.get_user_data_dir(), "/usr/share/proj", "/usr/local/share/proj"]
    return [Path(folder) for folder in dict.fromkeys(folders) if folder]


def _found(names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names for folder in _folders() if (folder / name).is_file()]


def vertical_datum(path: str | Path) -> str:
    """The vertical datum that an elevation model's tag names.

    Raises:
        RasterError: it has no such tag.
    """
    with open_raster(path) as dataset:
        datum = dataset.tags().get("vertical_datum")
    if not datum:
        raise RasterError(
            "does not name its vertical datum", where=path, expected="tag vertical_datum",
            fix="add it, with gdal_edit -mo vertical_datum=EGM96; of terrain_local, layout.yaml can say it",
        )  # fmt: skip
    return datum


def ellipsoidal_heights(dem: str | Path, geobox: GeoBox, geoid: Geoid) -> np.ndarray:
    """Heights above the ellipsoid, m, on a grid: float64 [row, column]; NaN in holes and outside the elevation model.

    Bilinear; where the grid is coarser than the elevation model, its mean over each pixel. Scale, offset and unit of
    the elevation model's band are followed.

    Raises:
        RasterError: its unit is none of length, or a height is impossible.
    """
    with open_raster(dem) as dataset:
        window = own_window(geobox_of(dataset), geobox)
        heights = _warped(dataset, dem, geobox) if window is None else own_heights(dataset, window, dem)
        heights = metres_of(heights, dataset, dem)
    longitude, latitude = geobox_lonlat(geobox, step=16)
    undulation = geoid.undulation(longitude, latitude)
    _raise(heights, undulation, 16)
    return heights


def own_window(own: GeoBox, geobox: GeoBox) -> Window | None:
    """The window of a raster's own pixels that are those of ``geobox``; None where these lie otherwise."""
    steps = ~own.transform @ geobox.transform
    column, row = round(steps.c), round(steps.f)
    height, width = geobox.shape
    off = max(
        abs(steps.a - 1) * width, abs(steps.e - 1) * height, abs(steps.c - column), abs(steps.f - row), abs(steps.b),
        abs(steps.d),
    )  # fmt: skip
    return Window(column, row, width, height) if own.crs == geobox.crs and off < SAME else None


def own_heights(dataset: rasterio.DatasetReader, window: Window, dem: str | Path) -> np.ndarray:
    """A window of an elevation model, which may reach beyond it: float64 [row, column], as written; NaN where missing.

    Raises:
        RasterError: it is damaged.
    """
    values = np.full((int(window.height), int(window.width)), np.nan)
    top, left = max(int(window.row_off), 0), max(int(window.col_off), 0)
    bottom = min(int(window.row_off + window.height), dataset.height)
    right = min(int(window.col_off + window.width), dataset.width)
    if top < bottom and left < right:
        part = _read(dataset, dem, window=Window(left, top, right - left, bottom - top))
        row, column = top - int(window.row_off), left - int(window.col_off)
        values[row : row + bottom - top, column : column + right - left] = np.where(
            present(part, dataset.nodata), part, np.nan
        )
    return values


def _warped(dataset: rasterio.DatasetReader, dem: str | Path, geobox: GeoBox) -> np.ndarray:
    coarser = np.prod(pixel_metres(geobox)) > 1.5 * np.prod(pixel_metres(geobox_of(dataset)))
    with WarpedVRT(
        dataset, crs=geobox.crs.to_wkt(), transform=geobox.transform, height=geobox.shape[0], width=geobox.shape[1],
        resampling=Resampling.average if coarser else Resampling.bilinear, dtype="float64", nodata=-32768.0,
        src_nodata=dataset.nodata,
    ) as warped:  # fmt: skip
        heights = _read(warped, dem)
    return np.where(present(heights, -32768.0), heights, np.nan)


def _read(dataset: rasterio.DatasetReader | WarpedVRT, dem: str | Path, **what: Any) -> np.ndarray:
    try:
        return dataset.read(1, **what)
    except RASTER_DAMAGE as error:
        raise RasterError(
            f"cannot be read to its end ({error.__cause__ or error})", where=dem, expected="a whole GeoTIFF",
            fix="fetch or write it again",
        ) from None  # fmt: skip


def metres_of(heights: np.ndarray, dataset: rasterio.DatasetReader, dem: str | Path) -> np.ndarray:
    """Pixels of an elevation model (any shape, NaN where missing) as heights in m, by its scale, offset and unit.

    Raises:
        RasterError: its unit is none of length, or a height is impossible.
    """
    if (dataset.scales[0], dataset.offsets[0]) != (1.0, 0.0):
        heights = heights * dataset.scales[0] + dataset.offsets[0]
    door = Door("elevation", unit_of(dataset, 1) or "m", dem)
    door.pass_through(heights)  # refuses what cannot be; heights stay in double precision
    door.close()
    return door.convert(heights)


@numba.njit(cache=True, nogil=True)
def _raise(heights, undulation, step):
    """Add an undulation that is given at every ``step``-th pixel and once beyond the last, bilinear."""
    rows, columns = heights.shape
    between = np.empty(undulation.shape[1])
    for row in range(rows):
        upper, lower, v = undulation[row // step], undulation[row // step + 1], (row % step) / step
        for node in range(len(between)):
            between[node] = upper[node] + (lower[node] - upper[node]) * v
        for column in range(columns):
            near = between[column // step]
            heights[row, column] += near + (between[column // step + 1] - near) * ((column % step) / step)


def geobox_lonlat(geobox: GeoBox, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (deg) of every ``step``-th pixel's centre and one beyond the last, each [row, column]."""
    rows = np.arange(0, geobox.shape[0] + step, step) + 0.5
    columns = np.arange(0, geobox.shape[1] + step, step) + 0.5
    column, row = np.meshgrid(columns, rows)
    x, y = geobox.transform @ (column.ravel(), row.ravel())
    transformer = pyproj.Transformer.from_crs(geobox.crs.proj, "EPSG:4979", always_xy=True)
    longitude, latitude = transformer.transform(x, y)
    return np.reshape(longitude, row.shape), np.reshape(latitude, row.shape)
