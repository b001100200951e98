"""What the held-out residuals of stations say of the level of a new one, and of the days about it.

At a station that no network has met, the residual (observed - predicted) of a day is e_t = b + d_t: b, the error of the
station's level, with variance B between stations, and d_t, the error of the day about it, with variance W and
correlation (1 - c) [t = u] + c exp(-|t - u| / l) between days. docs/explanation/intervals.md derives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

LAGS = np.array([1, 2, 4, 8, 15, 30, 60, 90])  # days
LENGTHS = 2.0 ** np.arange(0, 9)  # days, of the correlation
FEWEST_PAIRS = 10  # of days a lag apart
FEWEST_STATIONS = 2  # beside the one whose level is predicted
TINY = 1e-9  # of the variance between stations: what the days are off by at least


@dataclass(frozen=True)
class LevelModel:
    """What the residuals of other stations say of a new one's.

    Args:
        between: variance of the error of the level, B, (m3 m-3)^2.
        within: variance of the days about it, W.
        share: of that which is correlated between days, c, 0 to 1.
        length: of the correlation, l, days.
    """

    between: float
    within: float
    share: float
    length: float

    def covariance(self, days: np.ndarray) -> np.ndarray:
        """Of the residuals of ``days`` [day], whole numbers: [day, day]."""
        apart = np.abs(days[:, None] - days[None]).astype(float)
        correlation = np.where(apart == 0, 1.0, self.share * np.exp(-apart / self.length))
        return self.between + max(self.within, TINY * self.between) * correlation

    def level(self, days: np.ndarray, residuals: np.ndarray) -> tuple[float, float]:
        """The station's level error given ``residuals`` of ``days`` [day], and the variance that is left of it."""
        if not len(days) or self.between == 0:
            return 0.0, self.between
        weights = np.linalg.solve(self.covariance(days), np.full(len(days), self.between))
        return float(weights @ residuals), float(self.between * (1 - weights.sum()))


@dataclass(frozen=True)
class Record:
    """A station's held-out days in their order: whole numbers, predicted and observed, each [day]; m3 m-3."""

    days: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray

    @property
    def residuals(self) -> np.ndarray:
        """Observed - predicted, [day]."""
        return self.observed - self.predicted

    def correlations(self) -> np.ndarray:
        """Of the residuals about their mean at each of ``LAGS`` [lag]; NaN where too few days lie so far apart."""
        about = self.residuals - self.residuals.mean()
        laid = np.full(self.days[-1] - self.days[0] + 1, np.nan)
        laid[self.days - self.days[0]] = about
        variance, found = np.mean(about**2), np.full(len(LAGS), np.nan)
        for place, lag in enumerate(LAGS):
            products = laid[lag:] * laid[:-lag]
            if np.isfinite(products).sum() >= FEWEST_PAIRS and variance > 0:
                found[place] = np.nanmean(products) / variance
        return found


def fit_level_model(residuals: Sequence[np.ndarray], correlations: np.ndarray) -> LevelModel:
    """The model of a new station from others, stations weighted alike.

    Args:
        residuals: of each other station, [day].
        correlations: of each at ``LAGS`` [station, lag], NaN where not known.
    """
    between = float(np.mean([own.mean() ** 2 for own in residuals]))
    within = float(np.mean([own.var() for own in residuals]))
    known = np.isfinite(correlations).any(0)
    if not known.any():
        return LevelModel(between, within, 1.0, float(LENGTHS[-1]))  # nothing says that two days are two facts
    mean, basis = np.nanmean(correlations[:, known], axis=0), np.exp(-LAGS[known] / LENGTHS[:, None])
    share = np.clip(basis @ mean / np.sum(basis**2, axis=1), 0, 1)
    best = np.argmin(np.sum((mean - share[:, None] * basis) ** 2, axis=1))
    return LevelModel(between, within, float(share[best]), float(LENGTHS[best]))


def records_of(part: pd.DataFrame) -> dict[str, Record]:
    """The stations of two days or more of one system, layer, size and draw, by name.

    Args:
        part: rows of schema PREDICTIONS, in the order of dates.
    """
    return {
        str(name): Record(
            rows["date"].to_numpy("datetime64[D]").astype(int), rows["predicted"].to_numpy(float),
            rows["observed"].to_numpy(float),
        )
        for name, rows in part.groupby("station", sort=True)
        if len(rows) > 1
    }  # fmt: skip
