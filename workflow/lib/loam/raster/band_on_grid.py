"""A band of rasters as their owner means it (scale, offset, nodata, codes of classes), on the pixels of a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from loam.errors import RasterError
from loam.raster.bands import present
from loam.raster.lattices import lattices_of
from loam.raster.warp import Pixels, warp

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
    for dataset in datasets:
        if not 1 <= reading.band <= dataset.count:
            raise RasterError(f"has {dataset.count} bands", where=dataset.name, expected=f"a band {reading.band}")

    def read(dataset: rasterio.DatasetReader, window: Window) -> np.ndarray:
        return read_values(dataset, window, reading, missing)[None]

    pixels = Pixels(read, missing, np.uint16 if reading.classes else np.float32, smooth=reading.smooth)
    return warp(lattices_of(datasets, geobox, reading.crs), geobox, pixels)[0]


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
