"""Scores over all stations: median, mean and pooled, with intervals that say how far they hang on the stations at hand.

The intervals are percentiles of the bootstrap over stations (Efron, 1979): stations, not rows, are drawn with
replacement, because the days of one station are far from independent. All groups share the draws, so that the
scores of two models are compared on the same stations.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.config.protocols import FLATTERS
from loam.evaluation.metrics import FORMULAS, over_draws, scores
from loam.io.schemas import SUMMARY

INTERVAL = [2.5, 97.5]  # percentiles
PROTOCOL = ["protocol", "size"]
GROUP = ["model", "scenario", "layer"]


def draw_stations(stations: int, draws: int, seed: int) -> np.ndarray:
    """Bootstrap draws of stations by their number, with replacement: integers [draw, station]."""
    return np.random.default_rng(seed).integers(stations, size=(draws, stations))


def median_of_draws(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Median over the defined values of each draw: [draw]; NaN where a draw holds none.

    Args:
        values: one value a station [station], NaN where undefined.
        draws: numbers of the stations drawn [draw, station].
    """
    ordered = np.sort(values[draws], axis=1)  # NaN last
    count = np.isfinite(ordered).sum(axis=1)
    rows, last = np.arange(len(ordered)), np.maximum(count - 1, 0)
    middle = (ordered[rows, last // 2] + ordered[rows, (last + 1) // 2]) / 2
    return np.where(count > 0, middle, np.nan)


def mean_of_draws(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean over the defined values of each draw: [draw]; NaN where a draw holds none."""
    drawn = values[draws]
    count = np.isfinite(drawn).sum(axis=1)
    return np.where(count > 0, np.nansum(drawn, axis=1) / np.maximum(count, 1), np.nan)


def interval(statistic: np.ndarray) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile over the draws [draw] that are defined; NaN without any."""
    defined = statistic[np.isfinite(statistic)]
    low, high = np.percentile(defined, INTERVAL) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)


def summarise(predictions: pd.DataFrame, metrics: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """One row a (protocol, size, model, scenario, layer, metric).

    Args:
        predictions: schema PREDICTIONS, for the pooled scores.
        metrics: schema METRICS_TABLE, the scores of each station.
        draws: bootstrap draws.
        seed: of the draws.

    Returns:
        Schema SUMMARY: ``stations`` with a defined value (the mean over the draws of the protocol), ``n`` rows, median
        and mean over these stations with 95 % intervals (NaN with fewer than two stations), ``pooled`` over all rows of
        all stations and draws at once.
    """
    scored = {key: part for key, part in predictions.groupby(PROTOCOL, sort=False)}
    rows = [
        dict(zip(PROTOCOL, key, strict=True)) | row
        for key, part in metrics.groupby(PROTOCOL, sort=False)
        for row in _summarise(scored[key], over_draws(part), draws, seed)
    ]
    table = pd.DataFrame(rows, columns=list(SUMMARY.columns))
    return table.assign(flatters=table["protocol"].isin([*FLATTERS]))


def _summarise(predictions: pd.DataFrame, metrics: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
    """The rows of one protocol and size."""
    names = sorted(metrics["station"].unique())
    drawn = draw_stations(len(names), draws, seed)
    pooled = {group: part for group, part in predictions.groupby(GROUP, sort=False)}
    rows = []
    for group, part in metrics.groupby(GROUP, sort=False):
        together = scores(pooled[group]["observed"].to_numpy(float), pooled[group]["predicted"].to_numpy(float))
        by_station = part.set_index("station").reindex(names)
        for metric in FORMULAS:
            values = by_station[metric].to_numpy(float)
            rows.append(
                dict(zip(GROUP, group, strict=True))
                | {"metric": metric, "stations": int(np.isfinite(values).sum()), "n": len(pooled[group])}
                | _over_stations(values, drawn)
                | {"pooled": together[metric]}
            )
    return rows


def _over_stations(values: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    defined = values[np.isfinite(values)]
    result = dict.fromkeys(["median", "median_low", "median_high", "mean", "mean_low", "mean_high"], np.nan)
    if len(defined):
        result |= {"median": float(np.median(defined)), "mean": float(np.mean(defined))}
    if len(defined) > 1:
        result["median_low"], result["median_high"] = interval(median_of_draws(values, drawn))
        result["mean_low"], result["mean_high"] = interval(mean_of_draws(values, drawn))
    return result
