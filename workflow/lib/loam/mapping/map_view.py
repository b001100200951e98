"""A map, or a part of it, as a panel of a picture shows it: read no finer than the panel is, with its scale and north.

Positions in a view are columns and rows of the map's own pixels, counted from the centre of the first one, so that
stations and boxes stand right however coarsely the pixels are read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.windows import Window

from loam.errors import ConfigError
from loam.mapping.trust import band_number
from loam.raster.bands import values_of_band
from loam.raster.dateline import period_of
from loam.raster.grid import crs_of, geobox_of, open_raster, pixel_metres, project
from loam.training.ranges import RANGE_BAND

LONGEST_SIDE = 1200  # pixels of the map that a panel shows; larger maps are read from their overviews
EDGE_POINTS = 21  # of a side of a box in degrees, which is a curve on a projected grid

log = logging.getLogger("loam")


@dataclass(frozen=True)
class View:
    """What a panel shows.

    Args:
        window: part of the map, pixels.
        bands: values of each band [row, column], m3 m-3, NaN where there is none.
        sides, classes: bands ``inside_training_range`` and ``class`` of ``trust.tif`` [row, column].
        metres: width and height of a pixel of the map at the middle of the window.
        north: direction of true north there, degrees clockwise from the picture's top.
    """

    window: Window
    bands: Mapping[str, np.ndarray]
    sides: np.ndarray
    classes: np.ndarray
    metres: tuple[float, float]
    north: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top edge, in positions."""
        part = self.window
        return part.col_off - 0.5, part.col_off + part.width - 0.5, part.row_off + part.height - 0.5, part.row_off - 0.5

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, m."""
        return self.window.width * self.metres[0], self.window.height * self.metres[1]


def read_view(
    map_path: str | Path, trust: str | Path, bands: Collection[str], zoom: Sequence[float] | None = None
) -> View:
    """Read these bands of a map, and how far to trust it, at most ``LONGEST_SIDE`` pixels a side.

    Args:
        map_path: the map.
        trust: ``trust.tif`` beside it.
        bands: names.
        zoom: west, south, east, north of the part, degrees; None for all of it.

    Raises:
        ConfigError: the part lies off the map.
        RasterError: a file lacks, is damaged, or has no such band.
    """
    with open_raster(map_path) as dataset:
        geobox = geobox_of(dataset)
        window = Window(0, 0, dataset.width, dataset.height) if zoom is None else zoom_window(geobox, zoom)
        shrink = max(1.0, max(window.width, window.height) / LONGEST_SIDE)
        shape = (max(1, round(window.height / shrink)), max(1, round(window.width / shrink)))
        values = {name: values_of_band(dataset, number, window, shape=shape)
                  for number, name in enumerate(dataset.descriptions, start=1) if name in bands}  # fmt: skip
    with open_raster(trust) as dataset:
        sides, classes = (
            dataset.read(band_number(dataset, name), window=window, out_shape=shape, resampling=Resampling.nearest)
            for name in (RANGE_BAND, "class")
        )
    top, left = window.row_off, window.col_off
    part = geobox[top : top + window.height, left : left + window.width]
    return View(window, values, sides, classes, pixel_metres(part), north_of(part))


def zoom_window(geobox: GeoBox, zoom: Sequence[float]) -> Window:
    """The pixels of a map that a box of degrees touches, as far as the map goes.

    Args:
        geobox: grid of the map.
        zoom: west, south, east, north, degrees.

    Raises:
        ConfigError: none of it lies on the map.
    """
    west, south, east, north = zoom
    along, up = np.linspace(west, east, EDGE_POINTS), np.linspace(south, north, EDGE_POINTS)
    longitude, latitude = np.meshgrid(along, up)
    cols, rows = positions(geobox, longitude.ravel(), latitude.ravel())
    height, width = geobox.shape
    known = np.isfinite(cols) & np.isfinite(rows)
    first, last = (np.array([fold(part[known], initial=edge) for part in (cols, rows)]) + 0.5
                   for fold, edge in ((np.min, math.inf), (np.max, -math.inf)))  # fmt: skip
    low, high = np.maximum(first, 0), np.minimum(last, (width, height))
    if not (low < high).all():
        raise ConfigError(
            f"the box {list(zoom)} lies off the map", where="config key 'mapping.zoom'",
            expected=f"[west, south, east, north] in degrees, within {degrees_around(geobox)}",
        )  # fmt: skip
    if (low > first + 1).any() or (high < last - 1).any():
        log.info("mapping.zoom reaches beyond the map; the part on it is drawn")
    corner, opposite = np.floor(low).astype(int).tolist(), np.ceil(high).astype(int).tolist()
    return Window(*corner, opposite[0] - corner[0], opposite[1] - corner[1])


def degrees_around(geobox: GeoBox) -> list[float]:
    """West, south, east and north of a grid, degrees, rounded to 0.01."""
    height, width = geobox.shape
    cols, rows = np.meshgrid(np.linspace(0, width, EDGE_POINTS), np.linspace(0, height, EDGE_POINTS))
    transform = geobox.transform
    longitude, latitude = project(
        transform.c + transform.a * cols, transform.f + transform.e * rows, crs_of(geobox), "EPSG:4326"
    )
    middle = longitude[EDGE_POINTS // 2, EDGE_POINTS // 2]
    longitude = middle + (longitude - middle + 180) % 360 - 180
    edges = (longitude.min(), latitude.min(), longitude.max(), latitude.max())
    return [round(float(edge), 2) for edge in edges]


def positions(geobox: GeoBox, longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of places [point] in a map, from the centre of its first pixel; infinite where they have none.

    Args:
        geobox: grid of the map.
        longitude, latitude: degrees [point]; longitudes that differ by 360 are the same.
    """
    x, y = project(np.asarray(longitude, float), np.asarray(latitude, float), pyproj.CRS("EPSG:4326"), crs_of(geobox))
    transform, (_, width) = geobox.transform, geobox.shape
    x = _nearest_turn(geobox, x, transform.c + transform.a * width / 2)
    return (x - transform.c) / transform.a - 0.5, (y - transform.f) / transform.e - 0.5


def north_of(geobox: GeoBox) -> float:
    """Direction of true north at the middle of a grid, degrees clockwise from the top of its picture.

    On a projected grid it is not straight up (grid convergence); it is found by a step northwards on the ellipsoid, so
    that it holds for any CRS and for pixels that are not square.
    """
    transform, (height, width) = geobox.transform, geobox.shape
    x, y = np.array([transform.c + transform.a * width / 2]), np.array([transform.f + transform.e * height / 2])
    longitude, latitude = project(x, y, crs_of(geobox), "EPSG:4326")
    size = pixel_metres(geobox)
    ahead = pyproj.Geod(ellps="WGS84").fwd(longitude, latitude, [0.0], [max(size)])[:2]
    x_ahead, y_ahead = project(np.array(ahead[0]), np.array(ahead[1]), pyproj.CRS("EPSG:4326"), crs_of(geobox))
    right = (_nearest_turn(geobox, x_ahead, float(x[0])) - x) / transform.a * size[0]
    up = (y_ahead - y) / -transform.e * size[1]
    return float(np.degrees(np.arctan2(right, up))[0])


def _nearest_turn(geobox: GeoBox, x: np.ndarray, middle: float) -> np.ndarray:
    """The same places, on the turn of the world that lies around ``middle``."""
    period = period_of(crs_of(geobox))
    with np.errstate(invalid="ignore"):  # a point without a place in the CRS is infinite
        return middle + (x - middle + period / 2) % period - period / 2 if period else x
