"""Spikes: one or two readings that leave the series and come back (Dorigo et al. 2013, equations 4-6; ISMN D06).

Moisture is m3 m-3, one value an hour, NaN in gaps. Derivatives are those of a Savitzky-Golay filter (window 3, order
2), as in the paper, per hour.
"""

from __future__ import annotations

import numpy as np

from loam.probes.quality.hourly import centred_sums, shifted

RISE, FALL = 1.15, 0.85  # eq. 4
SYMMETRY = (0.8, 1.2)  # eq. 5
NOISE = 0.01  # eq. 6, m3 m-3; 1 where moisture is in percent, as in the paper
NEIGHBOURS = 12  # h on each side


def derivative(series: np.ndarray, order: int) -> np.ndarray:
    """First or second derivative (m3 m-3 per h, per h2) by a Savitzky-Golay filter of window 3 and order 2.

    That of the parabola through a reading and its neighbours; missing where one of the three is. The ends are their
    own neighbours.
    """
    if len(series) < 3:
        return np.full(len(series), np.nan)
    before, after = np.append(series[:1], series[:-1]), np.append(series[1:], series[-1:])
    return (after - before) / 2 + 0 * series if order == 1 else before - 2 * series + after


def spikes(moisture: np.ndarray) -> np.ndarray:
    """Where a reading is a spike.

    Equation 4: it is 15 % above or below the reading before. Equation 5: the second derivatives before and after it
    are alike, so the series comes back as sharply as it left. Equation 6: variance over mean of the 12 readings on
    either side is small, so the series is not simply noisy; all 24 must be there. It must be a local extreme; two
    equal readings in a row may be one (both are flagged), which the ISMN added to the paper's rule.

    Args:
        moisture: [hour] m3 m-3.
    """
    if len(moisture) < 2 * NEIGHBOURS + 1:
        return np.zeros(len(moisture), dtype=bool)
    before, after, second_after = shifted(moisture, -1), shifted(moisture, 1), shifted(moisture, 2)
    curvature = derivative(moisture, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.round(moisture / before, 3)
        symmetry = np.round(np.abs(shifted(curvature, -1) / shifted(curvature, 1)), 3)
        single = ((moisture > before) & (moisture > after)) | ((moisture < before) & (moisture < after))
        double = (moisture == after) & (
            ((moisture > before) & (after > second_after)) | ((moisture < before) & (after < second_after))
        )
        leaves = (ratio > RISE) | (ratio < FALL)
        returns = (symmetry > SYMMETRY[0]) & (symmetry < SYMMETRY[1])
        first = leaves & returns & (single | double) & (_noise(moisture) < NOISE)
    second = np.concatenate([[False], (first & double)[:-1]])
    return first | second


def _noise(moisture: np.ndarray) -> np.ndarray:
    # variance / mean of the 24 neighbours, the reading itself left out
    total, count = centred_sums(moisture, NEIGHBOURS)
    level = np.nanmean(moisture) if np.isfinite(moisture).any() else 0.0
    spread, _ = centred_sums((moisture - level) ** 2, NEIGHBOURS)
    n = 2 * NEIGHBOURS
    mean = (total - moisture) / n
    variance = (spread - (moisture - level) ** 2 - n * (mean - level) ** 2) / (n - 1)
    return np.where(count == n + 1, np.abs(variance / mean), np.nan)
