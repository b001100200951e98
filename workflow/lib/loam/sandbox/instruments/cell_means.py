"""Means of pixels over larger cells of any grid, each pixel weighted with its area in the cell.

A cell of 9 km is 112.5 pixels wide, and its sides lie askew to the pixels where the projections differ, so pixels at a
cell's edge belong to several cells in part. Their outlines are cut along the cells' sides; the others count whole.

Areas and values are taken as multiples of so small a binary fraction (2^-32 of a cell; 2^-20 of the largest value) that
every sum over a cell is exact in double precision: means are the same, bit for bit, whatever the blocks they were
summed in, and within 1e-8 of the largest value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from scipy import sparse

from loam.acquire.canonical.canonical import bounds_of
from loam.raster.grid import Tile, crs_of, project

INSIDE = 1e-9  # of a cell; corners this near a side lie on it
AREA_UNIT, VALUE_UNIT = 2.0**-32, 2.0**-20  # of a cell, and of the largest value


@dataclass(frozen=True)
class Overlaps:
    """Parts of pixels in cells: one entry a pair of a pixel and a cell that share some area.

    Args:
        pixel: number of the pixel in its block, row by row.
        cell: number of the cell, row by row.
        area: that they share, in cells.
        shape: rows and columns of the cells.
        pixels: of the block.
    """

    pixel: np.ndarray
    cell: np.ndarray
    area: np.ndarray
    shape: tuple[int, int]
    pixels: int

    def sums(self, values: np.ndarray, largest: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Sums over cells of ``values`` [..., row, column] times area, and of the area that has a value.

        A block's sums add up with those of other blocks; sum over area is the mean. NaN has no value.

        Args:
            values: to sum.
            largest: a power of two that no value exceeds in size.
        """
        lead, unit = values.shape[:-2], VALUE_UNIT * largest
        flat = values.reshape(-1, self.pixels)
        known = np.isfinite(flat)
        rounded = np.rint(np.where(known, flat, 0.0) / unit) * unit
        totals = np.stack([self._matrix @ row for row in rounded])
        if (known == known[:1]).all():
            areas = np.repeat((self._matrix @ known[0].astype(np.float64))[None], len(flat), axis=0)
        else:
            areas = np.stack([self._matrix @ row for row in known.astype(np.float64)])
        return totals.reshape(*lead, *self.shape), areas.reshape(*lead, *self.shape)

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        shape = self.shape[0] * self.shape[1], self.pixels
        return sparse.csr_array((self.area, (self.cell, self.pixel)), shape)

    def means(self, values: np.ndarray, largest: float = 1.0) -> np.ndarray:
        """Area-weighted means [..., cell row, cell column] of ``values`` [..., row, column]; NaN where none has one."""
        totals, areas = self.sums(values, largest)
        return np.divide(totals, areas, out=np.full(totals.shape, np.nan), where=areas > 0)


def overlaps_of(geobox: GeoBox, tile: Tile, cells: GeoBox) -> Overlaps:
    """Which parts of a block's pixels lie in which cells.

    Args:
        geobox: grid of the pixels.
        tile: the block.
        cells: grid of the cells. Areas are those of its projection.
    """
    corner_rows, corner_cols = np.indices((tile.height + 1, tile.width + 1))
    x, y = geobox.transform @ (corner_cols + float(tile.col), corner_rows + float(tile.row))
    x, y = project(x.ravel(), y.ravel(), crs_of(geobox), crs_of(cells))
    across, down = ~cells.transform @ (x, y)
    corners = np.stack([across, down], axis=-1).reshape(tile.height + 1, tile.width + 1, 2)
    ring = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], axis=2).reshape(-1, 4, 2)
    low, high = np.floor(ring.min(axis=1) + INSIDE).astype(int), np.ceil(ring.max(axis=1) - INSIDE).astype(int) - 1
    whole = (low == high).all(axis=1)
    pixel, place, area = [np.flatnonzero(whole)], [low[whole]], [_areas(ring[whole])]
    cut = np.flatnonzero(~whole)
    outlines = shapely.polygons(ring[cut])
    for step_across in range(int((high[cut, 0] - low[cut, 0]).max(initial=0)) + 1):
        for step_down in range(int((high[cut, 1] - low[cut, 1]).max(initial=0)) + 1):
            there = (low[cut, 0] + step_across <= high[cut, 0]) & (low[cut, 1] + step_down <= high[cut, 1])
            here = low[cut[there]] + [step_across, step_down]
            boxes = shapely.box(here[:, 0], here[:, 1], here[:, 0] + 1, here[:, 1] + 1)
            pixel.append(cut[there])
            place.append(here)
            area.append(shapely.area(shapely.intersection(outlines[there], boxes)))
    pixel, place = np.concatenate(pixel), np.concatenate(place)
    area = np.rint(np.concatenate(area) / AREA_UNIT) * AREA_UNIT
    height, width = cells.shape
    kept = (area > 0) & (place >= 0).all(axis=1) & (place[:, 0] < width) & (place[:, 1] < height)
    cell = place[kept, 1] * width + place[kept, 0]
    return Overlaps(pixel[kept], cell, area[kept], (height, width), tile.height * tile.width)


def cells_over(world: GeoBox, bounds: tuple[float, float, float, float], spare: int = 1) -> tuple[GeoBox, int, int]:
    """The cells of a grid that cover ``bounds`` (degrees), with ``spare`` more on each side.

    Returns:
        Their grid, and row and column of its first cell in ``world``.
    """
    west, south, east, north = bounds
    along = np.linspace(0.0, 1.0, 21)
    x = np.concatenate([west + (east - west) * along] * 2 + [np.full(21, west), np.full(21, east)])
    y = np.concatenate([np.full(21, south), np.full(21, north)] + [south + (north - south) * along] * 2)
    across, down = ~world.transform @ project(x, y, "EPSG:4326", crs_of(world))
    rows, cols = (
        (max(int(np.floor(axis.min())) - spare, 0), min(int(np.floor(axis.max())) + spare + 1, size))
        for axis, size in ((down, world.shape[0]), (across, world.shape[1]))
    )
    return world[rows[0] : rows[1], cols[0] : cols[1]], rows[0], cols[0]


def cells_of_region(world: GeoBox, region: GeoBox) -> tuple[GeoBox, int, int]:
    """``cells_over`` of the extent of a region's grid."""
    return cells_over(world, bounds_of(region))


def _areas(ring: np.ndarray) -> np.ndarray:
    """Area of polygons [polygon, corner, 2] (shoelace)."""
    x, y = ring[..., 0], ring[..., 1]
    return 0.5 * np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1))
