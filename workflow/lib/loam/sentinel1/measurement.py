"""The measured amplitudes of one polarisation, read by window; they have no grid of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from loam.errors import RasterError
from loam.raster.bands import RASTER_DAMAGE
from loam.sentinel1.annotation import Annotation


class Measurement:
    """An open measurement. ``open_measurement`` makes it."""

    def __init__(self, dataset: rasterio.DatasetReader, path: str) -> None:
        self._dataset, self.path = dataset, path

    def read(self, first_line: int, lines: int, first_sample: int, samples: int) -> np.ndarray:
        """Amplitudes (DN) of a window inside the image: uint16 [lines, samples].

        Raises:
            RasterError: the file ends before the window does.
        """
        try:
            return self._dataset.read(1, window=Window(first_sample, first_line, samples, lines))
        except RASTER_DAMAGE as error:
            raise RasterError(
                f"lines {first_line} to {first_line + lines - 1} cannot be read ({error})", where=self.path,
                expected="a whole GeoTIFF", fix="fetch the product again",
            ) from None  # fmt: skip


@contextmanager
def open_measurement(path: str, annotation: Annotation) -> Iterator[Measurement]:
    """Open a measurement; its size must be the annotated one, and its last pixel must be there.

    Raises:
        RasterError: it cannot be read, or has another size.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path)
    except RASTER_DAMAGE as error:
        raise RasterError(
            f"cannot be read ({error})", where=path, expected="a GeoTIFF", fix="fetch the product again"
        ) from None
    with dataset:
        if dataset.count != 1 or dataset.dtypes[0] != "uint16":
            raise RasterError(
                f"holds {dataset.count} bands of {dataset.dtypes[0]}", where=path, expected="one of uint16"
            )
        if dataset.shape != (annotation.lines, annotation.samples):
            raise RasterError(
                f"is {dataset.shape[0]} x {dataset.shape[1]}", where=path,
                expected=f"{annotation.lines} x {annotation.samples}, as annotated", fix="fetch the product again",
            )  # fmt: skip
        measurement = Measurement(dataset, path)
        measurement.read(annotation.lines - 1, 1, annotation.samples - 1, 1)
        yield measurement
