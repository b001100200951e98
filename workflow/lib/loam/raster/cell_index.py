"""From a pixel of the run's grid to the cells of a coarser one: the nearest cell, or four with bilinear weights.

``nearest`` takes the cell that holds the pixel's centre, as the platform of Widyastuti et al. does, so that a coarse
field enters a model unsmoothed, and all pixels of a cell share what is computed from it. ``bilinear`` weighs the four
cells whose centres surround the pixel's; cells that are missing or outside are left out and the others' weights scaled
up, as long as those that are there had at least half of the weight; else the pixel is missing. The weights are those of
the middle of the part of a cell, a sixteenth of its side wide and high, in which the pixel's centre lies: pixels of a
part share what is computed from it, so that a map runs the recurrent part of a network 256 times a cell, not once a
pixel, and a step that the eye does not see, at most a sixteenth of that between two cells, is left of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyproj
from odc.geo.geobox import GeoBox

from loam.raster.dateline import period_of
from loam.raster.grid import cells_at, crs_of

LEAST_WEIGHT = 0.5
PARTS = 16  # of a cell's side, for ``bilinear``


@dataclass(frozen=True)
class CellIndex:
    """Which cells each pixel reads.

    Args:
        rows, cols: the distinct cells that are read, in the coarse grid: [cell].
        cell: positions in them, -1 where the pixel has none: [pixel, corner], one corner for ``nearest``.
        weight: [pixel, corner], float64; None for ``nearest``.
        part: number of the part of a cell that the pixel lies in, alike where cells and weights are, -1 where the pixel
            has none: [pixel]; None for ``nearest``.
    """

    rows: np.ndarray
    cols: np.ndarray
    cell: np.ndarray
    weight: np.ndarray | None = None
    part: np.ndarray | None = None

    @property
    def group(self) -> np.ndarray:
        """A number from 0 for each pixel, alike where they read the same: [pixel]."""
        if self.part is None:
            return self.cell[:, 0] + 1
        return np.unique(self.part, return_inverse=True)[1]

    def take(self, values: np.ndarray, day: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """What pixels ``pixel`` [row] read on days ``day`` [row] of ``values`` [day, cell]: [row], float32.

        Each row is computed from its own numbers in a fixed order, so that it does not depend on the others.
        """
        if not values.shape[1]:
            return np.full(len(pixel), np.nan, np.float32)
        if self.weight is None:
            cell = self.cell[pixel, 0]
            return np.where(cell >= 0, values[day, cell], np.float32(np.nan))
        total, weight = np.zeros(len(pixel)), np.zeros(len(pixel))
        for corner in range(self.cell.shape[1]):
            cell = self.cell[pixel, corner]
            value = values[day, cell].astype(np.float64)
            own = np.where((cell >= 0) & ~np.isnan(value), self.weight[pixel, corner], 0.0)
            total += np.where(own > 0, value, 0.0) * own
            weight += own
        with np.errstate(invalid="ignore"):
            return np.where(weight >= LEAST_WEIGHT, total / weight, np.nan).astype(np.float32)


def index_pixels(
    geobox: GeoBox, x: np.ndarray, y: np.ndarray, transformer: pyproj.Transformer | None, method: str
) -> CellIndex:
    """The cells of ``geobox`` that pixels with centres ``x``, ``y`` [pixel] read.

    Args:
        geobox: the coarse grid.
        x, y: centres in the run's CRS.
        transformer: from the run's CRS to the coarse grid's; None if they are the same.
        method: ``nearest`` or ``bilinear``.
    """
    if transformer is not None:
        x, y = transformer.transform(x, y)
    if method == "nearest":
        return _distinct(*(part[:, None] for part in cells_at(geobox, x, y)), None)
    transform, (height, width) = geobox.transform, geobox.shape
    period = period_of(crs_of(geobox))
    if period:
        west = min(transform.c, transform.c + transform.a * width) - abs(transform.a) / 2
        with np.errstate(invalid="ignore"):
            x = np.where((x < west) | (x >= west + period), west + (x - west) % period, x)
    with np.errstate(invalid="ignore"):
        across, down = (x - transform.c) / transform.a - 0.5, (y - transform.f) / transform.e - 0.5
        left, top = np.floor(across), np.floor(down)
        to_right, below = np.floor((across - left) * PARTS), np.floor((down - top) * PARTS)
        right_share, lower_share = (to_right + 0.5) / PARTS, (below + 0.5) / PARTS
        part = ((top + 1) * PARTS + below) * (width + 1) * PARTS + (left + 1) * PARTS + to_right
    rows = np.stack([top, top, top + 1, top + 1], axis=1)
    cols = np.stack([left, left + 1, left, left + 1], axis=1)
    weight = np.stack(
        [(1 - lower_share) * (1 - right_share), (1 - lower_share) * right_share, lower_share * (1 - right_share),
         lower_share * right_share], axis=1,
    )  # fmt: skip
    if period and abs(width * abs(transform.a) - period) < 0.01 * abs(transform.a):  # around the world: no last column
        cols = np.where(np.isfinite(cols), cols % width, cols)
    with np.errstate(invalid="ignore"):
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    rows, cols = (np.where(inside, own, -1).astype(np.int64) for own in (rows, cols))
    part = np.where(inside.any(axis=1), part, -1).astype(np.int64)
    return replace(_distinct(rows, cols, np.where(inside, weight, 0.0)), part=part)


def transformer_between(source: GeoBox, target: GeoBox) -> pyproj.Transformer | None:
    """From the CRS of one grid to that of another; None if they are the same."""
    if crs_of(source) == crs_of(target):
        return None
    return pyproj.Transformer.from_crs(crs_of(source), crs_of(target), always_xy=True)


def _distinct(rows: np.ndarray, cols: np.ndarray, weight: np.ndarray | None) -> CellIndex:
    """The index with cells [pixel, corner] (-1: none) told by their place among the distinct ones."""
    inside = rows >= 0
    span = int(cols.max(initial=0)) + 1
    keys, place = np.unique(rows[inside] * span + cols[inside], return_inverse=True)
    cell = np.full(rows.shape, -1, np.int64)
    cell[inside] = place
    return CellIndex(keys // span, keys % span, cell, weight)
