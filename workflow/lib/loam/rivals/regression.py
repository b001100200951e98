"""Regressors on the networks' features: a new one for each fold and layer, trained on one domain or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from loam.rivals.station_days import StationDays
from loam.rivals.trial import Fit, Held, Trial, by_fold


def regression(
    trial: Trial,
    model: str,
    scenario: str,
    make: Callable[[], Any],
    rows: str,
    *,
    neighbours: bool = False,
    within: bool = False,
) -> pd.DataFrame:
    """Predict what each fold tests with a regressor of its own.

    Args:
        trial: samples and folds.
        model, scenario: names; ``both`` trains on the source domain's rows too.
        make: gives a regressor like scikit-learn's that knows nothing.
        rows: of ``by_fold``.
        neighbours: what the other stations of the domain say of the day is read too.
        within: learn and predict anomalies, moisture minus the station's mean over its training rows.
    """
    source = trial.scenarios[scenario]
    also = None if source is None else _features(source, trial, neighbours)

    def fitted(layer: str) -> Fit:
        moisture = trial.target[layer].to_numpy(float)
        more = None if source is None or also is None else _observed(source, also, layer, within)

        def fit(held: Held) -> np.ndarray:
            features = trial.features
            if neighbours:
                features = np.concatenate([features, trial.days.neighbours(np.flatnonzero(held.known))], axis=1)
            learned, said = features[held.training], moisture[held.training]
            if within:
                said = anomalies(said, trial.days.station[held.training])
            if more is not None:
                learned, said = np.concatenate([learned, more[0]]), np.concatenate([said, more[1]])
            regressor = make()
            regressor.fit(learned, said)
            return regressor.predict(features[held.test])

        return fit

    return by_fold(trial, model, scenario, {layer: fitted(layer) for layer in trial.layers}, rows)


def anomalies(moisture: np.ndarray, station: np.ndarray) -> np.ndarray:
    """Moisture [row] minus the mean over its station's rows; ``station`` [row] numbers them."""
    rows = np.bincount(station)
    mean = np.bincount(station, moisture) / np.maximum(rows, 1)
    return moisture - mean[station]


def _features(rows: pd.DataFrame, trial: Trial, neighbours: bool) -> np.ndarray:
    """Features of a domain whose rows all train [row, feature]."""
    features = rows[trial.columns].to_numpy(float)
    if not neighbours:
        return features
    return np.concatenate([features, StationDays.of(rows, trial.layers).neighbours(np.arange(len(rows)))], axis=1)


def _observed(rows: pd.DataFrame, features: np.ndarray, layer: str, within: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features [row, feature] and moisture, or its anomaly, [row] of the rows that observed the layer."""
    seen = rows[layer].notna().to_numpy()
    moisture = rows[layer].to_numpy(float)[seen]
    return features[seen], anomalies(moisture, pd.factorize(rows["station"][seen])[0]) if within else moisture
