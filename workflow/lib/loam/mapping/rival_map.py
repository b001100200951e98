"""A rival in the place of a network's members: regressors, one a layer, at every pixel of a day.

They are fitted anew by the job that maps, on all rows of the run, as any other day's job fits them: that takes seconds
and leaves no file of a trained regressor, which scikit-learn can only keep in forms that run what is in them (pickle).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from loam.covariates.features import FeatureSet
from loam.covariates.read.tiles import TileInputs
from loam.errors import TableError
from loam.training.ranges import TrainingRange, class_columns


class RivalEngine:
    """Regressors fitted to all rows of the run, as ``loam.mapping.engine.map_day`` asks for its members.

    Args:
        model: name of the rival.
        make: gives a regressor like scikit-learn's that knows nothing.
        source: samples of the source domain; None in a run without one.
        target: samples of the target domain.
        features: what the regressors read.
        layers: names.
        threads: to fit with.

    Raises:
        TableError: a layer was observed nowhere.
    """

    members = 1  # a layer: there is no spread
    reads_neighbours = False

    def __init__(
        self,
        model: str,
        make: Callable[[], Any],
        source: pd.DataFrame | None,
        target: pd.DataFrame,
        features: FeatureSet,
        layers: Sequence[str],
        threads: int = 1,
    ) -> None:
        rows = target if source is None else pd.concat([target, source], ignore_index=True)
        read = rows[features.columns].to_numpy(float)
        self.layers, self.filled = list(layers), np.zeros(0, np.int64)
        self.card = {
            "model": model, "scenario": "target" if source is None else "both",
            "range": range_of_table(read, features).described(),
        }  # fmt: skip
        self._regressors = []
        with threadpool_limits(threads):
            for layer in layers:
                seen = rows[layer].notna().to_numpy()
                if not seen.any():
                    raise TableError(f"layer {layer} was observed nowhere", where="samples", fix="map another model")
                self._regressors.append(make().fit(read[seen], rows[layer].to_numpy(float)[seen]))

    def predict_checked(self, inputs: TileInputs, told: None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moisture, m3 m-3, and a spread that there is not (NaN), each [pixel, layer], float32; and which pixels were
        below 0 or above 1 before they became the bound [pixel].
        """
        cells = inputs.cells.reshape(len(inputs.cells), -1)
        read = np.concatenate([inputs.static, cells[inputs.cell]], axis=1).astype(float)
        said = np.zeros((len(read), len(self.layers)))
        if len(read):
            with threadpool_limits(1):  # tiles are taken side by side
                said = np.stack([regressor.predict(read) for regressor in self._regressors], axis=1)
        impossible = ((said < 0) | (said > 1)).any(axis=1)
        return said.clip(0, 1).astype(np.float32), np.full(said.shape, np.nan, np.float32), impossible


def range_of_table(read: np.ndarray, features: FeatureSet) -> TrainingRange:
    """The box of rows [row, feature] that fit."""
    totals = {name: read[:, columns].sum(axis=1) for name, columns in class_columns(features).items()}
    classes = {name: (float(total.min()), float(total.max())) for name, total in totals.items()}
    return TrainingRange(read.min(axis=0), read.max(axis=0), classes)
