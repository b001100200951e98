"""Rasters on the pixels of a grid, whatever their CRS, cell size and orientation: numbers by area, classes by majority.

The one way by which a raster comes to a grid. Only the window that a block of the grid needs is read; where it would
hold too many cells, the block is divided. The warp is GDAL's: ``average`` weights cells by the area they share with a
pixel, the missing ones left out, ``mode`` takes the class with the largest share, ``cubic`` is a smooth surface through
the cells' centres, where that is asked for and the grid's pixels are no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from loam.door import Door
from loam.errors import RasterError
from loam.raster.bands import known_pixels, values_of_band
from loam.raster.classes import CODES, NO_CLASS, Crosswalk
from loam.raster.grid import Tile, geobox_of, pixel_metres, same_grid
from loam.raster.lattices import Lattice, lattices_of, span_of
from loam.raster.whereabouts import Span, turned

MOST_CELLS = 1 << 24  # of rasters in memory at once
COARSER = 1.5  # a smooth raster is averaged where the grid's pixels are larger by this, by area


@dataclass(frozen=True)
class Pixels:
    """What is read of a raster, to be brought to a grid.

    Args:
        read: a raster and a window of it -> [band, height, width], ``missing`` where it holds no value.
        missing: NaN for numbers, a code for classes.
        dtype: of the values; integers are classes.
        bands: how many.
        smooth: whether numbers go smoothly from pixel to pixel, where they are wanted on no larger ones.
    """

    read: Callable[[rasterio.DatasetReader, Window], np.ndarray]
    missing: float
    dtype: type = np.float32
    bands: int = 1
    smooth: bool = False

    def gaps(self, values: np.ndarray) -> np.ndarray:
        """Where ``values`` are missing."""
        return np.isnan(values) if np.isnan(self.missing) else values == self.missing


def warp(lattices: Iterable[Lattice], geobox: GeoBox, pixels: Pixels) -> np.ndarray:
    """Rasters on the pixels of ``geobox``: [band, height, width]; where they overlap, the first with a value counts.

    Raises:
        rasterio.errors.RasterioIOError: a raster cannot be read.
    """
    result = np.full((pixels.bands, *geobox.shape), pixels.missing, pixels.dtype)
    for lattice in lattices:
        _fill(result, lattice, geobox, pixels)
    return result


def _fill(result: np.ndarray, lattice: Lattice, geobox: GeoBox, pixels: Pixels) -> None:
    """Fill what is missing in ``result``, in halves where the window would be too large."""
    span = lattice.covered(geobox)
    if span is None:
        return
    height, width = geobox.shape
    if span.pixels * pixels.bands > MOST_CELLS and height * width > 1:
        middle = max(height, width) // 2
        if height >= width:
            _fill(result[:, :middle], lattice, geobox[:middle, :], pixels)
            _fill(result[:, middle:], lattice, geobox[middle:, :], pixels)
        else:
            _fill(result[:, :, :middle], lattice, geobox[:, :middle], pixels)
            _fill(result[:, :, middle:], lattice, geobox[:, middle:], pixels)
        return
    joined = _join(lattice, span, pixels)
    if not pixels.gaps(joined).all():
        values, gaps = _reproject(joined, lattice, span, geobox, pixels), pixels.gaps(result)
        result[gaps] = values[gaps]


def _join(lattice: Lattice, span: Span, pixels: Pixels) -> np.ndarray:
    """The values of all rasters in ``span``."""
    joined = np.full(
        (pixels.bands, span.bottom - span.top, span.right - span.left), pixels.missing, pixels.dtype
    )  # fmt: skip
    for dataset, row, column in lattice.tiles:
        part = span.within(span_of(dataset, row, column))
        if not part.pixels:
            continue
        window = Window(part.left - column, part.top - row, part.right - part.left, part.bottom - part.top)
        values = pixels.read(dataset, window)
        place = joined[:, part.top - span.top : part.bottom - span.top, part.left - span.left : part.right - span.left]
        gaps = pixels.gaps(place)
        place[gaps] = values[gaps]
    return joined


def _reproject(joined: np.ndarray, lattice: Lattice, span: Span, geobox: GeoBox, pixels: Pixels) -> np.ndarray:
    values = np.full((pixels.bands, *geobox.shape), pixels.missing, pixels.dtype)
    own = lattice.transform @ Affine.translation(span.left, span.top)
    transform, crs = turned(own, lattice.crs, joined.shape[2])
    reproject(
        joined, values, src_transform=transform, src_crs=crs, src_nodata=pixels.missing,
        dst_transform=geobox.transform, dst_crs=CRS.from_wkt(geobox.crs.to_wkt()), dst_nodata=pixels.missing,
        resampling=_method(pixels, GeoBox(joined.shape[1:], transform, crs.to_wkt()), geobox),
    )  # fmt: skip
    return values


def _method(pixels: Pixels, source: GeoBox, target: GeoBox) -> Resampling:
    if np.issubdtype(pixels.dtype, np.integer):
        return Resampling.mode
    finer = pixels.smooth and np.prod(pixel_metres(target)) <= COARSER * np.prod(pixel_metres(source))
    return Resampling.cubic if finer else Resampling.average


class Warped:
    """An open canonical raster, read on the pixels of ``grid``; one on the grid itself is read as it is.

    Raises:
        RasterError: without CRS, rotated or not north-up, or it does not meet the grid at all.
    """

    def __init__(self, dataset: rasterio.DatasetReader, grid: GeoBox) -> None:
        self.dataset, self.grid, own = dataset, grid, geobox_of(dataset)
        self.path = Path(dataset.name)
        self.lattices = None if same_grid(own, grid) else lattices_of([dataset], grid)
        if self.lattices is not None and not any(lattice.covered(grid, 0) for lattice in self.lattices):
            raise RasterError(
                "does not overlap the grid of the run", where=self.path, expected=_extent(grid, own),
                fix=_mirrored(grid, own) or "check its CRS and its extent",
            )  # fmt: skip

    def numbers(self, band: int, tile: Tile, door: Door) -> np.ndarray:
        """Means of a band (from 1) at the pixels of ``tile``: [height, width], float32, NaN where missing.

        Raises:
            RasterError: a cell is impossible; ``door`` sees each before the means, where -999 would hide.
        """

        def read(dataset: rasterio.DatasetReader, window: Window) -> np.ndarray:
            return door.pass_through(values_of_band(dataset, band, window))[None]

        return self._at(tile, Pixels(read, np.nan))[0]

    def majority(self, crosswalk: Crosswalk, tile: Tile) -> np.ndarray:
        """The most frequent class at the pixels of ``tile``: [height, width], uint8, NO_CLASS where missing.

        Of the crosswalk's classes, not of the product's hundreds.
        """

        def read(dataset: rasterio.DatasetReader, window: Window) -> np.ndarray:
            return self._classes(crosswalk, window)[None]

        return self._at(tile, Pixels(read, NO_CLASS, np.uint8))[0]

    def shares(self, crosswalk: Crosswalk, tile: Tile) -> np.ndarray:
        """The share of each of the five classes: [class, height, width], float32, NaN where nothing is known."""

        def read(dataset: rasterio.DatasetReader, window: Window) -> np.ndarray:
            classes = self._classes(crosswalk, window)
            known = np.where(classes == NO_CLASS, np.float32(np.nan), np.float32(0))
            return np.stack([np.where(classes == code, np.float32(1), known) for code in CODES.values()])

        return self._at(tile, Pixels(read, np.nan, bands=len(CODES)))

    def _classes(self, crosswalk: Crosswalk, window: Window) -> np.ndarray:
        raw = self.dataset.read(1, window=window)
        return crosswalk.classes(raw, known_pixels(self.dataset, 1, raw, window), self.path)

    def _at(self, tile: Tile, pixels: Pixels) -> np.ndarray:
        if self.lattices is None:
            return pixels.read(self.dataset, tile.window)
        block = self.grid[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width]
        return warp(self.lattices, block, pixels)


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
