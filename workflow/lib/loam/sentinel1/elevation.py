"""The elevation model under a pass: its heights on whatever net is asked for, how far around a piece of the map they
matter, and which pixels are nearer than that to its end.

Terrain folds over and hides what lies before and behind it: a difference in height of h reaches h / tan(incidence)
towards the satellite by layover, h tan(incidence) away from it by shadow. The heights around a piece themselves tell h;
they are looked at as far as ``loam.acquire.radar_relief.MARGIN_METRES``, which bounds the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from loam.acquire.radar_relief import FINEST_METRES, MARGIN_METRES, part_covered, widened
from loam.raster.grid import Tile, geobox_of, open_raster, pixel_metres
from loam.sentinel1.heights import Geoid, ellipsoidal_heights, metres_of, own_heights

LATTICE = 1e-3  # pixels by which heights may be shifted against the map's pixels and still part them evenly
FINER = 0.5  # of ``FINEST_METRES``: heights that stand nearer to each other than this are averaged
SLACK = 1.02  # of the reach, for the curvature of the Earth
CELL = 64  # own pixels a side of a cell whose lowest and highest height are kept
COARSE_METRES = 40.0  # between heights that are asked for their range alone
LEAST_REACH = 1000.0  # m, whatever the heights that are known


@dataclass(frozen=True)
class Elevation:
    """An elevation model, raised to the ellipsoid.

    Args:
        path: of the raster.
        geoid: that its heights stand on.
        grid: of the run.
    """

    path: Path
    geoid: Geoid
    grid: GeoBox

    @cached_property
    def geobox(self) -> GeoBox:
        """Its own pixels."""
        with open_raster(self.path) as dataset:
            return geobox_of(dataset)

    def heights(self, geobox: GeoBox) -> np.ndarray:
        """As ``ellipsoidal_heights``: m [row, column]; NaN in holes and beyond its end."""
        return ellipsoidal_heights(self.path, geobox, self.geoid)

    def looked_through(self) -> Elevation:
        """The same, with what it looks up of the whole at hand, before threads share it."""
        _ = self.extremes, self.ends, self.posts
        return self

    def range_around(self, piece: Tile) -> float:
        """Highest less lowest height of a piece of the grid and of ``MARGIN_METRES`` around it, m; 0 without any."""
        geobox = widened(self.grid[piece.row : piece.row + piece.height, piece.col : piece.col + piece.width])
        if self.extremes is None:
            side = max(pixel_metres(geobox))
            return _spread(self.heights(geobox.zoom_out(COARSE_METRES / side) if side < COARSE_METRES else geobox))
        window, least, most = self.extremes
        to_cells = (
            Affine.scale(1 / CELL) @ Affine.translation(-window.col_off, -window.row_off) @ ~self.geobox.transform
        )
        (left, top), (right, bottom) = (to_cells @ geobox.transform @ end for end in ((0, 0), geobox.shape[::-1]))
        part = (slice(max(int(top), 0), int(np.ceil(bottom))), slice(max(int(left), 0), int(np.ceil(right))))
        return _spread(np.stack([least[part], most[part]]))

    @cached_property
    def extremes(self) -> tuple[Window, np.ndarray, np.ndarray] | None:
        """Lowest and highest height, m [row, column], of cells of ``CELL`` x ``CELL`` of its own pixels.

        With them the window of its pixels that the cells begin with: that of the grid and ``MARGIN_METRES`` around.
        None where its pixels are in another CRS.
        """
        if self.geobox.crs != self.grid.crs:
            return None
        wide, inverse = widened(self.grid), ~self.geobox.transform
        (left, top), (right, bottom) = (inverse @ wide.transform @ end for end in ((0, 0), wide.shape[::-1]))
        window = Window(int(left), int(top), int(np.ceil(right)) - int(left), int(np.ceil(bottom)) - int(top))
        strips = []
        with open_raster(self.path) as dataset:
            for row in range(0, window.height, CELL):
                strip = Window(window.col_off, window.row_off + row, -(-window.width // CELL) * CELL, CELL)
                heights = metres_of(own_heights(dataset, strip, self.path), dataset, self.path)
                cells = heights.reshape(CELL, -1, CELL)
                strips.append((np.fmin.reduce(cells, axis=(0, 2)), np.fmax.reduce(cells, axis=(0, 2))))
        least, most = (np.stack(part) for part in zip(*strips, strict=True))
        return window, least, most

    @cached_property
    def posts(self) -> int:
        """How many heights along a side of the grid's pixels tell all of it: its own, where they part pixels evenly."""
        side, steps = max(pixel_metres(self.grid)), ~self.geobox.transform @ self.grid.transform
        number = round(steps.a)
        off = max(
            abs(steps.a - number), abs(steps.e - number), *(abs(each - round(each)) for each in (steps.c, steps.f))
        )
        if self.geobox.crs == self.grid.crs and off < LATTICE and number >= 1 and side / number > FINER * FINEST_METRES:
            return number
        return max(round(side / FINEST_METRES), 1)

    @cached_property
    def ends(self) -> tuple[float, float, float, float]:
        """Row and row, column and column of the grid between which it lies; infinite beyond the margin that counts."""
        wide = widened(self.grid)
        part = part_covered(wide, self.geobox)
        if part is None:
            return -np.inf, np.inf, -np.inf, np.inf
        first = ~self.grid.transform @ wide.transform @ (0, 0)
        ends = []
        for side, size, begin in zip(part, wide.shape, (round(first[1]), round(first[0])), strict=True):
            ends += [side.start + begin if side.start else -np.inf, side.stop + begin if side.stop < size else np.inf]
        return tuple(ends)

    def near_end(self, tile: Tile, reach: float) -> np.ndarray:
        """Which pixels of a tile of the grid are nearer to its end than ``reach`` (m): bool [row, column].

        Those beside the end always are: their slopes are known on one side alone.
        """
        top, bottom, left, right = self.ends
        width, height = pixel_metres(self.grid)
        rows, columns = tile.row + np.arange(tile.height) + 0.5, tile.col + np.arange(tile.width) + 0.5
        down, across = (
            np.minimum(rows - top, bottom - rows) * height,
            np.minimum(columns - left, right - columns) * width,
        )
        return np.minimum(down[:, None], across[None, :]) < max(reach, width, height)


def reach_of(height: float, incidence: tuple[float, float]) -> float:
    """How far terrain with such a difference in height (m) folds over or hides other terrain, m; within the margin.

    Args:
        height: highest less lowest of a piece and what is around it.
        incidence: the smallest and largest that it is seen at, degrees.
    """
    least, most = np.radians(incidence)
    reach = height * max(1 / np.tan(least), np.tan(most)) * SLACK
    return float(min(max(reach, LEAST_REACH), MARGIN_METRES))


def _spread(heights: np.ndarray) -> float:
    there = heights[np.isfinite(heights)]
    return float(np.ptp(there)) if len(there) else 0.0
