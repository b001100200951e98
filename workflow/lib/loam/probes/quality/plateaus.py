"""Plateaus: constant values after a drop, and at the wet end (Dorigo et al. 2013, equations 10-14; ISMN D09, D10).

A probe that loses contact or power falls to a low value and stays there; one in standing water, or with a short,
rises to its ceiling and stays there, then falls off it.
"""

from __future__ import annotations

import numpy as np

from loam.probes.quality.hourly import fill_spans, runs, shifted
from loam.probes.quality.spikes import derivative

LOW_HOURS = 13
LOW_VARIATION = 1e-5  # eq. 14, variance / mean, m3 m-3; 0.001 where moisture is in percent, as in the paper
SATURATED_HOURS = 12
SATURATED_VARIANCE = 5e-6  # eq. 10, (m3 m-3)2; 0.05 in percent
RISE = 0.0025  # eq. 11, m3 m-3 per h; 0.25 in percent
NEAR_HIGHEST = 0.95  # eq. 13
SEARCH = 12  # h around the plateau's begin and end, eq. 11 and 12


def low_plateaus(moisture: np.ndarray, drop: np.ndarray) -> np.ndarray:
    """Where the series is constant from a drop on (equation 14).

    From a drop on, as long as variance over mean of the 13 readings that follow is below 0.001 (percent), at least 13
    readings. Missing readings are passed over, but 13 readings must lie within 26 hours.

    Args:
        moisture: [hour] m3 m-3, NaN in gaps.
        drop: [hour] where ``breaks`` found a drop.
    """
    known = np.flatnonzero(~np.isnan(moisture))
    result = np.zeros(len(moisture), dtype=bool)
    begins = np.flatnonzero(drop[known])
    if not len(begins) or len(known) < LOW_HOURS:
        return result
    mean, variance = _forward(moisture[known], known, LOW_HOURS)
    with np.errstate(divide="ignore", invalid="ignore"):
        variation = np.where(mean == 0, 0.0, variance / mean)  # all zero: constant
    first, last = runs(variation < LOW_VARIATION)
    inside = np.searchsorted(first, begins, side="right") - 1
    fits = (inside >= 0) & (begins <= last[inside.clip(0)]) if len(first) else np.zeros(len(begins), dtype=bool)
    flat = fill_spans(len(known), begins[fits], last[inside[fits]] + LOW_HOURS - 1)
    result[known[flat]] = True
    return result


def saturated_plateaus(moisture: np.ndarray, highest: float | None = None) -> np.ndarray:
    """Where the series stands at its highest values between a sharp rise and a drop.

    Equation 10: the variance of 12 readings is at most 0.05 (percent squared), for as long as that holds. Equation 11:
    within 12 hours of the begin the first derivative reaches 0.25 percent per hour. Equation 12: within 12 hours of
    the end it is negative. Equation 13: the mean is above 95 % of the highest moisture observed. The plateau begins at
    the steepest rise and ends at the steepest drop where these lie within it.

    Args:
        moisture: [hour] m3 m-3, NaN in gaps, which are passed over; 12 readings must lie within 24 hours.
        highest: highest moisture of the sensor, m3 m-3; that of ``moisture`` if None. The ISMN takes the two years
            before, which keeps a series causal; here the whole record is known.
    """
    known = np.flatnonzero(~np.isnan(moisture))
    result = np.zeros(len(moisture), dtype=bool)
    if len(known) < SATURATED_HOURS:
        return result
    series, slope = moisture[known], derivative(moisture, 1)[known]
    highest = series.max() if highest is None else highest
    mean, variance = _forward(series, known, SATURATED_HOURS)
    first, last = runs(variance <= SATURATED_VARIANCE)
    last = last + SATURATED_HOURS - 1
    wet = mean[first] > 0.8 * NEAR_HIGHEST * highest  # the others cannot reach equation 13
    for begin, end in zip(first[wet], last[wet], strict=True):
        rising = slice(max(begin - SEARCH, 0), begin + SEARCH + 1)
        falling = slice(max(end + 1 - SEARCH, 0), end + SEARCH + 2)
        rise, fall = _extreme(slope[rising], 1), _extreme(slope[falling], -1)
        if rise is None or fall is None or np.round(slope[rising][rise], 5) < RISE or slope[falling][fall] >= 0:
            continue
        start, stop = max(begin, rising.start + rise), min(end, falling.start + fall)
        if stop > start and series[start : stop + 1].mean() > NEAR_HIGHEST * highest:
            result[known[start : stop + 1]] = True
    return result


def _extreme(slope: np.ndarray, sign: int) -> int | None:
    return int(np.nanargmax(sign * slope)) if np.isfinite(slope).any() else None


def _forward(series: np.ndarray, hour: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    # mean and variance of series[t : t + size] without gaps; NaN where the readings span more than twice their number
    mean, variance = np.full(len(series), np.nan), np.full(len(series), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(series, size)
    stop = len(windows)
    mean[:stop] = windows.mean(axis=1)
    variance[:stop] = windows.var(axis=1, ddof=1)
    together = shifted(hour.astype(float), size - 1) - hour < 2 * size
    return np.where(together, mean, np.nan), np.where(together, variance, np.nan)
