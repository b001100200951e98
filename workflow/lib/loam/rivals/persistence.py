"""Yesterday, once more."""

from __future__ import annotations

import pandas as pd

from loam.rivals.same_day_mean import mean_of_day
from loam.rivals.trial import Trial, by_fold


def persistence(trial: Trial) -> pd.DataFrame:
    """The day before's mean of the stations that fit: a place without a probe has no last reading of its own."""
    fits = {layer: mean_of_day(trial, layer, days_ago=1) for layer in trial.layers}
    return by_fold(trial, "persistence", "none", fits, rows="all")
