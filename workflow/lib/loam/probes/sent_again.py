"""Readings that a logger sent twice: the same value again within a small part of the usual interval.

Radio networks repeat an uplink that was not confirmed, seconds later and with a time of its own. Such a reading says
nothing new, makes a day look fuller than it was, and hides the logger's interval. It counts once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NEAR = 0.2  # of the usual interval
DAY = 86_400_000_000_000  # ns


def sent_again(readings: pd.DataFrame, keys: list[str], *, but: set[str]) -> np.ndarray:
    """[row] whether a reading is the one before it of its series again.

    Args:
        readings: ``variable``, ``time``, ``value`` and ``keys``; sorted by series and, in each, by time.
        keys: columns that tell series.
        but: variables whose equal values are no repeats (sums: every tip of a gauge is 0.2 mm).
    """
    if len(readings) < 2:
        return np.zeros(len(readings), dtype=bool)
    series = readings.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    time = readings["time"].to_numpy("datetime64[ns]").astype(np.int64)
    value = readings["value"].to_numpy(float)
    step = np.diff(time)
    known = (np.diff(series) == 0) & (step > 0) & (step < DAY)
    usual = np.zeros(len(step))
    usual[known] = usual_steps(series[1:][known], time[1:][known] // DAY, step[known])
    again = known & (value[1:] == value[:-1]) & (step < NEAR * usual)
    again &= ~readings["variable"].isin(but).to_numpy()[1:]
    return np.concatenate([[False], again])


def usual_steps(series: np.ndarray, day: np.ndarray, step: np.ndarray) -> np.ndarray:
    """[step] the interval, ns, of the step's series and day that half of the time is covered by shorter ones than.

    By time, so that a burst of readings within seconds counts for the seconds it took.
    """
    if not len(step):
        return np.zeros(0)
    order = np.lexsort((step, day, series))
    new = (np.diff(series[order]) != 0) | (np.diff(day[order]) != 0)
    first = np.flatnonzero(np.concatenate([[True], new]))
    group = np.cumsum(np.concatenate([[0], new]))
    covered = np.cumsum(step[order])
    before = np.concatenate([[0], covered])[first]
    total = np.append(covered[first[1:] - 1], covered[-1]) - before
    half = np.searchsorted(covered, before + total / 2)
    result = np.empty(len(step))
    result[order] = step[order][half][group]
    return result
