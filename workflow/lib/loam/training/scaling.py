"""Scaling of the inputs by training rows only: ``standard``, less the mean, divided by the standard deviation; or
``limits``, from least 0 to greatest 1.

The works that loam follows do not say how inputs are scaled. Both ways are linear, so a feature outside the range of
the training rows stays outside it. A variable of the sequence has one scale for all its steps: the network meets a
change from one day to the next as a change, not as a difference between two scales. So has a band of a patch, for all
its pixels too.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loam.samples.windows import Windows

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Scaler:
    """What is subtracted from each member's inputs, and what they are divided by, in the features' units.

    Args:
        mean: [member, feature], float64; the least value where the scaling is by limits.
        std: [member, feature], float64; greatest less least where it is by limits; 1 where the feature is constant.
    """

    mean: np.ndarray
    std: np.ndarray

    def of_members(self, count: int) -> Scaler:
        """The scaler of a single member, given to each of ``count`` members."""
        return Scaler(np.repeat(self.mean, count, axis=0), np.repeat(self.std, count, axis=0))


def fit_scaler(windows: Windows, training: Sequence[np.ndarray], scaling: str = "standard") -> Scaler:
    """Fit one scaler a member, without laying windows out: a value counts as often as training rows read it.

    A feature that is constant in the training rows says nothing there; it is divided by 1, which makes it 0 in
    training, and is named in the log.

    Args:
        windows: the domain's rows.
        training: positions of the training rows of each member.
        scaling: ``standard`` or ``limits``.
    """
    static, steps, variables = windows.features.shape
    bands = len(windows.bands)
    scales = np.empty((2, len(training), len(windows.features.all)))
    for member, rows in enumerate(training):
        position = windows.position[rows]
        read = np.zeros(len(windows.of_step), np.int64)  # how often rows read each day of the sequence
        for lag in windows.lags:
            read += np.bincount(position - lag, minlength=len(read))
        of_station = _scales(windows.of_station, np.bincount(windows.station[rows], minlength=len(windows.of_station)),
                             scaling)  # fmt: skip
        of_day = _scales(windows.of_day, np.bincount(position, minlength=len(windows.of_day)), scaling)
        scales[:, member, :static] = np.concatenate([of_station, of_day], 1)[:, windows.order]
        scales[:, member, static : static + steps * variables] = np.tile(_scales(windows.of_step, read, scaling), steps)
        if bands:
            of_bands = [_scales(*windows.band(number, rows), scaling) for number in range(bands)]
            scales[:, member, static + steps * variables :] = np.tile(np.concatenate(of_bands, 1), len(windows.lags))
    mean, std = scales
    first = static + steps * variables
    for place in [*range(static + (variables if steps else 0)), *range(first, first + bands)]:
        if count := np.count_nonzero(std[:, place] == 0):
            name = windows.features.columns[place]
            log.warning("feature '%s' is constant in the training rows of %d of %d members", name, count, len(training))
    return Scaler(mean, np.where(std == 0, 1.0, std))


def _scales(values: np.ndarray, counts: np.ndarray, scaling: str) -> np.ndarray:
    """Shift and scale [2, column] of ``values`` [row, column], each row as often as ``counts`` says."""
    seen = counts > 0
    values, counts = values[seen], counts[seen][:, None]
    least, greatest = values.min(0, initial=np.inf), values.max(0, initial=-np.inf)
    if scaling == "limits":
        return np.stack([least, greatest - least])
    total = counts.sum()
    mean = (values * counts).sum(0) / total
    std = np.sqrt((np.square(values - mean) * counts).sum(0) / total)
    same = least == greatest
    return np.stack([np.where(same, least, mean), np.where(same, 0.0, std)])
