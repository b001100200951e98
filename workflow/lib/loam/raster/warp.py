"""Canonical rasters on the pixels of a run's grid: averages of numbers, the most frequent class, shares of classes.

A raster on the grid itself is read as it is. Any other, of any CRS and cell size, is warped block by block: numbers by
the mean of the cells that a pixel covers, weighted by the area covered, the missing ones left out; classes after they
went through their crosswalk, so that the most frequent class is that of the pixel's five, not of two hundred. The
memory is bounded by the block: one that would need too many cells of a fine raster is divided.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from loam.door import Door
from loam.errors import RasterError
from loam.raster.bands import known_pixels, values_of_band
from loam.raster.classes import CODES, NO_CLASS, Crosswalk
from loam.raster.grid import Tile, crs_of, geobox_of, same_grid
from loam.raster.whereabouts import refuse_cut, turned

MOST_CELLS = 16 * 2**20  # of a raster in memory at once
SHIFT = 0.01  # of a column, by which a raster around the world may miss itself
MARGIN = 2  # cells around what a block covers


class Warped:
    """An open raster, read on the pixels of ``grid``.

    Raises:
        RasterError: without CRS, rotated or not north-up, or it does not meet the grid at all.
    """

    def __init__(self, dataset: rasterio.DatasetReader, grid: GeoBox) -> None:
        self.dataset, self.grid, self.geobox = dataset, grid, geobox_of(dataset)
        self.path = Path(dataset.name)
        self.same = same_grid(self.geobox, grid)
        if not self.same and self._window(grid) is None:
            raise RasterError(
                "does not overlap the grid of the run", where=self.path, expected=_extent(grid, self.geobox),
                fix=_mirrored(grid, self.geobox) or "check its CRS and its extent",
            )  # fmt: skip

    def numbers(self, band: int, tile: Tile, door: Door) -> np.ndarray:
        """Means of a band (from 1) at the pixels of ``tile``: [height, width], float32, NaN where missing.

        Raises:
            RasterError: a cell is impossible; ``door`` sees each before the means, where -999 would hide.
        """

        def read(window: Window) -> np.ndarray:
            return door.pass_through(values_of_band(self.dataset, band, window))[None]

        return self._warp(tile, read, Resampling.average, np.nan)[0]

    def majority(self, crosswalk: Crosswalk, tile: Tile) -> np.ndarray:
        """The most frequent class at the pixels of ``tile``: [height, width], uint8, NO_CLASS where missing."""
        return self._warp(tile, lambda window: self._classes(crosswalk, window)[None], Resampling.mode, NO_CLASS)[0]

    def shares(self, crosswalk: Crosswalk, tile: Tile) -> np.ndarray:
        """The share of each of the five classes: [class, height, width], float32, NaN where nothing is known."""

        def indicators(window: Window) -> np.ndarray:
            classes = self._classes(crosswalk, window)
            known = np.where(classes == NO_CLASS, np.float32(np.nan), np.float32(0))
            return np.stack([np.where(classes == code, np.float32(1), known) for code in CODES.values()])

        return self._warp(tile, indicators, Resampling.average, np.nan, len(CODES))

    def _classes(self, crosswalk: Crosswalk, window: Window) -> np.ndarray:
        raw = self.dataset.read(1, window=window)
        return crosswalk.classes(raw, known_pixels(self.dataset, 1, raw, window), self.path)

    def _warp(self, tile: Tile, read, resampling: Resampling, missing: float, count: int = 1) -> np.ndarray:
        if self.same:
            return read(tile.window)
        block = self.grid[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width]
        out = np.full((count, tile.height, tile.width), missing, np.uint8 if missing == NO_CLASS else np.float32)
        window = self._window(block)
        if window is None:
            return out
        if window.width * window.height * count > MOST_CELLS and tile.height * tile.width > 1:
            for part, rows, cols in _halves(tile):
                out[:, rows, cols] = self._warp(part, read, resampling, missing, count)
            return out
        transform, crs = turned(self.dataset.window_transform(window), self.dataset.crs, window.width)
        reproject(
            self._around(read, window, missing), out, src_transform=transform, src_crs=crs,
            src_nodata=missing, dst_transform=block.transform, dst_crs=rasterio.crs.CRS.from_wkt(block.crs.to_wkt()),
            dst_nodata=missing, init_dest_nodata=True, resampling=resampling, num_threads=1,
        )  # fmt: skip
        return out

    def _window(self, block: GeoBox) -> Window | None:
        """The cells of the raster that ``block`` covers, and some around; None if there are none."""
        height, width = block.shape
        bounds = array_bounds(height, width, block.transform)
        left, bottom, right, top = transform_bounds(
            rasterio.crs.CRS.from_wkt(block.crs.to_wkt()), self.dataset.crs, *bounds, densify_pts=21
        )
        if not self.geobox.crs.geographic:
            refuse_cut(block, crs_of(self.geobox), self.dataset.name)
        elif left > right or right > 180.0 or not self._meets(left, right):
            return self._window_around(left, bottom, right + 360.0 * (left > right), top)
        inverse = ~self.dataset.transform
        (col0, row0), (col1, row1) = inverse @ (left, top), inverse @ (right, bottom)
        if not np.isfinite([col0, row0, col1, row1]).all():
            return None
        if col1 <= 0 or row1 <= 0 or col0 >= self.dataset.width or row0 >= self.dataset.height:
            return None
        first, last = (
            max(int(np.floor(row0)) - MARGIN, 0), min(int(np.ceil(row1)) + MARGIN, self.dataset.height)
        )  # fmt: skip
        start, stop = max(int(np.floor(col0)) - MARGIN, 0), min(int(np.ceil(col1)) + MARGIN, self.dataset.width)
        return Window(start, first, stop - start, last - first)

    def _meets(self, left: float, right: float) -> bool:
        return self.dataset.bounds.left < right and self.dataset.bounds.right > left

    def _window_around(self, left: float, bottom: float, right: float, top: float) -> Window | None:
        """As ``_window``, of degrees that may lie a turn away from the raster's own; its columns may lie outside."""
        turn = next((turn for turn in (0.0, 360.0, -360.0) if self._meets(left + turn, right + turn)), None)
        if turn is None:
            return None
        inverse = ~self.dataset.transform
        (col0, row0), (col1, row1) = inverse @ (left + turn, top), inverse @ (right + turn, bottom)
        if not np.isfinite([col0, row0, col1, row1]).all() or row1 <= 0 or row0 >= self.dataset.height:
            return None
        first = max(int(np.floor(row0)) - MARGIN, 0)
        last = min(int(np.ceil(row1)) + MARGIN, self.dataset.height)
        start, stop = int(np.floor(col0)) - MARGIN, int(np.ceil(col1)) + MARGIN
        return Window(start, first, stop - start, last - first)

    def _around(self, read, window: Window, missing: float) -> np.ndarray:
        """What ``read`` gives for a window whose columns may go on around the world: [band, row, column].

        Raises:
            RasterError: the raster goes around the world, and not in a whole number of columns.
        """
        width, start = self.dataset.width, window.col_off
        if start >= 0 and start + window.width <= width:
            return read(window)
        turn = 360.0 / self.dataset.transform.a
        if abs(turn - round(turn)) > SHIFT and start + window.width > turn:
            raise RasterError(
                f"its columns of {self.dataset.transform.a:g} degrees do not meet at the 180th meridian, which the "
                "grid lies across", where=self.path, fix="bring it to the grid first, with gdalwarp",
            )  # fmt: skip
        result = None
        for shift in (-round(turn), 0, round(turn)):
            begin, end = max(start, shift), min(start + window.width, shift + width)
            if begin >= end:
                continue
            part = read(Window(begin - shift, window.row_off, end - begin, window.height))
            if result is None:
                result = np.full((len(part), window.height, window.width), missing, part.dtype)
            result[:, :, begin - start : end - start] = part
        return result


def _halves(tile: Tile) -> list[tuple[Tile, slice, slice]]:
    if tile.height >= tile.width:
        half = tile.height // 2
        parts = [(0, half, 0, tile.width), (half, tile.height - half, 0, tile.width)]
    else:
        half = tile.width // 2
        parts = [(0, tile.height, 0, half), (0, tile.height, half, tile.width - half)]
    return [
        (Tile(tile.row + row, tile.col + col, height, width), slice(row, row + height), slice(col, col + width))
        for row, height, col, width in parts
    ]


def _extent(grid: GeoBox, own: GeoBox) -> str:
    bounds = transform_bounds(grid.crs.to_wkt(), own.crs.to_wkt(), *array_bounds(*grid.shape, grid.transform))
    return "data over " + ", ".join(f"{limit:.6g}" for limit in bounds) + " (west, south, east, north in its CRS)"


def _mirrored(grid: GeoBox, own: GeoBox) -> str | None:
    """A hint where the raster would meet the grid if its y had the other sign."""
    bounds = transform_bounds(grid.crs.to_wkt(), own.crs.to_wkt(), *array_bounds(*grid.shape, grid.transform))
    west, south, east, north = array_bounds(*own.shape, own.transform)
    south, north = -north, -south
    if bounds[0] < east and bounds[2] > west and bounds[1] < north and bounds[3] > south:
        return "it lies in the wrong hemisphere: its y should have the other sign"
    return None
