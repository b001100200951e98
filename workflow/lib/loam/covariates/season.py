"""The day of the year as a point on a circle, so that 31 December lies beside 1 January."""

from __future__ import annotations

import numpy as np
import pandas as pd

DAYS_A_YEAR = 365.25


def day_of_year(dates: pd.DatetimeIndex | pd.Series, part: str) -> np.ndarray:
    """Sine or cosine of 2 pi d / 365.25, where d is the day of the year (1 January is 1, 31 December 365 or 366).

    The year is 365.25 days long in every year, so a date's value is off by at most a day's step (0.017) from year to
    year; samples and maps use this one function.

    Args:
        dates: [row] days.
        part: ``sin`` or ``cos``.

    Returns:
        [row] from -1 to 1.
    """
    angle = 2 * np.pi * pd.DatetimeIndex(dates).day_of_year.to_numpy(float) / DAYS_A_YEAR
    return {"sin": np.sin, "cos": np.cos}[part](angle)
