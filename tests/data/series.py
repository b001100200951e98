"""Series of samples from rows, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.samples.series import SampleSeries


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
