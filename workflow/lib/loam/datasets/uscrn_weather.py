"""The covariates of the USCRN run: weather of the day at its stations, from NOAA's daily01 files, and sums of rain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from loam.errors import TableError
from loam.io.numbers import refuse_impossible
from loam.probes.uscrn import layout_of, read_file

WEATHER = {  # column of daily01: covariate; degC, mm, MJ m-2, %
    "t_daily_min": "tmin", "t_daily_max": "tmax", "t_daily_avg": "tmean", "p_daily_calc": "rain",
    "solarad_daily": "radiation", "rh_daily_min": "humidity_min", "rh_daily_max": "humidity_max",
    "rh_daily_avg": "humidity",
}  # fmt: skip


def daily_weather(files: Sequence[Path]) -> pd.DataFrame:
    """Weather of all stations in files of daily01: station, date, and the covariates of ``WEATHER``; NaN is missing.

    Raises:
        TableError: as ``read_uscrn``, a file is hourly02, a number cannot be, or a station has a day twice.
    """
    frames = []
    for file in files:
        columns = layout_of(file)
        if "utc_date" in columns:
            raise TableError("the day's weather is in daily01, this is hourly02", where=file)
        frame = read_file(file, columns).rename(columns={"wban": "station", "time": "date", **WEATHER})
        for name in WEATHER.values():
            refuse_impossible(frame[name].set_axis(frame.index + 1), file)
        frames.append(frame[["station", "date", *WEATHER.values()]])
    table = pd.concat(frames, ignore_index=True)
    again = table.duplicated(["station", "date"])
    if again.any():
        row = table[again].iloc[0]
        raise TableError(f"station {row['station']} has {row['date'].date()} twice", where=files[0].parent)
    return table.sort_values(["station", "date"], ignore_index=True)


def sums_of_rain(table: pd.DataFrame, days: Sequence[int], missing_share: float) -> pd.DataFrame:
    """Columns ``rain_<days>`` beside ``daily_weather``'s: the rain of the last days, the day itself included.

    A sum is missing if more than ``missing_share`` of its days are; else the mean of the others stands in for them. The
    rolling mean adds in another order than ``loam.covariates.read.derive``, and may differ from it in last bits.
    """
    rain = table.set_index("date").groupby("station")["rain"].apply(lambda own: own.asfreq("D"))
    by_station = rain.groupby(level="station")
    at = pd.MultiIndex.from_frame(table[["station", "date"]])
    for length in days:
        rolled = by_station.rolling(length, min_periods=1)
        total = rolled.mean().droplevel(0) * length
        known = rain.notna().astype(float).groupby(level="station").rolling(length, min_periods=1).sum().droplevel(0)
        total = total.where(length - known <= missing_share * length + 1e-9)
        table[f"rain_{length}"] = total.reindex(at).to_numpy()
    return table
