"""Sums over the last days forgive few missing days and say so of many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.covariates.sums import trailing_sums


def sums(values, missing_share=0.2, station=None, date=None, days=(5,)) -> list[float]:
    date = (
        pd.Series(pd.date_range("2020-01-01", periods=len(values))) if date is None else pd.Series(pd.to_datetime(date))
    )
    station = pd.Series(["a"] * len(values)) if station is None else pd.Series(station)
    rain = pd.Series(values, name="rain", dtype=float)
    return trailing_sums(station, date, rain, days=days, missing_share=missing_share)["rain_5"].tolist()


def test_the_day_itself_is_the_last_of_the_sum():
    assert sums([1, 2, 3, 4, 5, 6])[4:] == [15, 20]


def test_the_first_days_have_no_sum_until_enough_are_there():
    assert np.isnan(sums([1, 1, 1, 1, 1])[:3]).all() and sums([1, 1, 1, 1, 1])[3:] == [5, 5]
    assert np.isnan(sums([1, 1, 1, 1, 1], missing_share=0)[3])


def test_the_mean_of_the_others_stands_in_for_a_missing_day():
    assert sums([2, np.nan, 2, 4, 4])[4] == pytest.approx(15)


def test_too_many_missing_days_leave_no_sum():
    assert np.isnan(sums([2, np.nan, 2, np.nan, 4])[4])


def test_a_day_without_a_row_is_missing_too():
    date = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05", "2020-01-08"]
    result = sums([1, 1, 1, 1, 1], date=date)
    assert result[3] == 5 and np.isnan(result[4])


def test_stations_do_not_lend_each_other_rain_and_order_is_free():
    date = [f"2020-01-0{day}" for day in (5, 4, 3, 2, 1)] * 2
    result = sums([5, 4, 3, 2, 1, 50, 40, 30, 20, 10], station=["a"] * 5 + ["b"] * 5, date=date)
    assert result[0] == 15 and result[5] == 150
