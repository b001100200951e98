"""Drift: one depth moves away from the station's other depths, month after month. The rule is ours.

Of each depth the difference to the median of the others is taken as monthly medians; the mean of each calendar month is
removed, and so the season. What remains is compared with zero up to a month and a straight line from there on
(Gallant & Fuller 1973, segmented polynomial regression), for every month in which the line may begin; the best one is
where the drift begins. A depth drifts if

- the line rises or falls by ``per_year`` or more, for at least a year, and there are two years of data or more;
- it explains 70 % of the deseasonalised difference's variance, and more than any single step does (a step is a new
  sensor, or another sensor's values);
- the depth's own deseasonalised values do at least half of that (else it is the others that drift).

A soil that wets up at depth over years, as after a long drought, can pass all of these; hence the flag is for a person
to look at.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

LEAST_MONTHS = 24
LEAST_AFTER = 12  # months that the line must last
EXPLAINED = 0.7
OWN_SHARE = 0.5
DAYS_A_MONTH = 10  # daily values a monthly median needs


def drifts(daily: np.ndarray, first_day: int, *, per_year: float = 0.03) -> np.ndarray:
    """Where a depth drifts: [day, depth], True from the begin of the drift to the depth's last day.

    Args:
        daily: [day, depth] daily means, m3 m-3, NaN where there is none; consecutive days.
        first_day: days since 1970-01-01 of the first row.
        per_year: least trend, m3 m-3 per year.
    """
    days, depths = daily.shape
    result = np.zeros(daily.shape, dtype=bool)
    if depths < 2 or days < LEAST_MONTHS * 28:
        return result
    month = (np.arange(days) + first_day).astype("datetime64[D]").astype("datetime64[M]").astype(int)
    own = _monthly(daily, month)
    numbers = np.arange(month[0], month[-1] + 1)
    for depth in range(depths):
        others = np.delete(daily, depth, axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a day without any other depth has no median
            difference = daily[:, depth] - np.nanmedian(others, axis=1)
        begin = _begin(_monthly(difference[:, None], month)[:, 0], own[:, depth], numbers, per_year)
        if begin is not None:
            result[month >= begin, depth] = True
    return result & ~np.isnan(daily)


def _monthly(daily: np.ndarray, month: np.ndarray) -> np.ndarray:
    # [month, depth], all months from the first to the last
    groups = pd.DataFrame(daily).groupby(month)
    return groups.median().where(groups.count() >= DAYS_A_MONTH).to_numpy()  # days are consecutive, so are months


def _begin(difference: np.ndarray, own: np.ndarray, month: np.ndarray, per_year: float) -> int | None:
    known = np.flatnonzero(~np.isnan(difference))
    if len(known) < LEAST_MONTHS:
        return None
    month, season = month[known], month[known] % 12
    begins = month[: len(month) - LEAST_AFTER + 1]
    lines = _without_season((month[:, None] - begins).clip(0) / 12.0, season)
    steps = _without_season((month[:, None] >= month[1:]).astype(float), season)
    target = _without_season(difference[known, None], season)[:, 0]
    if (target**2).sum() <= 1e-12:
        return None
    slope, explained = _fit(lines, target)
    best = int(np.argmax(explained))
    if explained[best] < max(EXPLAINED, _fit(steps, target)[1].max()) or abs(slope[best]) < per_year:
        return None
    itself = _fit(lines[:, [best]], _without_season(own[known, None], season)[:, 0])[0][0]
    return int(begins[best]) if itself * np.sign(slope[best]) >= OWN_SHARE * abs(slope[best]) else None


def _fit(columns: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # of each column by itself: least-squares coefficient, and share of the target's sum of squares explained
    power = (columns**2).sum(axis=0)
    usable = power > 1e-9
    coefficient = np.where(usable, target @ columns / np.where(usable, power, 1), 0)
    return coefficient, coefficient**2 * power / max((target**2).sum(), 1e-12)


def _without_season(columns: np.ndarray, season: np.ndarray) -> np.ndarray:
    total = np.zeros((12, columns.shape[1]))
    np.add.at(total, season, columns)
    count = np.bincount(season, minlength=12)[:, None]
    return columns - (total / np.maximum(count, 1))[season]
