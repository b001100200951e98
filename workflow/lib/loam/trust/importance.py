"""How much each feature matters at stations that were left out of training.

Permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019, eq. 3.5), by left-out station: a feature
matters as much as the error grows when its values change rows. Every row is predicted by a model that has not seen its
station, so a feature that only tells training stations apart matters nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

PARTS = 3  # of the stations, each left out once
TREES = {"max_iter": 30, "max_leaf_nodes": 15, "early_stopping": False}  # a fit of a thousand rows takes 0.02 s
FEWEST = 2  # stations that observed a layer
LEAST = 0.1  # of the greatest importance, that every feature counts at least

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


def permutation_importance(
    predict: Predict, features: np.ndarray, observed: np.ndarray, station: np.ndarray, *, seed: int
) -> np.ndarray:
    """Rise of the mean over stations of their RMSE when a feature is permuted between rows: [feature], m3 m-3.

    Args:
        predict: gives the moisture of rows of features [n, feature], some of them permuted, which were those of the
            rows [n] (positions) of ``features``: by a model that has not seen the station of that row.
        features: [row, feature].
        observed: [row], m3 m-3.
        station: [row].
        seed: of the permutation, the same for every feature.
    """
    count, width = features.shape
    numbers = np.unique(np.asarray(station).astype(str), return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(count)
    changed = np.repeat(features[None], width + 1, axis=0)  # the last one stays as it is
    for place in range(width):
        changed[place, :, place] = features[order, place]
    told = predict(changed.reshape(-1, width), np.tile(np.arange(count), width + 1)).reshape(width + 1, count)
    squared = (told - observed) ** 2
    sums = np.stack([np.bincount(numbers, row) for row in squared])
    error = np.sqrt(sums / np.bincount(numbers)).mean(axis=1)
    return error[:-1] - error[-1]


def importance_by_trees(features: np.ndarray, moisture: np.ndarray, station: np.ndarray, *, seed: int) -> np.ndarray:
    """Importance of each feature for boosted trees, the mean over layers of its share in that of all: [feature].

    Stations are left out in up to ``PARTS`` parts. Below 0 counts as 0. Where nothing matters (few stations, a layer
    that the features do not tell), all features count alike.

    Args:
        features: [row, feature].
        moisture: [row, layer], m3 m-3; NaN where not observed.
        station: [row].
        seed: of parts, trees and permutation.
    """
    names = np.asarray(station).astype(str)
    shares = []
    for layer in np.asarray(moisture, float).T:
        seen = np.isfinite(layer)
        if len(np.unique(names[seen])) < FEWEST:
            continue
        predict = _trees_by_part(features[seen], layer[seen], names[seen], seed)
        found = permutation_importance(predict, features[seen], layer[seen], names[seen], seed=seed).clip(min=0)
        if found.any():
            shares.append(found / found.sum())
    width = features.shape[1]
    return np.mean(shares, axis=0) if shares else np.full(width, 1 / width)


def weights_of(importance: np.ndarray) -> np.ndarray:
    """Weights of features in the dissimilarity index from their importance, likewise [feature].

    The root, so that squared differences count in proportion to importance; and none below ``LEAST`` of the greatest:
    what matters little among a few stations (carbon, where all are mineral soils) may matter beyond them.
    """
    return np.sqrt(np.maximum(importance, LEAST * importance.max()))


def _trees_by_part(features: np.ndarray, observed: np.ndarray, names: np.ndarray, seed: int) -> Predict:
    """A ``predict`` that asks, for each row, the trees that were fitted without the part of its station."""
    stations, numbers = np.unique(names, return_inverse=True)
    parts = min(PARTS, len(stations))
    part = np.random.default_rng(seed).permutation(np.arange(len(stations)) % parts)[numbers]
    with threadpool_limits(1):
        fitted = [
            HistGradientBoostingRegressor(**TREES, random_state=seed % 2**32).fit(
                features[part != place], observed[part != place]
            )
            for place in range(parts)
        ]

    def predict(rows: np.ndarray, position: np.ndarray) -> np.ndarray:
        told, of_row = np.empty(len(rows)), part[position]
        with threadpool_limits(1):
            for place, trees in enumerate(fitted):
                told[of_row == place] = trees.predict(rows[of_row == place])
        return told

    return predict
