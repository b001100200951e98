"""Breaks: the series drops or jumps within an hour and stays (Dorigo et al. 2013, equations 7-9; ISMN D07, D08).

A rise by rain takes some hours, or decays after its peak, and so lacks the mirrored second derivatives of a break. Rain
that fills a shallow soil within one hour can still look like one; where rain is known, a jump in it is no break.
"""

from __future__ import annotations

import numpy as np

from loam.probes.quality.hourly import centred_sums, shifted
from loam.probes.quality.spikes import derivative

RELATIVE, ABSOLUTE = 0.1, 0.01  # eq. 7: of the reading, and m3 m-3
TIMES_MEAN = 10  # eq. 8
QUIET_AFTER = 10  # eq. 9
HALF_DAY = 12  # h on each side, eq. 8
FEWEST = 4  # values the mean of eq. 8 needs
DROP_TO_ZERO = 0.05  # m3 m-3


def breaks(moisture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a reading is the first after a drop, and after a jump.

    Equation 7: it differs from the one before by more than 10 % of itself and 0.01 m3 m-3. Equation 8: its first
    derivative is above ten times the mean of those of 25 hours. Equation 9: the second derivatives before and at it
    mirror each other (ratio 1, to one decimal), and the one that follows is ten times smaller. A drop from above 0.05
    m3 m-3 to exactly 0 counts without equations 8 and 9 (the ISMN's addition).

    The paper's index of the last part of equation 9 is taken as the ISMN's own code does, at t + 2, where the second
    derivative no longer sees the step.

    Args:
        moisture: [hour] m3 m-3, NaN in gaps.
    """
    if len(moisture) < 3:
        return np.zeros(len(moisture), dtype=bool), np.zeros(len(moisture), dtype=bool)
    change = moisture - shifted(moisture, -1)
    slope, curvature = derivative(moisture, 1), derivative(moisture, 2)
    total, count = centred_sums(slope, HALF_DAY)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.where(count >= FEWEST, TIMES_MEAN * np.abs(total / count), np.nan)
        steep = (np.abs(slope) > usual) & ~np.isclose(np.abs(slope), usual)
        mirrored = np.round(np.abs(shifted(curvature, -1) / curvature), 1) == 1
        quiet = np.abs(curvature / shifted(curvature, 2)) > QUIET_AFTER
        large = (np.abs(change) > RELATIVE * np.abs(moisture)) & (np.abs(change) > ABSOLUTE) & (moisture != 0)
    broken = large & steep & mirrored & quiet & (curvature != 0)
    to_zero = (np.abs(change) > DROP_TO_ZERO) & (moisture == 0)
    return (broken & (slope < 0)) | to_zero, broken & (slope > 0)
