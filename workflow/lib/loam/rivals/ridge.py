"""Ridge regression (Hoerl and Kennard, 1970)."""

from __future__ import annotations

from functools import partial

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from loam.rivals.regression import regression
from loam.rivals.trial import Trial


def ridge(trial: Trial) -> pd.DataFrame:
    """On the networks' features."""
    made = partial(line, trial.seed)
    return pd.concat(regression(trial, "ridge", scenario, made, rows="all") for scenario in trial.scenarios)


def line(seed: int) -> Pipeline:
    """A regressor of standardised features that knows nothing, with scikit-learn's penalty of 1; it draws nothing."""
    return make_pipeline(StandardScaler(), Ridge(random_state=seed))
