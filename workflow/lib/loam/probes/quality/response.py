"""No response: much rain fell and the soil near the surface did not get wetter. The rule is ours.

Rain may miss a station, run off, or be caught by a canopy, so this flag says "look here" and excludes nothing by
default.
"""

from __future__ import annotations

import numpy as np

AFTER = 2  # days after the rain in which the soil may still respond
WET = 0.9  # quantile of the sensor's record above which it need not rise


def no_response(
    mean: np.ndarray, highest: np.ndarray, rain: np.ndarray, *, rain_limit: float = 20.0, rise: float = 0.01
) -> np.ndarray:
    """Days on which a sensor should have risen and did not: the day of the rain and the two that follow.

    The moisture before the rain is the lesser of the daily means of the two days before (gauges are read in the
    morning, so a day's rain may have fallen the day before). The highest reading of the day of the rain and the two
    after it is less than ``rise`` above that. A sensor as wet before as on its wettest tenth of days is left alone, and
    so is one that misses the days before or all of the three.

    Args:
        mean, highest: [day] daily mean and highest reading, m3 m-3; NaN where there is none. Consecutive days.
        rain: [day] mm.
        rain_limit: mm a day; rain above it calls for a response.
        rise: least rise, m3 m-3.
    """
    size = len(mean)
    result = np.zeros(size, dtype=bool)
    if size < 3 or not np.isfinite(mean).any():
        return result
    days = np.flatnonzero(rain > rain_limit)
    days = days[(days >= 1) & (days < size)]
    padded = np.concatenate([[np.nan], mean])
    before = np.fmin(padded[days], padded[days - 1])  # of the two days before
    after = days[:, None] + np.arange(AFTER + 1)
    peak = np.fmax.reduce(np.where(after < size, highest[after.clip(max=size - 1)], np.nan), axis=1)
    dry = before < np.nanquantile(mean, WET)
    silent = days[dry & (peak - before < rise)]
    result[(silent[:, None] + np.arange(AFTER + 1)).clip(max=size - 1).ravel()] = True
    return result
