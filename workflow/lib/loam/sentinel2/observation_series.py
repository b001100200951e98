"""Series of observations: several tiles of a day become one, days between become values, and each value has an age.

Simonsen interpolates an index linearly between observations, "limited to 30 days before and after each known
point". That is read as a reach: a day between two observations has a value when the nearer of the two is at most
``reach_days`` away. A gap of 60 days is bridged whole; of a longer one the first and last 30 days are, with the
line between its ends, and its middle is missing. Before the first and after the last observation there is no value.

Interpolation looks ahead; what is known in near real time is the last observation and its age (``last_observed``).
"""

from __future__ import annotations

import numpy as np


def merge_days(values: np.ndarray, share: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations of the same day, of several tiles or passes, as one: means weighted by valid share.

    Args:
        values: [observation, ...], NaN where missing.
        share: valid share of the same shape, 0 to 1.
        days: [observation], datetime64[D], in any order.

    Returns:
        values [day, ...]; share [day, ...], the largest of the day (tiles overlap, so shares do not add up); the
        distinct days in order.
    """
    if not len(days):
        return values, share, days
    order = np.argsort(days, kind="stable")
    distinct, first = np.unique(days[order], return_index=True)
    values, share = values[order], share[order]
    weight = np.where(np.isfinite(values), np.nan_to_num(share), 0).astype(np.float64)
    total = np.add.reduceat(weight, first, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        merged = np.add.reduceat(np.where(weight > 0, values, 0) * weight, first, axis=0) / total
    alone = np.diff(np.append(first, len(order))) == 1
    merged = merged.astype(values.dtype)
    merged[alone] = np.where(weight[first[alone]] > 0, values[first[alone]], np.nan)  # bit for bit
    return merged, np.maximum.reduceat(np.nan_to_num(share), first, axis=0), distinct


def interpolate(
    values: np.ndarray, days: np.ndarray, wanted: np.ndarray, reach_days: int, longest_gap: int | None = None
) -> np.ndarray:
    """Values on other days, linear between observations.

    Args:
        values: [time, pixel], NaN where missing.
        days: [time], datetime64[D], increasing, without repeats (``merge_days``).
        wanted: [day], datetime64[D].
        reach_days: days to the nearer observation at most.
        longest_gap: days between two observations at most, for a line between them; any if not given.

    Returns:
        [day, pixel] of the type of ``values``; an observation's own day has its value, bit for bit.
    """
    days, wanted = _numbers(days), _numbers(wanted)
    before, after = _last_valid(values), _next_valid(values)
    pixel = np.arange(values.shape[1])
    result = np.full((wanted.size, values.shape[1]), np.nan, values.dtype)
    for day, row in zip(wanted, result, strict=True):
        first = before[np.searchsorted(days, day, "right")]
        last = after[np.searchsorted(days, day, "left")]
        known = (first >= 0) & (last < days.size)
        first, last, there = first[known], last[known], pixel[known]
        since, until = day - days[first], days[last] - day
        step = since / np.maximum(since + until, 1)
        near = np.minimum(since, until) <= reach_days
        if longest_gap is not None:
            near &= since + until <= longest_gap
        found = (1 - step) * values[first, there] + step * values[last, there]
        row[there[near]] = found[near]
    return result


def last_observed(values: np.ndarray, days: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last observation on or before other days, and how old it is.

    Args:
        values: [time, pixel], NaN where missing.
        days: [time], datetime64[D], increasing, without repeats.
        wanted: [day], datetime64[D].

    Returns:
        values [day, pixel]; age float32 [day, pixel], days since the observation; both NaN before the first one.
    """
    days, wanted = _numbers(days), _numbers(wanted)
    first = _last_valid(values)[np.searchsorted(days, wanted, "right")] + 1  # 0 for none, a row of nothing
    values = np.vstack([np.full((1, values.shape[1]), np.nan, values.dtype), values])
    age = wanted[:, None] - np.append(np.nan, days)[first]
    return np.take_along_axis(values, first, axis=0), age.astype(np.float32)


def _numbers(days: np.ndarray) -> np.ndarray:
    return np.asarray(days).astype("datetime64[D]").astype(np.int64)


def _last_valid(values: np.ndarray) -> np.ndarray:
    """Index of the last valid observation among the first k, [k = 0 ... time, pixel]; -1 for none."""
    index = np.where(np.isfinite(values), np.arange(len(values))[:, None], -1)
    return np.vstack([np.full((1, values.shape[1]), -1), np.maximum.accumulate(index, axis=0)])


def _next_valid(values: np.ndarray) -> np.ndarray:
    """Index of the first valid observation from the k-th on, [k = 0 ... time, pixel]; the number of times for none."""
    count = len(values)
    index = np.where(np.isfinite(values), np.arange(count)[:, None], count)
    later = np.minimum.accumulate(index[::-1], axis=0)[::-1]
    return np.vstack([later, np.full((1, values.shape[1]), count)])
