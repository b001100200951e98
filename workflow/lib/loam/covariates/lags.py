"""Values of the days before, found by date and never by position.

A row's lag of n days is the value its own station had exactly n days earlier. A day that has no row, or no value, makes
the lag missing; the row before it never steps in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd


def rows_before(station: np.ndarray, day: np.ndarray, lag: int) -> np.ndarray:
    """For each row, the position of the row of the same station ``lag`` days earlier, or -1 where there is none.

    Args:
        station: [row] whole numbers, one a station, from 0.
        day: [row] whole days since any origin. A pair (station, day) occurs once.
        lag: days, 0 or more.
    """
    if len(day) == 0:
        return np.empty(0, dtype=np.int64)
    day = day.astype(np.int64) - int(day.min())
    span = int(day.max()) + 1 + lag  # so that no lagged day reaches into the station before
    key = station.astype(np.int64) * span + day
    order = np.argsort(key, kind="stable")
    place = np.minimum(np.searchsorted(key[order], key - lag), len(key) - 1)
    return np.where((key[order[place]] == key - lag) & (day >= lag), order[place], -1)


def build_lags(
    station: pd.Series, date: pd.Series, values: pd.DataFrame, lags: Mapping[str, Iterable[int]]
) -> pd.DataFrame:
    """Columns ``<name>_<lag>`` of the daily columns ``values``.

    Args:
        station, date: [row] name of the station, day (datetime64). A pair occurs once; the order of rows is free.
        values: [row] the daily columns, float.
        lags: for each column of ``values`` to lag, the days.

    Returns:
        One column a (name, lag), with the index of ``values``; NaN where the earlier day has no row or no value.
    """
    codes = pd.factorize(station)[0]
    days = date.to_numpy("datetime64[D]").astype(np.int64)
    earlier: dict[int, np.ndarray] = {}
    columns: dict[str, np.ndarray] = {}
    for name, window in lags.items():
        series = values[name].to_numpy(float)
        for lag in window:
            if lag not in earlier:
                earlier[lag] = rows_before(codes, days, lag)
            columns[f"{name}_{lag}"] = np.where(earlier[lag] >= 0, series[earlier[lag]], np.nan)
    return pd.DataFrame(columns, index=values.index)
