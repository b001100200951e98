"""The area of applicability of a model that makes maps, from all rows that it learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loam.samples.windows import Windows
from loam.training.seeds import derive_seed
from loam.trust.dissimilarity import Area, area_of_applicability
from loam.trust.importance import importance_by_trees, weights_of
from loam.trust.thinning import MOST, thin_rows


def area_of_model(domains: Sequence[Windows], seed: int) -> Area:
    """The area of a model that learned from every row of the domains.

    Args:
        domains: their rows; pixels around (patches) are not among the features of the index.
        seed: of the run.

    Raises:
        TableError: the rows do not differ.
    """
    station = np.concatenate([windows.stations for windows in domains]).astype(str)
    chosen = thin_rows(station, MOST, derive_seed(seed, "training points", "map"))
    features, moisture, first = [], [], 0
    for windows in domains:
        rows = chosen[(chosen >= first) & (chosen < first + len(windows))] - first
        patches = len(windows.features.patch) * len(windows.bands)
        count = len(windows.features.all) - patches
        features.append(np.stack([windows.column(number, rows) for number in range(count)], axis=1))
        moisture.append(windows.observed[rows])
        first += len(windows)
    read, names = np.concatenate(features), station[chosen]
    importance = importance_by_trees(read, np.concatenate(moisture), names, seed=derive_seed(seed, "importance", "map"))
    return area_of_applicability(read, names, weights_of(importance))
