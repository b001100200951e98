"""A raster file whose damage is an error that names it, wherever it shows: in the header, in texts, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import CRSError, RasterioError

from loam.errors import RasterError

# what rasterio raises for damage: in the header, in blocks, in texts that are no UTF-8, in sizes that no memory holds
RASTER_DAMAGE = (RasterioError, CRSError, ValueError, MemoryError, OverflowError)


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
