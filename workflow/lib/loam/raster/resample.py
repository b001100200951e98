"""Bring rasters of any CRS, resolution and orientation onto a grid, by windows: numbers by area, classes by majority.

Only the window of a source that a block of the grid needs is read. Neighbouring source tiles on one pixel lattice are
joined before the warp, so that a pixel across their seam is the mean of all it covers. The warp is GDAL's: ``average``
weights source pixels by the area they share with the target pixel, ``mode`` takes the class with the largest share,
``cubic`` is a smooth surface through the centres of source pixels, where that is asked for and the target's pixels are
no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.warp import reproject
from rasterio.windows import Window

from loam.errors import RasterError
from loam.raster.grid import pixel_metres, present
from loam.raster.whereabouts import Span, lookup_points, refuse_cut, span_of_points, turned

MOST_PIXELS = 1 << 24  # of a source, held at once
COARSER = 1.5  # the target's pixels are the mean of the source's if their area is larger by this
LATTICE = 1e-3  # pixels by which tiles on one lattice may be shifted
MOST_CODE = 65535  # classes are held as 16-bit integers


@dataclass(frozen=True)
class Reading:
    """How the pixels of a source become values.

    Args:
        band: number of the band, from 1.
        scale: value = pixel * scale + offset; where neither is given, what the file says of itself.
        offset: as above.
        nodata: the pixel that stands for missing; if not given, what the file says.
        classes: whether pixels are codes of classes.
        codes: pixel -> code, for classes that are kept by index.
        crs: the CRS of a file that has none.
        smooth: whether numbers go smoothly from pixel to pixel, where they are wanted on no larger ones.
        check: numbers (any shape, NaN where missing) -> what they are taken as, before any mean; may raise.
    """

    band: int = 1
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    classes: bool = False
    codes: Mapping[int, int] | None = None
    crs: str | None = None
    smooth: bool = False
    check: Callable[[np.ndarray], np.ndarray] | None = None


def resample(
    datasets: Sequence[rasterio.DatasetReader], geobox: GeoBox, reading: Reading, missing: float
) -> np.ndarray:
    """A band of one source, or of several tiles of it, on the pixels of ``geobox``: [height, width].

    Numbers are float32, classes uint16, both ``missing`` where no source pixel holds a value. Where tiles overlap, the
    first that holds a value counts.

    Args:
        datasets: open rasters.
        geobox: the target's pixels.
        reading: how to read them.
        missing: NaN for numbers, the nodata code for classes.

    Raises:
        RasterError: a source has no CRS, no such band, or a class that has no code.
        rasterio.errors.RasterioIOError: a source cannot be read.
    """
    result = np.full(geobox.shape, missing, np.uint16 if reading.classes else np.float32)
    for lattice in _lattices(datasets, reading, geobox):
        _fill(result, lattice, geobox, reading, missing)
    return result


def read_values(dataset: rasterio.DatasetReader, window: Window, reading: Reading, missing: float) -> np.ndarray:
    """The values of a window of a source: [height, width], float32 or uint16, ``missing`` where it holds none."""
    pixels = dataset.read(reading.band, window=window)
    nodata = dataset.nodatavals[reading.band - 1] if reading.nodata is None else reading.nodata
    there = present(pixels, nodata)
    if MaskFlags.per_dataset in dataset.mask_flag_enums[reading.band - 1]:
        there &= dataset.read_masks(reading.band, window=window) > 0
    if reading.classes:
        return _codes(pixels, there, reading, missing, dataset.name)
    scale, offset = reading.scale, reading.offset
    if scale is None and offset is None:
        scale, offset = dataset.scales[reading.band - 1], dataset.offsets[reading.band - 1]
    values = pixels.astype(np.float32 if pixels.dtype.itemsize < 4 or pixels.dtype == np.float32 else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # fill values, which are taken out below
        values = (values * (1.0 if scale is None else scale) + (offset or 0.0)).astype(np.float32)
    values = np.where(there, values, np.float32(missing))
    return values if reading.check is None else reading.check(values)


def _codes(pixels: np.ndarray, there: np.ndarray, reading: Reading, missing: float, name: str) -> np.ndarray:
    found = np.unique(pixels[there])
    codes = found.astype(np.int64)
    if reading.codes is not None:
        if unknown := [int(code) for code in codes if int(code) not in reading.codes]:
            raise RasterError(f"its table has no code for the values {unknown[:5]}", where=name)
        codes = np.array([reading.codes[int(code)] for code in codes], np.int64)
    elif (found != codes).any():
        raise RasterError(f"holds {found[found != codes][0]:g}", where=name, expected="classes, whole numbers")
    if codes.size and not (codes.min() >= 0 and codes.max() <= MOST_CODE):
        raise RasterError(f"has classes from {codes.min()} to {codes.max()}", where=name, expected=f"0 to {MOST_CODE}")
    result = np.full(pixels.shape, missing, np.uint16)
    result[there] = codes[np.searchsorted(found, pixels[there])]
    return result


@dataclass
class _Lattice:
    """Tiles on one pixel lattice; each has its first row and column among the pixels of the first."""

    crs: CRS
    transform: Affine
    tiles: list[tuple[rasterio.DatasetReader, int, int]]

    def place_of(self, crs: CRS, transform: Affine) -> tuple[int, int] | None:
        """Row and column of a raster's first pixel; None if it lies on another lattice."""
        own, other = np.array(self.transform[:6]), np.array(transform[:6])
        if crs != self.crs or not np.allclose(own[[0, 1, 3, 4]], other[[0, 1, 3, 4]], rtol=1e-7, atol=0.0):
            return None
        steps = ~self.transform @ transform
        column, row = steps.c, steps.f
        place = round(row), round(column)
        return place if max(abs(row - place[0]), abs(column - place[1])) < LATTICE else None

    def extent(self) -> Span:
        """The rows and columns of all tiles."""
        spans = [_span(*tile) for tile in self.tiles]
        result = spans[0]
        for span in spans[1:]:
            result = result.joined(span)
        return result


def _span(dataset: rasterio.DatasetReader, row: int, column: int) -> Span:
    return Span(row, row + dataset.height, column, column + dataset.width)


def _lattices(datasets: Sequence[rasterio.DatasetReader], reading: Reading, geobox: GeoBox) -> Iterator[_Lattice]:
    """The lattices of ``datasets``, in the order of their first tiles; degrees are taken where the grid's are."""
    lattices: list[_Lattice] = []
    for dataset in datasets:
        crs = _crs(dataset, reading)
        if not 1 <= reading.band <= dataset.count:
            raise RasterError(f"has {dataset.count} bands", where=dataset.name, expected=f"a band {reading.band}")
        for transform in _turns(dataset, crs, geobox):
            for lattice in lattices:
                if (place := lattice.place_of(crs, transform)) is not None:
                    lattice.tiles.append((dataset, *place))
                    break
            else:
                lattices.append(_Lattice(crs, transform, [(dataset, 0, 0)]))
    yield from lattices


def _turns(dataset: rasterio.DatasetReader, crs: CRS, geobox: GeoBox) -> list[Affine]:
    """The transform of a raster, moved by whole turns to where it meets the grid; twice where it does so twice.

    Raises:
        RasterError: a projected raster is cut where the grid is not.
    """
    own = pyproj.CRS.from_user_input(crs)
    x, _ = lookup_points(geobox, own)
    if not x.size:
        return [dataset.transform]
    if not own.is_geographic:
        refuse_cut(geobox, own, dataset.name)
        return [dataset.transform]
    ends = sorted((dataset.transform.c, dataset.transform.c + dataset.transform.a * dataset.width))
    turns = [turn for turn in (0.0, -360.0, 360.0) if ends[0] + turn < x.max() and ends[1] + turn > x.min()]
    return [Affine.translation(turn, 0.0) @ dataset.transform for turn in turns] or [dataset.transform]


def _crs(dataset: rasterio.DatasetReader, reading: Reading) -> CRS:
    if dataset.crs is not None:
        return dataset.crs
    if reading.crs is None:
        raise RasterError("has no coordinate reference system", where=dataset.name, fix="set it, with gdal_edit -a_srs")
    return CRS.from_user_input(reading.crs)


def _fill(result: np.ndarray, lattice: _Lattice, geobox: GeoBox, reading: Reading, missing: float) -> None:
    """Fill what is missing in ``result``, in halves where the source's window would be too large."""
    span = span_of_points(lattice.transform, *lookup_points(geobox, pyproj.CRS.from_user_input(lattice.crs)))
    span = span.within(lattice.extent()) if span else None
    if span is None or not span.pixels:
        return
    height, width = geobox.shape
    if span.pixels > MOST_PIXELS and height * width > 1:
        middle = max(height, width) // 2
        if height >= width:
            _fill(result[:middle], lattice, geobox[:middle, :], reading, missing)
            _fill(result[middle:], lattice, geobox[middle:, :], reading, missing)
        else:
            _fill(result[:, :middle], lattice, geobox[:, :middle], reading, missing)
            _fill(result[:, middle:], lattice, geobox[:, middle:], reading, missing)
        return
    joined = _join(lattice, span, reading, missing)
    if (values := _warp(joined, lattice, span, geobox, reading, missing)) is not None:
        gaps = result == missing if reading.classes else np.isnan(result)
        result[gaps] = values[gaps]


def _join(lattice: _Lattice, span: Span, reading: Reading, missing: float) -> np.ndarray:
    """The values of all tiles in ``span``."""
    shape = span.bottom - span.top, span.right - span.left
    joined = np.full(shape, missing, np.uint16 if reading.classes else np.float32)
    for dataset, row, column in lattice.tiles:
        part = span.within(_span(dataset, row, column))
        if not part.pixels:
            continue
        window = Window(part.left - column, part.top - row, part.right - part.left, part.bottom - part.top)
        values = read_values(dataset, window, reading, missing)
        place = joined[part.top - span.top : part.bottom - span.top, part.left - span.left : part.right - span.left]
        gaps = place == missing if reading.classes else np.isnan(place)
        place[gaps] = values[gaps]
    return joined


def _warp(
    joined: np.ndarray, lattice: _Lattice, span: Span, geobox: GeoBox, reading: Reading, missing: float
) -> np.ndarray | None:
    """``joined`` on the pixels of ``geobox``; None if it holds no value."""
    if not (joined != missing if reading.classes else np.isfinite(joined)).any():
        return None
    values = np.full(geobox.shape, missing, joined.dtype)
    transform, crs = turned(lattice.transform @ Affine.translation(span.left, span.top), lattice.crs, joined.shape[1])
    reproject(
        joined, values, src_transform=transform, src_crs=crs,
        src_nodata=missing, dst_transform=geobox.transform, dst_crs=CRS.from_wkt(geobox.crs.to_wkt()),
        dst_nodata=missing, resampling=_method(reading, GeoBox(joined.shape, transform, crs.to_wkt()), geobox),
    )  # fmt: skip
    return values


def _method(reading: Reading, source: GeoBox, target: GeoBox) -> Resampling:
    if reading.classes:
        return Resampling.mode
    finer = reading.smooth and np.prod(pixel_metres(target)) <= COARSER * np.prod(pixel_metres(source))
    return Resampling.cubic if finer else Resampling.average
