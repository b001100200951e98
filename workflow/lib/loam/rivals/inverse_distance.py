"""The other probes of the day, the near ones most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.rivals.trial import Fit, Held, Trial, by_fold
from loam.samples.neighbours import inverse_distance as weights_of
from loam.samples.neighbours import weighted_mean


def inverse_distance(trial: Trial) -> pd.DataFrame:
    """The mean of the stations that report, weighted by 1 / distance^2 (Shepard, 1968), of 1 km at least.

    No row on days when no other station reports.
    """
    days = trial.days
    places = (days.latitude, days.longitude)
    weights = weights_of(*places, *places, power=2.0, floor_km=1.0)
    np.fill_diagonal(weights, 0.0)  # a station that fits on other days says nothing of itself

    def fitted(place: int) -> Fit:
        def fit(held: Held) -> np.ndarray:
            reported = days.at(held.training)[:, :, None]
            moisture = np.where(reported, days.moisture[:, :, [place]], 0.0)
            mean, count = weighted_mean(weights, moisture, reported)
            at = (days.station[held.test], days.day[held.test], 0)
            return np.where(count[at] > 0, mean[at], np.nan)

        return fit

    fits = {layer: fitted(place) for place, layer in enumerate(trial.layers)}
    return by_fold(trial, "inverse_distance", "none", fits, rows="all")
