"""Thermal noise of an image, as it adds to DN^2: eta = range table x azimuth table (ESA MPC-0392, DI-MPC-TN 2.2, 6.1).

Range vectors are interpolated in sample and line. A node of zero means that the noise is missing there, not that
there is none: the last nodes of many vectors are zero. Up to such a node the last value holds; from it on the noise
is missing and DN^2 stays as it is. In azimuth, blocks give a factor along the lines; where blocks leave a hole the
factor is 1, where they overlap the first one counts, and a block of one node holds its value. Before IPF 2.90, and in
stripmap, there are no blocks.

Before IPF 2.50 tables are zero, or in other units than DN^2 (MPC-0392, 5), which published factors disagree about;
their noise is left in, and the log says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from loam.sentinel1.calibration_tables import AzimuthBlock, NoiseTable
from loam.sentinel1.lookup import Rows, spread

log = logging.getLogger("loam")

LEAST_POWER = 1.0  # DN^2; tables below are not in units of the image


@dataclass(frozen=True)
class Noise:
    """The noise of an image, ready to be taken at any window.

    Args:
        rows: of the range vectors, spread to all samples.
        blocks: in azimuth.
    """

    rows: Rows
    blocks: tuple[AzimuthBlock, ...]

    def factors(self, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The azimuth factors of ``lines``.

        Returns:
            First sample and the one after the last of each block [block], and the factor [block, line]; NaN where a
            block does not hold a line.
        """
        first = np.array([block.first_sample for block in self.blocks], np.int64)
        last = np.array([block.last_sample + 1 for block in self.blocks], np.int64)
        factor = np.full((len(self.blocks), len(lines)), np.nan)
        for place, block in enumerate(self.blocks):
            inside = (lines >= block.first_line) & (lines <= block.last_line)
            factor[place, inside] = np.interp(lines[inside], block.line, block.value)
        return first, last, factor

    def at(self, line: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """The noise at broken lines and samples, each [...]; NaN where it is missing."""
        eta = self.rows.at(line, sample).astype(np.float64)
        done = np.zeros(np.shape(line), bool)
        for block in self.blocks:
            inside = ~done & (line >= block.first_line - 0.5) & (line < block.last_line + 0.5)
            inside &= (sample >= block.first_sample - 0.5) & (sample < block.last_sample + 0.5)
            eta[inside] *= np.interp(np.asarray(line)[inside], block.line, block.value)
            done |= inside
        return eta


def noise_of(table: NoiseTable, samples: int) -> Noise:
    """The noise of an image of ``samples`` samples; missing everywhere if the table is not in units of DN^2."""
    if max(float(value.max()) for value in table.value) < LEAST_POWER:
        log.warning("%s: holds no noise in units of DN^2; the thermal noise is left in", table.where)
        return Noise(Rows(np.zeros(1), np.full((1, samples), np.nan, np.float32)), ())
    rows = spread(table.line, table.pixel, table.value, samples, zero_is_missing=True)
    return Noise(rows, table.blocks)
