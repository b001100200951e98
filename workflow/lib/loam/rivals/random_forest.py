"""A random forest (Breiman, 2001)."""

from __future__ import annotations

import pandas as pd
from sklearn.ensemble import RandomForestRegressor

from loam.rivals.regression import regression
from loam.rivals.trial import Trial

DRAWN = 0.1  # share of the rows that a tree is grown on: neighbouring days of a station hardly differ


def random_forest(trial: Trial) -> pd.DataFrame:
    """100 trees of a tenth of the rows, a third of the features tried at a split, leaves of 5 rows or more."""

    def make() -> RandomForestRegressor:
        return RandomForestRegressor(max_samples=DRAWN, max_features=1 / 3, min_samples_leaf=5, random_state=trial.seed)

    return pd.concat(regression(trial, "random_forest", scenario, make, rows="all") for scenario in trial.scenarios)
