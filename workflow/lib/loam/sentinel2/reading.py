"""Read the rasters of a product block by block, all on the pixels of its 20 m bands.

Bands come at 10, 20 and 60 m, on the same lattice; a block is a window of the 20 m pixels. Finer numbers are averaged
over the pixel, and are missing where one of them is; coarser ones are repeated. A catalogue's bands can be cut to a
region, each to its own pixels: what a raster does not reach is missing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import pyproj
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from loam.errors import RasterError, naming
from loam.raster.bands import RASTER_DAMAGE
from loam.raster.grid import crs_of, geobox_of
from loam.sentinel2.indices import reflectance
from loam.sentinel2.tile_pass import Bounds, Product

CACHE = 128 * 2**20  # bytes of decoded image tiles that GDAL keeps
AGAIN = "fetch the product again"
OTHER = "the metadata are of another product, fetch it again"
NEAR = 0.01  # of a pixel


@dataclass(frozen=True)
class Block:
    """Rows and columns of the 20 m pixels, [first, last)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def slices(self, part: Block) -> tuple[slice, slice]:
        """Where a part of this block lies in its pixels."""
        return (
            slice(part.top - self.top, part.bottom - self.top),
            slice(part.left - self.left, part.right - self.left),
        )


def parts(block: Block, height: int, width: int) -> Iterator[Block]:
    """The pieces into which a block is cut by lines every ``height`` rows and ``width`` columns of the tile."""
    for row in range(block.top // height, -(-block.bottom // height)):
        for column in range(block.left // width, -(-block.right // width)):
            yield Block(
                max(block.top, row * height),
                min(block.bottom, (row + 1) * height),
                max(block.left, column * width),
                min(block.right, (column + 1) * width),
            )


@dataclass(frozen=True)
class _Raster:
    """An open raster and how it lies on the 20 m pixels.

    Of its own pixels, ``finer`` lie along the side of a 20 m pixel, or one along ``coarser`` of them; the first 20 m
    pixel begins ``row`` and ``column`` of the smaller kind after the raster does.
    """

    dataset: rasterio.DatasetReader
    finer: int
    coarser: int
    row: int
    column: int

    def read(self, block: Block, bands: int | tuple[int, ...], fill: float) -> np.ndarray:
        """A block at the raster's own resolution where that is finer than 20 m, else at 20 m; rows, columns last."""
        height, width = (side * self.finer for side in block.shape)
        top, left = block.top * self.finer + self.row, block.left * self.finer + self.column
        rows = max(0, top // self.coarser), min(self.dataset.height, -(-(top + height) // self.coarser))
        columns = max(0, left // self.coarser), min(self.dataset.width, -(-(left + width) // self.coarser))
        lead = () if isinstance(bands, int) else (len(bands),)
        if rows[0] >= rows[1] or columns[0] >= columns[1]:
            return np.full((*lead, height, width), fill, self.dataset.dtypes[0])
        try:
            values = self.dataset.read(bands, window=Window.from_slices(rows, columns))
        except RASTER_DAMAGE as error:
            raise RasterError(
                f"cannot be read ({error.__cause__ or error})", where=self.dataset.name, expected="a whole file",
                fix=AGAIN,
            ) from None  # fmt: skip
        if self.coarser > 1:
            values = values.repeat(self.coarser, -2).repeat(self.coarser, -1)
        first, begin = rows[0] * self.coarser, columns[0] * self.coarser
        overlap = (
            slice(max(top, first), min(top + height, rows[1] * self.coarser)),
            slice(max(left, begin), min(left + width, columns[1] * self.coarser)),
        )
        values = values[..., *_moved(overlap, first, begin)]
        if values.shape[-2:] == (height, width):
            return values
        whole = np.full((*lead, height, width), fill, values.dtype)
        whole[..., *_moved(overlap, top, left)] = values
        return whole


class ProductReader:
    """Reads blocks of a product; a context manager, which keeps its files open.

    ``geobox`` are the 20 m pixels: those of band 8A.

    Raises:
        RasterError: a file cannot be opened or read, or does not lie where the metadata or the other bands are.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self._stack = ExitStack()
        self._open: dict[str, _Raster] = {}

    def __enter__(self) -> Self:
        self._stack.enter_context(rasterio.Env(GDAL_CACHEMAX=CACHE))
        try:
            near = self.product.bands["B8A"].raster
            dataset = self._dataset(near)
            self.geobox, self._crs = geobox_of(dataset), dataset.crs
            self._check_crs()
            self._raster(near)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def transform_of(self, block: Block) -> Affine:
        """The transform of a block's pixels."""
        return self.geobox.transform @ Affine.translation(block.left, block.top)

    def reflectance(self, name: str, block: Block) -> np.ndarray:
        """Reflectance of a band in a block: float32 [row, column], NaN where missing."""
        band = self.product.bands[name]
        raster = self._raster(band.raster)
        values = reflectance(raster.read(block, 1, band.nodata), band)
        if raster.finer == 1:
            return values
        return values.reshape(-1, raster.finer, values.shape[1] // raster.finer, raster.finer).mean((1, 3))

    def codes(self, name: str, block: Block, fill: float) -> np.ndarray:
        """Codes or percents of a mask that is no finer than 20 m, as stored; ``fill`` beyond its edges."""
        raster = self._raster(name)
        if raster.finer > 1:
            raise RasterError("is finer than the 20 m bands", where=name, expected="20 or 60 m")
        return raster.read(block, 1, fill)

    def flagged(self, name: str, block: Block, bands: tuple[int, ...]) -> np.ndarray:
        """Where a mask of any resolution is not zero, in one of ``bands`` and any part of the pixel: bool."""
        raster = self._raster(name)
        finer = raster.finer
        bands = tuple(band for band in bands if band <= raster.dataset.count)
        found = np.zeros(block.shape, bool)
        height, width = (max(1, side // finer) for side in raster.dataset.block_shapes[0])
        for part in parts(block, height, width):  # so that each image tile is decoded once
            flags = (raster.read(part, bands, 1) != 0).any(0)
            if finer > 1:
                flags = flags.reshape(-1, finer, flags.shape[1] // finer, finer).any((1, 3))
            found[block.slices(part)] = flags
        return found

    def _raster(self, name: str) -> _Raster:
        if name not in self._open:
            dataset = self._dataset(name)
            promised = self.product.bounds.get(name)
            if promised and not _same(dataset.bounds, promised, dataset.res[0]):
                raise RasterError(
                    f"lies at {tuple(dataset.bounds)}",
                    where=name,
                    expected=f"{promised}, as the metadata say",
                    fix=OTHER,
                )
            raster = self._placed(dataset)
            fits = raster is not None and (promised or _same(dataset.bounds, _bounds_of(self.geobox), dataset.res[0]))
            if not fits or dataset.crs != self._crs:
                raise RasterError(
                    f"{dataset.width} x {dataset.height} pixels at {tuple(dataset.bounds)} do not fit those of band 8A",
                    where=name, expected=f"pixels of 10, 20 or 60 m at {_bounds_of(self.geobox)}", fix=AGAIN,
                )  # fmt: skip
            self._open[name] = raster
        return self._open[name]

    def _dataset(self, name: str) -> rasterio.DatasetReader:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below
                dataset = self._stack.enter_context(rasterio.open(name))
        except RASTER_DAMAGE as error:
            raise RasterError(f"cannot be read as a raster ({error})", where=name, fix=AGAIN) from None
        if dataset.crs is None:
            raise RasterError("has no place on Earth", where=name, expected="a whole, georeferenced file", fix=AGAIN)
        return dataset

    def _placed(self, dataset: rasterio.DatasetReader) -> _Raster | None:
        """How a raster lies on the 20 m pixels; None where its pixels do not fit into them, or they into its own."""
        size, own = self.geobox.transform.a, dataset.transform.a
        finer, coarser = max(1, round(size / own)), max(1, round(own / size))
        step = min(own, size)
        column = (self.geobox.transform.c - dataset.transform.c) / step
        row = (dataset.transform.f - self.geobox.transform.f) / step
        exact = [column - round(column), row - round(row), (own * finer - size * coarser) / size]
        if max(map(abs, exact)) > NEAR or dataset.transform.e != -own:
            return None
        return _Raster(dataset, finer, coarser, round(row), round(column))

    def _check_crs(self) -> None:
        product = self.product
        if product.crs is None:
            return
        with naming(RasterError, f"'{product.crs}' is no coordinate reference system", where=product.where, fix=AGAIN):
            promised = pyproj.CRS.from_user_input(product.crs)
        if crs_of(self.geobox) != promised:
            raise RasterError(
                f"band 8A lies in {crs_of(self.geobox).name}", where=product.where, expected=product.crs, fix=OTHER
            )


def _moved(part: tuple[slice, slice], row: int, column: int) -> tuple[slice, slice]:
    """A part of rows and columns, counted from ``row`` and ``column``."""
    rows, columns = part
    return slice(rows.start - row, rows.stop - row), slice(columns.start - column, columns.stop - column)


def _bounds_of(geobox: GeoBox) -> Bounds:
    """West, south, east, north."""
    (west, north), (east, south) = geobox.transform @ (0, 0), geobox.transform @ geobox.shape[::-1]
    return west, south, east, north


def _same(first: Bounds, second: Bounds, pixel: float) -> bool:
    return bool(np.allclose(first, second, rtol=0, atol=NEAR * pixel))
