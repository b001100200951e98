"""A lag is the station's own value of an earlier date, or missing; ready lags are the series that they came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.covariates.features import feature_set
from loam.covariates.read.derive import RowReader, Settings
from loam.errors import TableError
from loam.samples.brought_stations import TableStations
from loam.samples.brought_table import StationTable, read_station_table

SETTINGS = Settings(maximum_age={"sentinel1": 10, "vegetation": 32}, sum_days=(3, 5), missing_share=0.2)
NAN = np.nan


def features_of(*names: str, lags=(0, 0), static=()) -> dict:
    return {
        "static": list(static), "daily": [{"name": name, "lags": list(lags)} for name in names], "classes": [],
        "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]},
    }  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def read(rows: list[tuple], columns: tuple[str, ...], features: dict) -> StationTable:
        path = tmp_path / "table.csv"
        frame = pd.DataFrame(rows, columns=["station", "date", *columns]).assign(lat=-35.0, lon=147.0)
        frame.to_csv(path, index=False)
        names = {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"}
        return read_station_table(
            path, "target", layers=[], columns=names, groups=[], features=features, settings=SETTINGS
        )

    return read


def lagged(table: StationTable, features: dict) -> pd.DataFrame:
    """Every feature of every row of the table, as samples have them."""
    wanted, stations = feature_set(features), TableStations(table, features)
    days = table.keys["date"].to_numpy("datetime64[D]")
    reader = RowReader(wanted, stations.at(stations.names), np.arange(days.min(), days.max() + 1), SETTINGS)
    place = stations.place(table.keys["station"])
    columns = {}
    for feature in wanted.static:
        first, values = reader.series(feature, len(stations.names))
        columns[feature.column] = values[place, (days - first).astype(int) - feature.lag]
    return pd.DataFrame(columns, index=table.keys.index)


def test_lag_zero_is_the_day_itself_and_lag_one_the_day_before(read):
    features = features_of("rain", lags=(0, 1))
    built = lagged(read([("a", "2020-02-28", 1), ("a", "2020-02-29", 2), ("a", "2020-03-01", 3)], ("rain",), features),
                   features)  # fmt: skip
    np.testing.assert_array_equal(built["rain_0"], [1, 2, 3])
    np.testing.assert_array_equal(built["rain_1"], [NAN, 1, 2])


def test_a_lag_that_crosses_a_gap_is_missing_and_not_the_row_before(read):
    features = features_of("rain", lags=(1, 2))
    built = lagged(read([("a", "2020-01-01", 1), ("a", "2020-01-03", 3), ("a", "2020-01-04", 4)], ("rain",), features),
                   features)  # fmt: skip
    np.testing.assert_array_equal(built["rain_1"], [NAN, NAN, 3])
    np.testing.assert_array_equal(built["rain_2"], [NAN, 1, NAN])


def test_a_missing_value_makes_the_lag_missing(read):
    features = features_of("rain", lags=(1, 1))
    rows = [("a", "2020-01-01", 1), ("a", "2020-01-02", NAN), ("a", "2020-01-03", 3)]
    np.testing.assert_array_equal(lagged(read(rows, ("rain",), features), features)["rain_1"], [NAN, 1, NAN])


def test_a_lag_never_takes_another_stations_day(read):
    features = features_of("rain", lags=(1, 2))
    rows = [("a", "2020-01-01", 1), ("a", "2020-01-02", 2), ("b", "2020-01-03", 3), ("b", "2020-01-01", 4)]
    built = lagged(read(rows, ("rain",), features), features)  # sorted: a, a, b of the 1st, b of the 3rd
    np.testing.assert_array_equal(built["rain_1"], [NAN, 1, NAN, NAN])
    np.testing.assert_array_equal(built["rain_2"], [NAN, NAN, NAN, 4])


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 30)), min_size=1, max_size=60, unique=True),
    lag=st.integers(0, 9),
)
def test_rows_found_are_those_that_a_dictionary_of_dates_finds(keys, lag):
    features, keys = features_of("rain", lags=(lag, lag)), sorted(keys)
    date = pd.Timestamp("2020-02-01") + pd.to_timedelta([day for _, day in keys], "D")
    frame = pd.DataFrame({"station": [str(station) for station, _ in keys], "date": date})
    values = pd.DataFrame({"rain": np.arange(len(keys), dtype=float)})
    table = StationTable("t.csv", "target", frame, values[[]], values, values[[]], values[[]])
    place = dict(zip(keys, values["rain"], strict=True))
    expected = [place.get((station, day - lag), NAN) for station, day in keys]
    np.testing.assert_array_equal(lagged(table, features)[f"rain_{lag}"], expected)


def test_ready_lags_give_days_that_have_no_row_and_agree_with_those_that_do(read):
    features = features_of("rain", lags=(0, 2))
    rows = [("a", "2020-03-01", 3, 2, 1), ("a", "2020-03-02", 4, 3, 2), ("a", "2020-03-04", 6, 5, NAN)]
    table = read(rows, ("rain_0", "rain_1", "rain_2"), features)
    first, series = TableStations(table, features).dense("rain")
    assert first == np.datetime64("2020-02-28")
    np.testing.assert_array_equal(series, [[1, 2, 3, 4, 5, 6]])
    np.testing.assert_array_equal(lagged(table, features).iloc[-1], [6, 5, 4])


def test_ready_lags_that_tell_one_day_differently_are_refused_with_both_rows(read):
    features = features_of("rain", lags=(0, 1))
    rows = [("a", "2020-03-01", 3, 0), ("a", "2020-03-02", 4, 3.0000001), ("a", "2020-03-03", 5, 9)]
    table = read(rows, ("rain_0", "rain_1"), features)
    with pytest.raises(
        TableError,
        match=r"table.csv: 'rain' of station 'a' on 2020-03-02 is 4 in column 'rain_0' of row 3 and 9 in column "
        r"'rain_1' of row 4; expected one value",
    ):
        TableStations(table, features)


def test_a_sum_of_rain_is_made_where_the_table_has_rain_alone_and_taken_where_it_is_ready(read):
    features = features_of("rain_3")
    days = [f"2020-01-0{day}" for day in range(1, 6)]
    made = lagged(read([("a", day, number) for number, day in enumerate(days)], ("rain",), features), features)
    np.testing.assert_array_equal(made["rain_3_0"], [NAN, NAN, 3, 6, 9])
    rows = [("a", day, number, 100 + number) for number, day in enumerate(days)]
    ready = lagged(read(rows, ("rain", "rain_3"), features), features)
    np.testing.assert_array_equal(ready["rain_3_0"], [100, 101, 102, 103, 104])
    with pytest.raises(TableError, match="no column 'rain_3'"):
        read([("a", day, 1.0) for day in days], ("snow",), features)


def test_the_age_of_an_observation_is_that_of_the_last_row_that_has_it(read):
    features = features_of("modis_ndvi", "modis_ndvi_age")
    rows = [("a", f"2020-01-0{day}", value) for day, value in enumerate([0.5, NAN, NAN, 0.25], start=1)]
    built = lagged(read(rows, ("modis_ndvi",), features), features)
    np.testing.assert_array_equal(built["modis_ndvi_age_0"], [0, 1, 2, 0])
    np.testing.assert_array_equal(built["modis_ndvi_0"], [0.5, NAN, NAN, 0.25])


def test_what_is_called_static_and_changes_is_kept_day_by_day(read):
    features = features_of("rain", static=["clay", "crop"])
    rows = [("a", "2020-01-01", 1, 20, 1), ("a", "2020-01-03", 1, 20, 2), ("b", "2020-01-01", 1, 30, 1)]
    stations = TableStations(read(rows, ("rain", "clay", "crop"), features), features)
    assert not stations.changes("clay") and stations.changes("crop")
    np.testing.assert_array_equal(stations.at(["b", "c", "a"]).static("clay"), [30, NAN, 20])
    _, crop = stations.dense("crop")
    np.testing.assert_array_equal(crop, [[1, 1, 2], [1, 1, 1]])  # a day without a row has the station's first
