"""The modelled moisture itself (SMAP L4, AWRA-L) behind a straight line fitted on the training stations."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from loam.evaluation.metrics import varies
from loam.rivals.trial import Fit, Held, Trial, by_fold

log = logging.getLogger("loam")


def coarse(trial: Trial) -> pd.DataFrame:
    """A least-squares line through the feature that ``evaluation.coarse`` names for the layer."""
    for layer in trial.layers:
        if layer not in trial.coarse:
            log.info("coarse: no feature of layer %s in evaluation.coarse, so no rows", layer)

    def fitted(layer: str) -> Fit:
        feature, moisture = (trial.target[name].to_numpy(float) for name in (trial.coarse[layer], layer))

        def fit(held: Held) -> np.ndarray:
            slope, intercept = line(feature[held.training], moisture[held.training])
            return slope * feature[held.test] + intercept

        return fit

    return by_fold(trial, "coarse", "none", {layer: fitted(layer) for layer in trial.layers if layer in trial.coarse})


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the least-squares line of ``y`` on ``x`` [row]; slope 0 where ``x`` does not vary."""
    deviation = x - x.mean()
    slope = float(np.mean(deviation * (y - y.mean())) / np.mean(deviation**2)) if varies(x) else 0.0
    return slope, float(y.mean() - slope * x.mean())
