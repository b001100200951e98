"""A raster file whose damage is an error that names it, wherever it shows: in the header, in texts, in blocks.

And what every reader of one takes from it alike: missing pixels, scale, offset and unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.windows import Window

from loam.errors import RasterError

# what rasterio raises for damage: in the header, in blocks, in texts that are no UTF-8, in sizes that no memory holds
RASTER_DAMAGE = (RasterioError, CRSError, ValueError, MemoryError, OverflowError)
LARGEST_VALUE = 1e38  # what lies beyond is a fill value (the lowest float32, -3.4e38), whether or not a tag says so


class Raster(rasterio.io.DatasetReader):
    """A raster whose pixels, where they cannot be read, are an error that names it: damage shows past the header."""

    def read(self, *arguments: Any, **options: Any) -> np.ndarray:
        """As rasterio's; raises a RasterError where blocks are damaged or lacking."""
        with self._named():
            return super().read(*arguments, **options)

    def read_masks(self, *arguments: Any, **options: Any) -> np.ndarray:
        """As rasterio's; likewise."""
        with self._named():
            return super().read_masks(*arguments, **options)

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """As rasterio's; likewise."""
        with self._named():
            return super().descriptions

    @property
    def units(self) -> tuple[str | None, ...]:
        """As rasterio's; likewise."""
        with self._named():
            return super().units

    def tags(self, *arguments: Any, **options: Any) -> dict[str, str]:
        """As rasterio's; likewise."""
        with self._named():
            return super().tags(*arguments, **options)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except RASTER_DAMAGE as error:
            raise RasterError(
                f"cannot be read to its end ({error.__cause__ or error})", where=self.name, expected="a whole GeoTIFF",
                fix="fetch or write it again",
            ) from None  # fmt: skip


def present(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Where ``values`` (any shape) hold a value: not nodata, not NaN, not infinite, not a float's fill value."""
    found = np.abs(values) < LARGEST_VALUE if values.dtype.kind == "f" else np.ones(values.shape, bool)
    if nodata is not None and abs(nodata) < LARGEST_VALUE:
        found &= values != float(nodata)
    return found


def known_pixels(dataset: rasterio.DatasetReader, band: int, raw: np.ndarray, window: Window | None) -> np.ndarray:
    """Where the pixels ``raw`` that were read from a band hold a value, by its nodata and its mask, if it has one."""
    found = present(raw, dataset.nodatavals[band - 1])
    if MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]:
        found &= dataset.read_masks(band, window=window) != 0
    return found


def values_of_band(
    dataset: rasterio.DatasetReader,
    band: int,
    window: Window | None = None,
    dtype: type = np.float32,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """A band's pixels as the numbers that they stand for, by its scale and offset: NaN where there is none.

    Args:
        dataset: open.
        band: from 1.
        window: of it; None for all.
        dtype: of the result.
        shape: rows and columns of the result, whose pixels are means over those of the band; None for the band's own.
    """
    if shape is None:
        raw = dataset.read(band, window=window)
        known = known_pixels(dataset, band, raw, window)
    else:
        raw = dataset.read(band, window=window, out_shape=shape, resampling=Resampling.average)
        known = present(raw, dataset.nodatavals[band - 1])
    values: np.ndarray = np.where(known, raw, np.nan).astype(dtype)
    scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
    return values if (scale, offset) == (1.0, 0.0) else (values * scale + offset).astype(dtype)


def unit_of(dataset: rasterio.DatasetReader, band: int) -> str | None:
    """The unit that a band's own field or a tag ``units`` of it or of the file names; None where none does."""
    tags = {**dataset.tags(), **dataset.tags(band)}
    return dataset.units[band - 1] or tags.get("units") or tags.get("UNITS") or None
