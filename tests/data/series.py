"""Series of samples from rows, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.covariates.features import FeatureSet, feature_set
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows


def series_of_rows(
    rows: pd.DataFrame, variables: Sequence[str], daily: Sequence[str], layers: Sequence[str]
) -> SampleSeries:
    """Series from rows, one a (station, date), that hold the day's own values; what has no row is missing.

    Args:
        rows: columns station, date, latitude, longitude, ``variables``, ``daily`` and ``layers``.
        variables: columns that do not change at a station; its first row's values stand.
        daily: covariates.
        layers: names.
    """
    stations = sorted(set(rows["station"]))
    station = pd.Index(stations).get_indexer(rows["station"])
    date = rows["date"].to_numpy("datetime64[D]")
    days = np.arange(date.min(), date.max() + np.timedelta64(1, "D"))
    day = (date - days[0]).astype(np.int64)
    first = rows.groupby("station", sort=True)[[*variables, "latitude", "longitude"]].first()

    def spread(column: str) -> np.ndarray:
        values = np.full((len(stations), len(days)), np.nan)
        values[station, day] = rows[column]
        return values

    return SampleSeries(
        stations, days, list(variables), first[list(variables)].to_numpy(float), {name: spread(name) for name in daily},
        list(layers), np.stack([spread(layer) for layer in layers], -1)[None], first["latitude"].to_numpy(float),
        first["longitude"].to_numpy(float),
    )  # fmt: skip


def series_of_inputs(inputs: np.ndarray, targets: np.ndarray, shape: tuple[int, int, int]) -> SampleSeries:
    """Each row a station of its own, whose static features are ``s0``, ... and whose sequence is ``v0``, ...

    Args:
        inputs: [row, feature]: static ones, then the sequence step by step.
        targets: [row, layer]; layers are named ``l0``, ...
        shape: number of static features, of steps and of variables.
    """
    static, steps, variables = shape
    rows, layers = targets.shape
    sequence = inputs[:, static:].reshape(rows, steps, variables)
    days = np.datetime64("2020-01-01") + np.arange(max(steps, 1))
    moisture = np.full((1, rows, len(days), layers), np.nan)
    moisture[0, :, -1] = targets
    return SampleSeries(
        [f"{number:05d}" for number in range(rows)], days, [f"s{number}" for number in range(static)],
        inputs[:, :static], {f"v{number}": sequence[..., number] for number in range(variables)},
        [f"l{number}" for number in range(layers)], moisture, np.zeros(rows), np.zeros(rows),
    )  # fmt: skip


def features_of_shape(shape: tuple[int, int, int]) -> FeatureSet:
    """The features of ``series_of_inputs``."""
    static, steps, variables = shape
    return feature_set({
        "static": [f"s{number}" for number in range(static)], "daily": [], "classes": [], "day_of_year": False,
        "sequence": {"variables": [f"v{number}" for number in range(variables)], "lags": [0, max(steps - 1, 0)]},
    })  # fmt: skip


def windows_of_inputs(inputs: np.ndarray, targets: np.ndarray, shape: tuple[int, int, int]) -> Windows:
    """The rows of ``series_of_inputs``; one without an observed layer is none, and goes."""
    layers = [f"l{number}" for number in range(targets.shape[1])]
    return Windows(series_of_inputs(inputs, targets, shape), features_of_shape(shape), layers, "target")


def series_of_columns(rows: pd.DataFrame, features: FeatureSet, layers: Sequence[str]) -> SampleSeries:
    """Series from rows that hold every lag in a column of its own; lags of two rows that meet in a day must agree."""
    stations = sorted(set(rows["station"]))
    station = pd.Index(stations).get_indexer(rows["station"])
    date = rows["date"].to_numpy("datetime64[D]")
    days = np.arange(date.min() - max(feature.lag for feature in features.all), date.max() + np.timedelta64(1, "D"))
    day = (date - days[0]).astype(np.int64)
    first = rows.groupby("station", sort=True).first()
    fixed = [feature.column for feature in features.static if feature.kind in ("static", "class")]
    daily: dict[str, np.ndarray] = {}
    for feature in features.all:
        if feature.kind in ("daily", "sequence"):
            values = daily.setdefault(feature.name, np.full((len(stations), len(days)), np.nan))
            found = values[station, day - feature.lag]
            own = rows[feature.column].to_numpy(float)
            assert (np.isnan(found) | (found == own)).all(), f"{feature.column} disagrees with another lag"
            values[station, day - feature.lag] = own
    moisture = np.full((1, len(stations), len(days), len(layers)), np.nan)
    for place, layer in enumerate(layers):
        moisture[0, station, day, place] = rows[layer]
    return SampleSeries(
        stations, days, fixed, first[fixed].to_numpy(float), daily, list(layers), moisture,
        first["latitude"].to_numpy(float), first["longitude"].to_numpy(float),
    )  # fmt: skip
