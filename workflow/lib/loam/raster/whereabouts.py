"""Where in a raster a grid lies: the rows and columns that it needs, also where it is cut at the 180th meridian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS

from loam.errors import RasterError
from loam.raster.dateline import counted_from_180, unrolled
from loam.raster.grid import crs_of, project

MARGIN = 2  # source pixels around what the target's pixels cover
JUMP = 20  # times the usual step between points of a grid; a larger one is a cut in the projection
POINTS = 33  # a side, where the target's place in the source is looked up


@dataclass(frozen=True)
class Span:
    """Rows and columns of a source, ends excluded; they may lie outside it."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def pixels(self) -> int:
        """How many pixels it holds."""
        return max(0, self.bottom - self.top) * max(0, self.right - self.left)

    def within(self, other: Span) -> Span:
        """What it shares with ``other``."""
        return Span(
            max(self.top, other.top), min(self.bottom, other.bottom),
            max(self.left, other.left), min(self.right, other.right),
        )  # fmt: skip

    def joined(self, other: Span) -> Span:
        """The least span that holds both."""
        return Span(
            min(self.top, other.top), max(self.bottom, other.bottom),
            min(self.left, other.left), max(self.right, other.right),
        )  # fmt: skip


def lookup_points(geobox: GeoBox, crs: pyproj.CRS | str) -> tuple[np.ndarray, np.ndarray]:
    """Points over a grid and a pixel around it, in ``crs``: x, y [point]; those without a place in it are left out.

    In a geographic CRS, longitudes go on beyond 180 where the grid lies across the 180th meridian.
    """
    height, width = geobox.shape
    columns, rows = np.meshgrid(np.linspace(-1, width + 1, POINTS), np.linspace(-1, height + 1, POINTS))
    transform = geobox.transform
    x = transform.a * columns + transform.b * rows + transform.c
    y = transform.d * columns + transform.e * rows + transform.f
    x, y = project(x.ravel(), y.ravel(), crs_of(geobox), crs)
    found = np.isfinite(x) & np.isfinite(y)
    x, y = x[found], y[found]
    if pyproj.CRS.from_user_input(crs).is_geographic:
        x = unrolled(x)
    return x, y


def span_of_points(transform: Affine, x: np.ndarray, y: np.ndarray, margin: int = MARGIN) -> Span | None:
    """The rows and columns of a raster that hold points x, y [point] of its CRS, with a margin; None without one."""
    if not x.size:
        return None
    inverse = ~transform
    columns = inverse.a * x + inverse.b * y + inverse.c
    rows = inverse.d * x + inverse.e * y + inverse.f
    return Span(
        int(np.floor(rows.min())) - margin, int(np.ceil(rows.max())) + margin,
        int(np.floor(columns.min())) - margin, int(np.ceil(columns.max())) + margin,
    )  # fmt: skip


def turned(transform: Affine, crs: CRS, width: int) -> tuple[Affine, CRS]:
    """Transform and CRS of a block of ``width`` columns; longitudes beyond 180 are counted from the 180th meridian."""
    left, right = sorted((transform.c, transform.c + transform.a * width))
    if not crs.is_geographic or right <= 180.0 or right - left > 180.0:
        return transform, crs
    own = pyproj.CRS.from_user_input(crs)
    return Affine.translation(-180.0, 0.0) @ transform, CRS.from_user_input(counted_from_180(own))


def refuse_cut(geobox: GeoBox, crs: pyproj.CRS, name: str) -> None:
    """Raise a RasterError where a grid across the 180th meridian comes in two pieces in a projected CRS."""
    longitude, _ = lookup_points(geobox, "EPSG:4326")
    if not longitude.size or longitude.max() <= 180.0:
        return
    columns, rows = np.meshgrid(np.linspace(0, geobox.shape[1], POINTS), np.linspace(0, geobox.shape[0], POINTS))
    transform = geobox.transform
    x, _ = project(
        transform.c + transform.a * columns, transform.f + transform.e * rows, crs_of(geobox), crs
    )  # fmt: skip
    steps = np.abs(np.diff(x, axis=1))
    steps = steps[np.isfinite(steps)]
    if steps.size and steps.max() > JUMP * np.median(steps):
        raise RasterError(
            f"its coordinate reference system ({crs.name}) is cut at the 180th meridian, which the grid lies across",
            where=name, expected="longitudes and latitudes, or a projection that goes on there",
            fix="bring it to EPSG:4326 or to the grid first, with gdalwarp",
        )  # fmt: skip
