"""Stuck sensors: the same value for weeks while water moved past the sensor. The rule is ours.

Constant values alone prove nothing: in a dry season, or far below the surface, moisture changes by less than a coarse
sensor resolves. A run of equal values is a fault only if within it something happened that should have moved this
sensor:

- a strong day: 20 mm of rain or more on a sensor within 10 cm of the surface, or a rise at a greater depth, which the
  water reached through this one;
- a weak day: a rise at a lesser depth, which may well have ended above this one, or found it saturated. It counts only
  in a run three times as long, of a sensor that resolves 0.002 m3 m-3 and spends a tenth of its record at most in runs
  of that length.
"""

from __future__ import annotations

import numpy as np

from loam.probes.quality.hourly import fill_spans

LONGEST_GAP = 2.0  # days; a longer one ends a run
FINE = 0.002  # m3 m-3
RARE = 0.1  # share of the record
LONGER = 3  # times the shortest run, where only weak days speak for a fault
EQUAL = 1e-6  # m3 m-3; values closer than this are the same
BACK = 3  # days


def stuck(
    day: np.ndarray, value: np.ndarray, *, days: float, strong_days: np.ndarray, weak_days: np.ndarray
) -> np.ndarray:
    """Where a sensor repeats one value for at least ``days`` days although it should have moved.

    Args:
        day: [reading] time in days (daily values: whole days), ascending.
        value: [reading] m3 m-3; NaN where there is none or the soil is frozen: neither ends a run, unless the gap is
            above 2 days.
        days: shortest run.
        strong_days, weak_days: whole days of which each begins an event; the event lies in a run that began before it
            and goes on for two days after it.
    """
    result = np.zeros(len(value), dtype=bool)
    known = np.flatnonzero(~np.isnan(value))
    if len(known) < 2:
        return result
    key = np.rint(value[known] / EQUAL).astype(np.int64)
    when = day[known]
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(key) != 0) | (np.diff(when) > LONGEST_GAP)]))
    ends = np.concatenate([starts[1:], [len(key)]]) - 1
    length = when[ends] - when[starts]
    long = length >= days
    if not long.any():
        return result
    starts, ends, length = starts[long], ends[long], length[long]
    moved = _holds_event(when[starts], when[ends], strong_days)
    steps = np.diff(np.unique(key))
    fine = len(steps) > 0 and steps.min() * EQUAL <= FINE * (1 + 1e-9)
    if fine:
        longer = length >= LONGER * days
        rare = length[longer].sum() <= RARE * (when[-1] - when[0])
        moved |= longer & rare & _holds_event(when[starts], when[ends], weak_days)
    result[known[fill_spans(len(known), starts[moved], ends[moved])]] = True
    return result


def wetting_days(daily: np.ndarray, first_day: int, *, rise: float = 0.03) -> np.ndarray:
    """Days whose mean is ``rise`` m3 m-3 or more above the least of the three days before.

    Args:
        daily: [day] daily means, m3 m-3, NaN where there is none; consecutive days from ``first_day`` on.
    """
    if len(daily) <= BACK:
        return np.zeros(0, dtype=np.int64)
    before = np.lib.stride_tricks.sliding_window_view(daily, BACK)[:-1]
    least = np.fmin.reduce(before, axis=1)
    return np.flatnonzero(daily[BACK:] - least >= rise) + BACK + first_day


def _holds_event(first: np.ndarray, last: np.ndarray, days: np.ndarray) -> np.ndarray:
    days = np.sort(days)
    following = np.searchsorted(days, first, side="right")  # the first event after the run's begin
    found = following < len(days)
    result = np.zeros(len(first), dtype=bool)
    result[found] = days[following[found]] + 2 <= last[found]
    return result
