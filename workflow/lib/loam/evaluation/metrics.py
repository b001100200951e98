"""Scores of predicted against observed soil moisture, one formula a function, and the table of scores per station.

Mean absolute error, root mean square error and Pearson's r are eq. 3-5 of Widyastuti et al.; the unbiased root mean
square error is the part of the RMSE that remains without the bias (Entekhabi et al., 2010); the concordance
correlation coefficient is Lin's (1989) with population variances. A score that is not defined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from loam.config.protocols import FLATTERS
from loam.io.schemas import METRICS_TABLE

SINGLE_PRECISION = 1e-6  # a series whose range is below this share of its size does not vary


def mae(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error of two series [row], in their unit; NaN without rows."""
    return float(np.mean(np.abs(predicted - observed))) if len(observed) else np.nan


def rmse(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean square error of two series [row], in their unit; NaN without rows."""
    return float(np.sqrt(np.mean((predicted - observed) ** 2))) if len(observed) else np.nan


def ubrmse(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Unbiased RMSE: root mean square of the errors about their mean; NaN with fewer than two rows."""
    return float(np.std(predicted - observed)) if len(observed) > 1 else np.nan


def bias(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of predicted - observed: positive where the prediction is too wet; NaN without rows."""
    return float(np.mean(predicted - observed)) if len(observed) else np.nan


def r(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's correlation; NaN with fewer than two rows or where one series does not vary."""
    if not (varies(observed) and varies(predicted)):
        return np.nan
    x, y = observed - np.mean(observed), predicted - np.mean(predicted)
    return float(np.clip(np.sum(x * y) / np.sqrt(np.sum(x**2) * np.sum(y**2)), -1.0, 1.0))


def ccc(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Lin's concordance, 2 cov / (var + var + bias^2): 0 where one series does not vary, NaN where neither does."""
    if not (varies(observed) or varies(predicted)):
        return np.nan
    x, y = observed - np.mean(observed), predicted - np.mean(predicted)
    squared_bias = (np.mean(predicted) - np.mean(observed)) ** 2
    return float(2 * np.mean(x * y) / (np.mean(x**2) + np.mean(y**2) + squared_bias))


def varies(series: np.ndarray) -> bool:
    """Whether a series [row] has two rows or more that differ by more than single precision can mistake."""
    return len(series) > 1 and bool(np.ptp(series) > SINGLE_PRECISION * np.max(np.abs(series)))


FORMULAS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "mae": mae,
    "rmse": rmse,
    "ubrmse": ubrmse,
    "bias": bias,
    "r": r,
    "ccc": ccc,
}


def scores(observed: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Every metric of two series [row] without NaN, by name."""
    return {name: formula(observed, predicted) for name, formula in FORMULAS.items()}


def score_stations(predictions: pd.DataFrame) -> pd.DataFrame:
    """Scores of each station: one row a (protocol, size, draw, model, scenario, layer, station), as they first appear.

    Args:
        predictions: schema PREDICTIONS; moisture in m3 m-3.

    Returns:
        Schema METRICS_TABLE; ``n`` is the number of rows scored.
    """
    key = ["protocol", "size", "draw", "model", "scenario", "layer", "station"]
    rows = [
        dict(zip(key, group, strict=True))
        | {"n": len(part)}
        | scores(part["observed"].to_numpy(float), part["predicted"].to_numpy(float))
        for group, part in predictions.groupby(key, sort=False)
    ]
    table = pd.DataFrame(rows, columns=list(METRICS_TABLE.columns))
    return table.assign(flatters=table["protocol"].isin([*FLATTERS]))


def over_draws(metrics: pd.DataFrame) -> pd.DataFrame:
    """Scores of each station (schema METRICS_TABLE), each the mean over the draws that define it; n is added up."""
    if (metrics["draw"] == 1).all():
        return metrics
    key = ["protocol", "flatters", "size", "model", "scenario", "layer", "station"]
    table = metrics.groupby(key, sort=False, as_index=False)[["n", *FORMULAS]].agg(
        {"n": "sum", **dict.fromkeys(FORMULAS, "mean")}
    )
    return table.assign(draw=1)[list(METRICS_TABLE.columns)]
