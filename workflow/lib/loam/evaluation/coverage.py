"""How often intervals hold what was observed: at the mean station, at the worst, and how wide they are.

A station counts once, however many days it has. The continuous ranked probability score is that of the levels at hand,
the weighted interval score (Bracher et al., 2021, eq. 1), which approaches it as levels are added; m3 m-3, the lower
the better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from loam.config.map_periods import SEASONS
from loam.config.protocols import FLATTERS
from loam.evaluation.bounds import half_widths
from loam.evaluation.summary import draw_stations, interval, mean_of_draws
from loam.io.schemas import COVERAGE

ALL = "all"
AREAS = {"inside": 1, "outside": 0}
LOW = 0.8  # coverage of a station below which it counts as badly covered
KEY = ["protocol", "size", "model", "scenario", "layer"]


def score_intervals(predictions: pd.DataFrame, settings: Mapping[str, Any], *, draws: int, seed: int) -> pd.DataFrame:
    """Coverage, width and ranked probability score of every system's intervals.

    Args:
        predictions: schema MERGED.
        settings: the config's ``evaluation.intervals``.
        draws: bootstrap draws of the stations.
        seed: of the draws.

    Returns:
        Schema COVERAGE: one row a (protocol, size, system, layer, level, season), and one inside and one outside the
        area of applicability, where there is an interval.
    """
    levels = np.asarray(settings["levels"], float)
    half = half_widths(predictions, settings, levels)
    observed, predicted = (predictions[name].to_numpy(float) for name in ("observed", "predicted"))
    low, high = np.clip(predicted[:, None] - half, 0, 1), np.clip(predicted[:, None] + half, 0, 1)
    away = np.maximum(low - observed[:, None], 0) + np.maximum(observed[:, None] - high, 0)
    width, alpha = high - low, 1 - levels
    bounded = np.isfinite(half).sum(1)
    ranked = (np.abs(observed - predicted) / 2 + np.nansum(alpha / 2 * width + away, axis=1)) / (bounded + 0.5)
    inside = predictions["inside_area"].to_numpy(float)
    seasons = predictions["date"].dt.month.map(SEASONS).to_numpy()
    rows = []
    for group, places in predictions.groupby(KEY, sort=False).indices.items():
        kept = places[np.isfinite(half[places]).any(1)]
        parted = {(season, ALL): kept[seasons[kept] == season] for season in dict.fromkeys(SEASONS.values())}
        parted |= {(ALL, name): kept[inside[kept] == value] for name, value in AREAS.items()}
        for (season, area), own in ({(ALL, ALL): kept} | parted).items():
            if len(own):
                parts = ((away == 0)[own], width[own], ranked[own], (observed - predicted)[own], half[own])
                about = dict(zip(KEY, group, strict=True)) | {"season": season, "area": area, "n": len(own)}
                stations = predictions["station"].to_numpy()[own]
                rows += [about | row for row in _levels(stations, levels, *parts, draws=draws, seed=seed)]
    table = pd.DataFrame(rows, columns=list(COVERAGE.columns))
    return table.assign(flatters=table["protocol"].isin([*FLATTERS]))


def _levels(
    station: np.ndarray, levels: np.ndarray, held: np.ndarray, width: np.ndarray, ranked: np.ndarray, error: np.ndarray,
    half: np.ndarray, *, draws: int, seed: int,
) -> Iterator[dict[str, object]]:  # fmt: skip
    """The rows of one system and season, by level, from its rows' stations and what their intervals held."""
    number, names = pd.factorize(station, sort=True)
    drawn = draw_stations(len(names), draws, seed)
    for place, level in enumerate(levels):
        told = np.isfinite(half[:, place])
        if not told.any():
            continue
        count = np.bincount(number[told], minlength=len(names))
        mean = {
            name: np.where(
                count > 0, np.bincount(number[told], values[told], len(names)) / np.maximum(count, 1), np.nan
            )
            for name, values in (
                ("coverage", held[:, place]),
                ("width", width[:, place]),
                ("crps", ranked),
                ("rmse", error**2),
            )
        }
        mean["rmse"] = np.sqrt(mean["rmse"])
        mean["under_80"] = np.where(count > 0, mean["coverage"] < LOW, np.nan)
        row = {"level": level, "stations": int((count > 0).sum()), "worst": float(np.nanmin(mean["coverage"]))}
        for name, values in mean.items():
            row[name] = float(np.nanmean(values))
            several = len(names) > 1
            row[f"{name}_low"], row[f"{name}_high"] = (
                interval(mean_of_draws(values, drawn)) if several else (np.nan, np.nan)
            )
        yield row
