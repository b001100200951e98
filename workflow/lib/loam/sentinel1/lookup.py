"""Tables of an image as dense rows: one a vector, with a value at every sample; between rows, linear in line.

Calibration and noise vectors hold a value every 40 samples or so, each with a list of samples of its own. Spread once
to all samples they are small (27 rows of 26,000), and a pixel's value is a mean of two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Rows of a table.

    Args:
        line: lines of the rows, increasing [row].
        values: float32 [row, sample]; NaN where the table has none.
    """

    line: np.ndarray
    values: np.ndarray

    def weights(self, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The row before each line and how far it is towards the next, 0 to 1; held beyond the first and last."""
        if len(self.line) == 1:
            return np.zeros(len(lines), np.int64), np.zeros(len(lines))
        before = np.clip(np.searchsorted(self.line, lines, side="right") - 1, 0, len(self.line) - 2)
        step = self.line[before + 1] - self.line[before]
        return before, np.clip((lines - self.line[before]) / step, 0.0, 1.0)

    def at(self, line: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """Values at broken lines and at the samples nearest to broken samples, each [...]; NaN where there are none."""
        shape = np.shape(line)
        before, weight = self.weights(np.ravel(line))
        column = np.clip(np.rint(np.ravel(sample)), 0, self.values.shape[1] - 1).astype(np.int64)
        after = np.minimum(before + 1, len(self.line) - 1)
        low, high = self.values[before, column], self.values[after, column]
        value = np.where(np.isnan(low), high, np.where(np.isnan(high), low, low + (high - low) * weight))
        return value.reshape(shape)


def spread(
    line: np.ndarray, pixel: Sequence[np.ndarray], value: Sequence[np.ndarray], samples: int, *, zero_is_missing: bool
) -> Rows:
    """Vectors of a table, spread to all samples by linear interpolation and held beyond their first and last node.

    Args:
        line: of the vectors [vector]; vectors of the same line as the one before are left out.
        pixel, value: nodes, [vector] of [node].
        samples: of the image.
        zero_is_missing: a node of 0 has no value: up to it the last value holds, from it on there is none. So has
            a last node that falls to less than half of the one before (IPF 3.31 has 1717, 1.4, 0, 0).
    """
    keep = np.concatenate([[True], np.diff(line) > 0])
    columns = np.arange(samples, dtype=np.float64)
    rows = np.empty((int(keep.sum()), samples), np.float32)
    for place, vector in enumerate(np.flatnonzero(keep)):
        nodes, values = pixel[vector], value[vector]
        good = nodes_with_value(values) if zero_is_missing else np.ones(len(values), bool)
        if not good.any():
            rows[place] = np.nan
            continue
        rows[place] = np.interp(columns, nodes[good], values[good])
        if not good.all():
            rows[place, _without_value(columns, nodes, good)] = np.nan
    return Rows(np.asarray(line)[keep], rows)


def nodes_with_value(values: np.ndarray) -> np.ndarray:
    """Which nodes of a vector have a value; an outermost one of less than half of its neighbour is on its way to 0."""
    good = values > 0
    for along in (np.flatnonzero(good), np.flatnonzero(good)[::-1]):
        if len(along) > 1 and values[along[-1]] < values[along[-2]] / 2:
            good[along[-1]] = False
    return good


def _without_value(columns: np.ndarray, nodes: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Which columns lie at a node without a value, or between two such."""
    after = np.searchsorted(nodes, columns, side="left").clip(0, len(nodes) - 1)
    before = np.searchsorted(nodes, columns, side="right").clip(1, len(nodes)) - 1
    return ~good[after] & ~good[before]
