"""Which pixels of a map lie within the range of the training data: band ``inside_training_range`` of ``trust.tif``,
and the reasons that stand behind it (``loam.trust.pixel_reasons.INPUTS``).

A pixel is inside when every feature that the network reads there lies within the box of ``loam.training.ranges``. As in
the engine, what is of a coarse cell is looked at once a cell. The band also tells why a pixel has no moisture at all:
it is land and an input is missing, or it lies outside the land mask.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from rasterio import DatasetReader

from loam.covariates.features import FeatureSet
from loam.covariates.read.tiles import TileInputs
from loam.errors import RasterError
from loam.raster.cog import Class
from loam.raster.grid import Grid, Tile, open_raster
from loam.training.ranges import INSIDE, NO_VALUE, OUTSIDE, TrainingRange, class_columns
from loam.trust.pixel_reasons import BY_KIND, INPUTS, MEANING

log = logging.getLogger("loam")

ROUNDING = 1e-5  # of a total of shares held in single precision
TOLD = 5  # features that the log names
INCOMPLETE = 2  # value of the band, beside INSIDE, OUTSIDE and NO_VALUE

CLASSES = (
    Class(OUTSIDE, "outside the range of the training data", "#CDB8E0"),
    Class(INSIDE, "inside the range of the training data", "#E6EFE9"),
    Class(INCOMPLETE, "land where an input is missing", "#7F7F7F"),
    Class(NO_VALUE, "outside the land mask", "#E4E4E4"),
)

TRUST_CLASSES = (
    *(Class(number, text, colour) for (number, text), colour in
      zip(MEANING.items(), ("#B5D8CC", "#F2E3A6", "#D9A066", "#9E3D3D"), strict=True)),
    Class(NO_VALUE, "outside the land mask", "#E4E4E4"),
)  # fmt: skip


class RangeCheck:
    """Tells the pixels inside from those outside, tile by tile, and counts what leads outside.

    Args:
        limits: the box.
        features: what the network reads, in its order.
    """

    def __init__(self, limits: TrainingRange, features: FeatureSet) -> None:
        self.features, self.static_count = features, len(features.static)
        self.low, self.high = limits.minimum.astype(np.float32), limits.maximum.astype(np.float32)  # as inputs are
        bits = [INPUTS[BY_KIND[feature.kind]].bit for feature in features.static]
        self.bits = np.array(bits, np.uint8)  # of each static feature
        self.classes = [(name, columns, *limits.classes[name]) for name, columns in class_columns(features).items()]
        self.pixels = self.inside = 0
        self._counting = Lock()
        self.outside = np.zeros(len(self.low), np.int64)
        self.outside_classes = dict.fromkeys(limits.classes, 0)

    def read(self, inputs: TileInputs) -> np.ndarray:
        """``INSIDE`` or ``OUTSIDE`` of every pixel of a tile: [pixel], uint8."""
        return self.side_of(self.reasons(inputs))

    @staticmethod
    def side_of(reasons: np.ndarray) -> np.ndarray:
        """``INSIDE`` where there is no reason, else ``OUTSIDE``: [pixel], uint8."""
        return np.where(reasons, OUTSIDE, INSIDE).astype(np.uint8)

    def reasons(self, inputs: TileInputs) -> np.ndarray:
        """In which features every pixel of a tile lies outside, as bits of ``INPUTS``: [pixel], uint8."""
        static, cells = inputs.static, inputs.cells.reshape(len(inputs.cells), math.prod(inputs.cells.shape[1:]))
        count = self.static_count
        beyond = (static < self.low[:count]) | (static > self.high[:count])
        of_cells = slice(count, count + cells.shape[1])
        beyond_of_cell = (cells < self.low[of_cells]) | (cells > self.high[of_cells])
        outside, counts = np.zeros_like(self.outside), dict[str, int]()
        outside[:count] = np.count_nonzero(beyond, axis=0)
        outside[of_cells] = np.bincount(inputs.cell, minlength=len(cells)) @ beyond_of_cell
        found = np.bitwise_or.reduce(np.where(beyond, self.bits, np.uint8(0)), axis=1, initial=np.uint8(0))
        around = beyond_of_cell.any(axis=1)[inputs.cell]
        if self.features.patch:
            around |= self._beyond_of_patches(inputs, outside)
        found |= around * np.uint8(INPUTS["series_range"].bit)
        for name, columns, low, high in self.classes:
            total = static[:, columns].sum(axis=1, dtype=np.float64)
            strange = (total < low - ROUNDING) | (total > high + ROUNDING)
            counts[name] = int(strange.sum())
            found |= strange * np.uint8(INPUTS["class_range"].bit)
        with self._counting:
            self.pixels += len(found)
            self.inside += int(np.count_nonzero(found == 0))
            self.outside += outside
            for name, number in counts.items():
                self.outside_classes[name] += number
        return found

    def _beyond_of_patches(self, inputs: TileInputs, outside: np.ndarray) -> np.ndarray:
        """Pixels around which a band is beyond its limits (a missing one is not), counted in ``outside``."""
        around, count = inputs.around, inputs.around.values[0, 0].size
        values = around.values.reshape(*around.values.shape[:2], count)
        beyond = (values < self.low[-count:]) | (values > self.high[-count:])
        windows = np.lib.stride_tricks.sliding_window_view(beyond, (around.size, around.size), axis=(0, 1))
        found = windows.any(axis=(-2, -1))[inputs.pixel // around.width, inputs.pixel % around.width]
        outside[-count:] += np.count_nonzero(found, axis=0)
        return found.any(axis=1)

    def log_outside(self) -> None:
        """Log how many pixels lie inside, and the features that most often lead outside."""
        share = 100 / max(self.pixels, 1)
        log.info("%.1f %% of the pixels lie within the range of the training data", share * self.inside)
        counts = dict(zip(self.features.columns, self.outside.tolist(), strict=True))
        counts |= {f"{name}, none of its classes": count for name, count in self.outside_classes.items()}
        for name in sorted((name for name in counts if counts[name]), key=counts.get, reverse=True)[:TOLD]:
            log.info("outside by %s: %.1f %% of the pixels", name, share * counts[name])


def with_gaps(
    grid: Grid, tile: Tile, pixel: np.ndarray, sides: np.ndarray, missing: int | np.ndarray = INCOMPLETE
) -> tuple[np.ndarray, np.ndarray]:
    """The land of a tile, and the values of bands there.

    Args:
        grid: the map's.
        tile: of it.
        pixel: positions of the pixels with every input, ascending [pixel].
        sides: their values [pixel], or [pixel, band].
        missing: value, or values [band], where an input is missing.

    Returns:
        Positions of all land pixels [land] and their values [land] or [land, band], uint8.
    """
    land = np.flatnonzero(grid.land_mask(tile))
    values = np.full((len(land), *sides.shape[1:]), missing, np.uint8)
    values[np.searchsorted(land, pixel)] = sides
    return land, values


def count_classes(trust: str | Path, band: str | None = None, classes: Sequence[Class] = CLASSES) -> dict[int, int]:
    """Number of pixels of each of ``classes`` in a band of a file, None for its first, by value.

    Raises:
        RasterError: there is no such file, it is not a raster, or it has no such band.
    """
    counts = dict.fromkeys((item.value for item in classes), 0)
    with open_raster(trust) as dataset:
        number = 1 if band is None else band_number(dataset, band)
        for _, window in dataset.block_windows(number):
            found = np.bincount(dataset.read(number, window=window).ravel(), minlength=256)
            for value in counts:
                counts[value] += int(found[value])
    return counts


def band_number(dataset: DatasetReader, name: str) -> int:
    """Number of the band ``name`` of an open ``trust.tif``.

    Raises:
        RasterError: it has no band of this name.
    """
    names = list(dataset.descriptions)
    if name not in names:
        raise RasterError(
            f"has no band '{name}', only {', '.join(map(str, names))}", where=dataset.name,
            expected="a trust.tif of this release", fix="remove the file, and run snakemake again",
        )  # fmt: skip
    return names.index(name) + 1


def share_inside(trust: str | Path) -> float:
    """Share of a map's pixels that lie within the range of the training data; NaN where none is mapped.

    Raises:
        RasterError: there is no such file, or it is not a raster.
    """
    counts = count_classes(trust)
    mapped = counts[INSIDE] + counts[OUTSIDE]
    return counts[INSIDE] / mapped if mapped else math.nan
