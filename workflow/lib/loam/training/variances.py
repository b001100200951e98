"""Variances between and within stations, by restricted maximum likelihood.

At station s the residual of day t is e = mu + u + d: u, the station's level, with variance between stations; d, of the
day, with a variance within stations and the correlation r^(days apart) of a first-order autoregression. REML
(Patterson & Thompson 1971; Harville 1977) makes the likelihood of the contrasts that mu has no part in greatest. With
an autoregression the likelihood of n days costs n steps, gaps or not: a day less r^gap times the day before it is
independent of all before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

FIRST = (0.0, 2.0)  # logarithm of the ratio of variances, logit of the correlation
BOUNDS = ((-14.0, 14.0), (-7.0, 7.0))  # likewise; the correlation from 0.001 to 0.999


@dataclass(frozen=True)
class Variances:
    """What residuals of stations consist of.

    Args:
        between: variance of the stations' levels.
        within: variance of the days about them.
        correlation: of two days that follow each other.
        effective: [station], independent days that tell as much of a station's level as its days do.
    """

    between: float
    within: float
    correlation: float
    effective: np.ndarray

    def share_of_days(self) -> float:
        """The mean over stations of within / (within + effective days x between): what a level weighs in the loss."""
        return float(np.mean(self.within / (self.within + self.effective * self.between)))


def fit_variances(residuals: np.ndarray, station: np.ndarray, day: np.ndarray) -> Variances:
    """The variances under which residuals are likeliest.

    Args:
        residuals: [row], m3 m-3, finite.
        station: [row] numbers, of at least two stations, one of which has two days.
        day: [row] whole numbers, no two alike at a station.
    """
    order = np.lexsort((day, station))
    likelihood = Likelihood(residuals[order], station[order], day[order])
    found = minimize(lambda point: -likelihood.of(*_ratio_and_correlation(point))[0], FIRST, bounds=BOUNDS,
                     method="L-BFGS-B")  # fmt: skip
    ratio, correlation = _ratio_and_correlation(found.x)
    _, within, effective = likelihood.of(ratio, correlation)
    return Variances(ratio * within, within, correlation, effective)


class Likelihood:
    """The restricted likelihood of residuals that are in the order of stations and days.

    Args:
        residuals, station, day: [row], as ``fit_variances`` takes them.
    """

    def __init__(self, residuals: np.ndarray, station: np.ndarray, day: np.ndarray) -> None:
        scale = residuals.std()
        self._scale = scale if scale > 0 else 1.0
        self._residuals = residuals / self._scale
        self._begins = np.flatnonzero(np.r_[True, station[1:] != station[:-1]])
        self._gap = np.r_[1, np.diff(day)].astype(float)
        self._gap[self._begins] = 1.0  # no day before

    def of(self, ratio: float, correlation: float) -> tuple[float, float, np.ndarray]:
        """Logarithm of the likelihood but for a constant, with the variance within that makes it greatest; that
        variance; and each station's effective days, 1' R^-1 1.

        Args:
            ratio: of the variance between to that within.
            correlation: of two days that follow each other, 0 or more, below 1.
        """
        before = correlation**self._gap
        before[self._begins] = 0.0
        left = 1 - before**2  # variance of a day given those before
        innovation = self._residuals - before * np.r_[0.0, self._residuals[:-1]]
        of_one = 1 - before
        square, with_one, effective = (
            np.add.reduceat(part / left, self._begins)
            for part in (innovation**2, innovation * of_one, of_one**2)
        )  # fmt: skip
        level = 1 + ratio * effective
        info = (effective / level).sum()  # of mu
        sum_of_squares = (square - ratio * with_one**2 / level).sum() - (with_one / level).sum() ** 2 / info
        free = len(self._residuals) - 1
        within = max(sum_of_squares / free, 1e-12)
        logarithms = np.log(left).sum() + np.log(level).sum() + np.log(info) + free * np.log(within)
        return float(-0.5 * logarithms), float(within * self._scale**2), effective


def _ratio_and_correlation(point: np.ndarray) -> tuple[float, float]:
    return float(np.exp(point[0])), float(1 / (1 + np.exp(-point[1])))
