"""Series of passes: those that stand out from the others of their relative orbit.

The angle of sight, and with it backscatter, differs from one relative orbit to another and hardly at all from pass to
pass of one. So a place is compared with itself in the passes of one relative orbit: a value whose z-score, its distance
from their mean in standard deviations, is beyond 2 is an outlier (wet snow, flooding, wind, a broken scene). Values are
decibels, in which speckle has the same spread everywhere.
"""

from __future__ import annotations

import numpy as np

LIMIT = 2.0
LEAST = 6  # values; among fewer no z-score reaches 2


def z_scores(values: np.ndarray, least: int = LEAST) -> np.ndarray:
    """Z-scores along the first axis, with the sample's standard deviation.

    Args:
        values: [pass, ...], of one relative orbit; NaN is left out.
        least: values that a place needs.

    Returns:
        [pass, ...]; NaN where the value is, or where a place has too few values; 0 where they are all the same.
    """
    values = np.asarray(values, np.float64)
    there = np.isfinite(values)
    count = there.sum(axis=0)
    enough = count >= max(least, 2)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.where(enough, count, np.nan)
    away = np.where(there, values - mean, np.nan)
    spread = np.sqrt(np.where(there, away**2, 0.0).sum(axis=0) / np.where(enough, count - 1, np.nan))
    tiny = spread <= 1e-12 * np.abs(mean)
    return np.where(tiny & there, 0.0, away / np.where(tiny, np.nan, spread))


def outliers(values: np.ndarray, relative_orbit: np.ndarray, limit: float = LIMIT, least: int = LEAST) -> np.ndarray:
    """Which values stand out from the others of their place and relative orbit: bool [pass, ...].

    Args:
        values: [pass, ...], dB; NaN is never one.
        relative_orbit: of each pass [pass].
        limit: of the absolute z-score.
        least: values that a place needs in a relative orbit; with fewer none stands out.
    """
    found = np.zeros(np.shape(values), bool)
    for own in _passes(relative_orbit):
        found[own] = np.abs(z_scores(values[own], least)) > limit
    return found


def _passes(relative_orbit: np.ndarray) -> list[np.ndarray]:
    relative_orbit = np.asarray(relative_orbit)
    return [np.flatnonzero(relative_orbit == own) for own in np.unique(relative_orbit)]
