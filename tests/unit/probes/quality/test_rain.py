"""Daily rain of a gauge, and whose rain a station without one gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.probes.quality.rain import daily_rain, nearest_rain


def test_a_sum_at_midnight_is_of_the_day_that_ends_and_moisture_is_no_rain(station_readings):
    times = pd.DatetimeIndex(["2021-01-01 12:00", "2021-01-02 00:00", "2021-01-02 06:00", "2021-01-03 06:00"])
    readings = station_readings(
        ("precipitation", 0, times, [1, 2, 4, np.nan]), ("soil_moisture", 5, times, [0.1, 0.2, 0.3, 0.4])
    )
    rain = daily_rain(readings, daily=False)
    assert rain.to_dict() == {pd.Timestamp("2021-01-01"): 3, pd.Timestamp("2021-01-02"): 4}
    assert daily_rain(readings[readings["variable"] == "soil_moisture"], daily=False).empty


def test_the_nearest_gauge_counts_if_it_is_near_enough():
    stations = pd.DataFrame({"station": list("abc"), "latitude": [0.0, 0.1, 0.3], "longitude": 147.0})
    rain = {name: pd.Series([1.0]) for name in "bc"}
    found = nearest_rain(stations, rain, within_km=25)
    assert list(found) == ["a"] and found["a"] == ("b", pytest.approx(11.06, abs=0.01))
    assert nearest_rain(stations, rain, within_km=11) == {} == nearest_rain(stations, {}, within_km=25)
