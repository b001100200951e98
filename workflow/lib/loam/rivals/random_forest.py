"""A random forest (Breiman, 2001)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor

from loam.rivals.regression import regression
from loam.rivals.trial import Trial

ROWS = 2000  # that a tree is grown on at most: neighbouring days of a station hardly differ


class Forest:
    """100 trees of rows drawn anew for each, a third of the features tried at a split, leaves of 5 rows or more."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, features: np.ndarray, moisture: np.ndarray) -> Forest:
        """Grow the trees on rows [row, feature] and their moisture [row]."""
        drawn = min(ROWS, len(features))
        self._forest = RandomForestRegressor(
            max_samples=drawn, max_features=1 / 3, min_samples_leaf=5, random_state=self.seed
        )
        self._forest.fit(features, moisture)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Moisture [row]."""
        return self._forest.predict(features)


def random_forest(trial: Trial) -> pd.DataFrame:
    """On the networks' features."""
    return pd.concat(
        regression(trial, "random_forest", scenario, lambda: Forest(trial.seed), rows="all")
        for scenario in trial.scenarios
    )
