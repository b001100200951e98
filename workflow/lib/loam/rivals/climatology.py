"""The usual moisture of the season at the stations that fit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.rivals.trial import Fit, Held, Trial, by_fold

DAYS = 366
WINDOW = 31  # days, centred


def climatology(trial: Trial) -> pd.DataFrame:
    """The mean of all rows whose day of the year lies within 15 of the day's, around the turn of the year too.

    No row where nobody ever observed the layer in that part of the year.
    """
    day = trial.target["date"].dt.day_of_year.to_numpy() - 1

    def fitted(layer: str) -> Fit:
        moisture = trial.target[layer].to_numpy(float)

        def fit(held: Held) -> np.ndarray:
            return by_day_of_year(day[held.training], moisture[held.training])[day[held.test]]

        return fit

    return by_fold(trial, "climatology", "none", {layer: fitted(layer) for layer in trial.layers}, rows="all")


def by_day_of_year(day: np.ndarray, moisture: np.ndarray) -> np.ndarray:
    """Mean moisture [day of the year, from 0] of rows with a ``day`` [row], in a moving window; NaN without any."""
    around = np.arange(-(WINDOW // 2), WINDOW // 2 + 1)
    sums, counts = (
        np.bincount(day, weights, DAYS)[(np.arange(DAYS)[:, None] + around) % DAYS].sum(axis=1)
        for weights in (moisture, None)
    )
    return np.divide(sums, counts, out=np.full(DAYS, np.nan), where=counts > 0)
