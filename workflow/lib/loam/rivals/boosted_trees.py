"""Histogram gradient boosting (Ke et al., 2017) on the networks' features, with scikit-learn's defaults."""

from __future__ import annotations

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from loam.rivals.regression import regression
from loam.rivals.trial import Trial


def boosted_trees(trial: Trial) -> pd.DataFrame:
    """On what the fold neither tests nor validates with, as networks with a validation station are trained."""
    return _in_each_scenario(trial, "boosted_trees", rows="training")


def boosted_trees_all(trial: Trial) -> pd.DataFrame:
    """On all that the fold does not test."""
    return _in_each_scenario(trial, "boosted_trees_all", rows="all")


def boosted_trees_neighbours(trial: Trial) -> pd.DataFrame:
    """On all that the fold does not test, and on what the other probes say of the day."""
    return regression(
        trial, "boosted_trees_neighbours", trial.widest, lambda: trees(trial.seed), rows="all", neighbours=True
    )


def trees(seed: int) -> HistGradientBoostingRegressor:
    """A regressor that knows nothing; no row is set aside to stop it early."""
    return HistGradientBoostingRegressor(early_stopping=False, random_state=seed)


def _in_each_scenario(trial: Trial, model: str, rows: str) -> pd.DataFrame:
    return pd.concat(
        regression(trial, model, scenario, lambda: trees(trial.seed), rows) for scenario in trial.scenarios
    )
