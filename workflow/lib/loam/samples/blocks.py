"""Blocks of pixels as stations: what probes measure in one place is held against means over the land around it.

A covariate of a block is the mean over its land pixels that have it, where at least half of them do; a class is its
share of them. What passes observe is the last valid value of each pixel, and then the mean. Moisture stays the probes'.
"""

from __future__ import annotations

import numpy as np

from loam.covariates.read.cube import GridSource
from loam.covariates.read.derive import Observations, Series
from loam.raster.cell_index import CellIndex
from loam.raster.classes import CODES


class BlockSource:
    """Some blocks, as ``loam.covariates.read.derive`` reads them.

    Args:
        pixels: their land pixels, block by block.
        there: which of all their pixels those are: [block, row, column]; one a block at least.
    """

    def __init__(self, pixels: GridSource, there: np.ndarray) -> None:
        self.pixels, self._block = pixels, np.nonzero(there)[0]
        self._count = there.sum((1, 2))
        self._slot = np.arange(len(self._block)) - (np.cumsum(self._count) - self._count)[self._block]
        each = np.arange(len(self._block))
        self._of_pixels = self._over(CellIndex(each, each, each[:, None]))

    def holds(self, name: str) -> bool:
        """Whether the blocks have the covariate itself: never; all is made from what the cube has."""
        return self.pixels.holds(name)

    def static(self, name: str) -> np.ndarray:
        """A static covariate: [block], float32, NaN where fewer than half of the pixels have it."""
        return self._mean(self.pixels.static(name))

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """The share that a class has: [block], float32, NaN where fewer than half of the pixels have any."""
        return self._mean(self.pixels.class_of(name, value, shares=shares))

    def classes(self) -> np.ndarray:
        """The code of the class with the largest share, 0 where none of the five has any: [block]."""
        shares = np.stack([self.class_of("landcover", name, shares=False) for name in CODES], axis=1)
        largest = np.array(list(CODES.values()), float)[np.nan_to_num(shares).argmax(axis=1)]
        most = shares.max(axis=1)
        return np.where(np.isnan(most), np.nan, np.where(most > 0, largest, 0))

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable on the cells that the pixels read, and which each block reads with which weight."""
        given, index = self.pixels.series(variable, first, last)
        return given, self._over(index)

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """Observations of the pixels, and which each block reads."""
        given, index = self.pixels.observations(group, variable, first, last)
        return given, self._over(index)

    def _mean(self, values: np.ndarray) -> np.ndarray:
        blocks = np.arange(len(self._count))
        return self._of_pixels.take(values[None], np.zeros_like(blocks), blocks)

    def _over(self, index: CellIndex) -> CellIndex:
        """The cells that the pixels of each block read, with the pixels' shares as weights."""
        shape = (len(self._count), int(self._count.max()), index.cell.shape[1])
        cell, weight = np.full(shape, -1), np.zeros(shape)
        cell[self._block, self._slot] = index.cell
        own = np.ones(index.cell.shape) if index.weight is None else index.weight
        weight[self._block, self._slot] = own / self._count[self._block, None]
        return CellIndex(index.rows, index.cols, cell.reshape(shape[0], -1), weight.reshape(shape[0], -1))
