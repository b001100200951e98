"""Sums over the last days, with a stated tolerance for days that have no value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def trailing_sums(
    station: pd.Series, date: pd.Series, values: pd.Series, *, days: Sequence[int], missing_share: float
) -> pd.DataFrame:
    """Sums of ``values`` over the last days, the day itself included; columns ``<name>_<days>``.

    A day counts as missing if it has no row or no value, also before a station's first row. A sum is missing if more
    than ``missing_share`` of its days are; otherwise the mean of the days that have a value stands in for the others.

    Args:
        station, date: [row] name of the station, day (datetime64); a pair occurs once.
        values: [row], NaN where missing.
        days: lengths of the sums.
        missing_share: 0 to 1.

    Returns:
        [row] with the index of ``values``.
    """
    frame = pd.DataFrame({"station": station, "date": date, "value": values})
    sums = {f"{values.name}_{length}": pd.Series(float("nan"), index=values.index) for length in days}
    for _, rows in frame.groupby("station", sort=False):
        series = rows.set_index("date")["value"].sort_index().asfreq("D")
        for length in days:
            mean = series.rolling(length, min_periods=1).mean()
            present = series.notna().rolling(length, min_periods=1).sum()
            enough = length - present <= missing_share * length + 1e-9
            total = (mean * length).where(enough)
            sums[f"{values.name}_{length}"].loc[rows.index] = total.reindex(rows["date"]).to_numpy()
    return pd.DataFrame(sums)
