"""A lag is the station's own value of an earlier date, or missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.covariates.lags import build_lags, rows_before


def lags(rows: list[tuple[str, str, float]], *window: int) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["station", "date", "rain"])
    return build_lags(frame["station"], pd.to_datetime(frame["date"]), frame[["rain"]], {"rain": window})


def test_lag_zero_is_the_day_itself_and_lag_one_the_day_before():
    built = lags([("a", "2020-02-28", 1), ("a", "2020-02-29", 2), ("a", "2020-03-01", 3)], 0, 1)
    np.testing.assert_array_equal(built["rain_0"], [1, 2, 3])
    np.testing.assert_array_equal(built["rain_1"], [np.nan, 1, 2])


def test_a_lag_that_crosses_a_gap_is_missing_and_not_the_row_before():
    built = lags([("a", "2020-01-01", 1), ("a", "2020-01-03", 3), ("a", "2020-01-04", 4)], 1, 2)
    np.testing.assert_array_equal(built["rain_1"], [np.nan, np.nan, 3])
    np.testing.assert_array_equal(built["rain_2"], [np.nan, 1, np.nan])


def test_a_missing_value_makes_the_lag_missing():
    built = lags([("a", "2020-01-01", 1), ("a", "2020-01-02", np.nan), ("a", "2020-01-03", 3)], 1)
    np.testing.assert_array_equal(built["rain_1"], [np.nan, 1, np.nan])


def test_a_lag_never_takes_another_stations_day():
    built = lags([("a", "2020-01-01", 1), ("a", "2020-01-02", 2), ("b", "2020-01-03", 3), ("b", "2020-01-01", 4)], 1, 2)
    np.testing.assert_array_equal(built["rain_1"], [np.nan, 1, np.nan, np.nan])
    np.testing.assert_array_equal(built["rain_2"], [np.nan, np.nan, 4, np.nan])


def test_no_rows_have_no_lags():
    assert rows_before(np.empty(0, int), np.empty(0, int), 1).size == 0


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 30)), min_size=1, max_size=60, unique=True),
    lag=st.integers(0, 9),
)
def test_rows_found_are_those_that_a_dictionary_of_dates_finds(keys, lag):
    station, day = np.array(keys).T
    place = {key: row for row, key in enumerate(keys)}
    expected = [place.get((station, day - lag), -1) for station, day in keys]
    np.testing.assert_array_equal(rows_before(station, day, lag), expected)
