"""Scaling of the inputs by training rows only: ``standard``, less the mean, divided by the standard deviation;
``limits``, from least 0 to greatest 1; or ``log_skewed``, logarithms of what is skewed, standardised, held near.

The works that loam follows do not say how inputs are scaled. The first two ways are linear, so a feature outside the
range of the training rows stays outside it. The third takes log(1 + x / median) of a feature that is never below 0 and
has a skewness above 1, standardises with both domains weighing alike, and draws z to z / sqrt(1 + (z / 3)^2), so that
no input lies beyond 3 standard deviations, whatever a map shows. A variable of the sequence has one scale for all its
steps: the network meets a change from one day to the next as a change, not as a difference between two scales. So has a
band of a patch, for all its pixels too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from loam.samples.windows import Windows

log = logging.getLogger("loam")

FAR = 3.0  # standard deviations that no input reaches
SKEWED = 1.0  # skewness above which the logarithm is taken
LEAST_MEDIAN = 1e-3  # of the standard deviation


@dataclass(frozen=True)
class Scaler:
    """What is subtracted from each member's inputs, and what they are divided by, in the features' units.

    Args:
        mean: [member, feature], float64; the least value where the scaling is by limits.
        std: [member, feature], float64; greatest less least where it is by limits; 1 where the feature is constant.
        median: [member, feature], float64: of what the logarithm is taken, NaN where of the value itself; None where
            the scaling is linear.
    """

    mean: np.ndarray
    std: np.ndarray
    median: np.ndarray | None = None

    @property
    def parts(self) -> list[np.ndarray]:
        """What it consists of."""
        return [part for part in (self.mean, self.std, self.median) if part is not None]

    @classmethod
    def of_card(cls, described: Sequence[Mapping[str, Any]]) -> Scaler:
        """The scaler of members as a card describes each."""
        mean, std = (np.array([own[key] for own in described], float) for key in ("mean", "std"))
        if "median" not in described[0]:
            return cls(mean, std)
        return cls(mean, std, np.array([[np.nan if x is None else x for x in own["median"]] for own in described]))

    def of_members(self, count: int) -> Scaler:
        """The scaler of a single member, given to each of ``count`` members."""
        return self.take(np.zeros(count, int))

    def take(self, places: np.ndarray) -> Scaler:
        """The scalers of the members at ``places``."""
        return Scaler(self.mean[places], self.std[places], None if self.median is None else self.median[places])

    def described(self, place: int) -> dict[str, list[float | None]]:
        """A member's scaler as a card holds it."""
        told: dict[str, list[float | None]] = {"mean": self.mean[place].tolist(), "std": self.std[place].tolist()}
        if self.median is not None:
            told["median"] = [None if math.isnan(value) else value for value in self.median[place].tolist()]
        return told

    def apply(self, place: int, features: slice | np.ndarray, values: np.ndarray) -> np.ndarray:
        """Scaled ``values`` [..., feature] of a member's ``features``, float64."""
        mean, std = self.mean[place, features], self.std[place, features]
        if self.median is None:
            return (values - mean) / std
        scaled = (_logarithms(values, self.median[place, features]) - mean) / std
        return scaled / np.sqrt(1 + np.square(scaled / FAR))


def scaled(values: Tensor, mean: Tensor, std: Tensor, median: Tensor | None = None) -> Tensor:
    """``Scaler.apply`` on a device, of ``values`` [..., feature] in double precision."""
    if median is None:
        return (values - mean) / std
    logarithms = torch.log1p(values.clamp(min=0) / median)
    standard = (torch.where(median.isnan(), values, logarithms) - mean) / std
    return standard / (1 + (standard / FAR).square()).sqrt()


def _logarithms(values: np.ndarray, median: np.ndarray) -> np.ndarray:
    skewed = np.isfinite(median)
    with np.errstate(invalid="ignore"):
        logarithms = np.log1p(np.maximum(values, 0) / np.where(skewed, median, 1.0))
    return np.where(skewed, logarithms, values)


def fit_scaler(windows: Windows, training: Sequence[np.ndarray], scaling: str = "standard") -> Scaler:
    """Fit one scaler a member, without laying windows out: a value counts as often as training rows read it.

    A feature that is constant in the training rows says nothing there; it is divided by 1, which makes it 0 in
    training, and is named in the log.

    Args:
        windows: the domain's rows.
        training: positions of the training rows of each member.
        scaling: ``standard``, ``limits`` or ``log_skewed``.
    """
    if scaling == "log_skewed":
        return _fit_skewed(windows, training)
    scales = np.empty((2, len(training), len(windows.features.all)))
    for member, rows in enumerate(training):
        parts = [_scales(values, counts, scaling) for values, counts in _read_by(windows, rows)]
        scales[:, member] = _in_order(windows, parts)
    return _named(windows, *scales)


def _fit_skewed(windows: Windows, training: Sequence[np.ndarray]) -> Scaler:
    found = np.empty((3, len(training), len(windows.features.all)))
    for member, rows in enumerate(training):
        of_target = windows.of_target[windows.station[rows]]
        domains = [_read_by(windows, part) for part in (rows[~of_target], rows[of_target]) if len(part)]
        parts = []
        for tables in zip(*domains, strict=True):
            weights = [counts / max(counts.sum(), 1) for _, counts in tables]
            parts.append(_skewed_scales(np.concatenate([values for values, _ in tables]), np.concatenate(weights)))
        found[:, member] = _in_order(windows, parts)
    mean, std, median = found
    return replace(_named(windows, mean, std), median=median)


def _read_by(windows: Windows, rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The tables of stations, days, steps and each band, each with how often ``rows`` read each of its lines."""
    position = windows.position[rows]
    read = np.zeros(len(windows.of_step), np.int64)
    for lag in windows.lags:
        read += np.bincount(position - lag, minlength=len(read))
    return [
        (windows.of_station, np.bincount(windows.station[rows], minlength=len(windows.of_station))),
        (windows.of_day, np.bincount(position, minlength=len(windows.of_day))),
        (windows.of_step, read),
        *(windows.band(number, rows) for number in range(len(windows.bands))),
    ]


def _in_order(windows: Windows, parts: Sequence[np.ndarray]) -> np.ndarray:
    """What was found of each table's columns [..., column], in the order of the features."""
    of_station, of_day, of_step, *of_bands = parts
    static = np.concatenate([of_station, of_day], 1)[:, windows.order]
    found = [static, np.tile(of_step, windows.features.shape[1])]
    return np.concatenate([*found, np.tile(np.concatenate(of_bands, 1), len(windows.lags))] if of_bands else found, 1)


def _named(windows: Windows, mean: np.ndarray, std: np.ndarray) -> Scaler:
    """The scaler, 1 in the place of a standard deviation of 0; such features are named."""
    static, steps, variables = windows.features.shape
    first = static + steps * variables
    for place in [*range(static + (variables if steps else 0)), *range(first, first + len(windows.bands))]:
        if count := np.count_nonzero(std[:, place] == 0):
            name = windows.features.columns[place]
            log.warning("feature '%s' is constant in the training rows of %d of %d members", name, count, len(std))
    return Scaler(mean, np.where(std == 0, 1.0, std))


def _skewed_scales(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean, standard deviation and median [3, column] of ``values`` [row, column] by their ``weights`` [row]."""
    seen = weights > 0
    if not seen.any():
        return np.empty((3, values.shape[1]))
    values, weights = values[seen], (weights[seen] / weights[seen].sum())[:, None]
    mean = (values * weights).sum(0)
    deviation = values - mean
    squares = np.square(deviation)
    std = np.sqrt((squares * weights).sum(0))
    third = (squares * deviation * weights).sum(0)
    skewed = (values.min(0) >= 0) & (std > 0) & (third > SKEWED * std**3)
    order = np.argsort(values, axis=0)
    half = np.cumsum(np.take_along_axis(np.broadcast_to(weights, values.shape), order, 0), 0) >= 0.5
    middle = np.take_along_axis(np.take_along_axis(values, order, 0), half.argmax(0)[None], 0)[0]
    median = np.where(skewed, np.maximum(middle, LEAST_MEDIAN * std), np.nan)
    scaled = _logarithms(values, median)
    same = values.min(0) == values.max(0)
    mean = (scaled * weights).sum(0)
    std = np.sqrt((np.square(scaled - mean) * weights).sum(0))
    return np.stack([np.where(same, scaled[0], mean), np.where(same, 0.0, std), median])


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
