"""Ridge regression (Hoerl and Kennard, 1970)."""

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from loam.rivals.regression import regression
from loam.rivals.trial import Trial


def ridge(trial: Trial) -> pd.DataFrame:
    """On standardised features, with scikit-learn's penalty of 1."""

    def make() -> Pipeline:
        return make_pipeline(StandardScaler(), Ridge())

    return pd.concat(regression(trial, "ridge", scenario, make, rows="all") for scenario in trial.scenarios)
