"""The mean of the other probes on the day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.rivals.trial import Fit, Held, Trial, by_fold


def same_day_mean(trial: Trial) -> pd.DataFrame:
    """The mean of the training stations that observed the layer on the same day; no row on days without any."""
    return by_fold(trial, "same_day_mean", "none", {layer: mean_of_day(trial, layer) for layer in trial.layers})


def mean_of_day(trial: Trial, layer: str, days_ago: int = 0) -> Fit:
    """The mean over the stations that fit, of the day or of one before it."""

    def fit(held: Held) -> np.ndarray:
        by_day = trial.target.iloc[held.training].groupby("date")[layer].mean()
        days = trial.target["date"].iloc[held.test] - pd.Timedelta(days=days_ago)
        return days.map(by_day).to_numpy(float)

    return fit
