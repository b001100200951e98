"""Rain of a place near, for stations that have no gauge of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj

from loam.probes.quality.hourly import HOUR

DAY = 24 * HOUR  # ns


def daily_rain(readings: pd.DataFrame, *, daily: bool) -> pd.Series:
    """Rain, mm a day by date (UTC days; a sum at midnight is of the day that ends), of a station's first gauge.

    Args:
        readings: schema READINGS in canonical units, of one station; other variables than rain are left aside.
        daily: whether values are daily.
    """
    rain = readings[(readings["variable"] == "precipitation") & readings["value"].notna()]
    if rain.empty:
        return pd.Series(dtype=float, index=pd.DatetimeIndex([], dtype="datetime64[ns]"))
    keys = ["sensor", "depth_from_cm", "depth_to_cm"]
    _, gauge = next(iter(rain.groupby(keys, observed=True, sort=True)))
    time = gauge["time"].to_numpy("datetime64[ns]").astype(np.int64)
    day = (time if daily else time - 1) // DAY
    return gauge["value"].groupby((day * DAY).astype("datetime64[ns]")).sum()


def nearest_rain(
    stations: pd.DataFrame, rain: dict[str, pd.Series], *, within_km: float
) -> dict[str, tuple[str, float]]:
    """For each station without rain the nearest that has some, and the distance in km; none where all are farther.

    Args:
        stations: station, latitude, longitude.
        rain: ``daily_rain`` by station, of those that have any.
        within_km: largest distance on the ellipsoid.
    """
    gauges = stations[stations["station"].isin(list(rain))]
    ellipsoid, nearest = pyproj.Geod(ellps="WGS84"), {}
    for row in stations[~stations["station"].isin(list(rain))].itertuples():
        if gauges.empty:
            break
        here = np.full(len(gauges), row.longitude), np.full(len(gauges), row.latitude)
        _, _, metres = ellipsoid.inv(*here, gauges["longitude"].to_numpy(float), gauges["latitude"].to_numpy(float))
        first = int(np.argmin(metres))
        if metres[first] <= 1000 * within_km:
            nearest[row.station] = gauges["station"].iloc[first], float(metres[first]) / 1000
    return nearest
