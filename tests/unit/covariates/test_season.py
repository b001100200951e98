"""The season is a circle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.covariates.season import day_of_year


def test_the_new_year_lies_beside_the_old_one():
    days = pd.DatetimeIndex(["2019-12-31", "2020-01-01"])
    for part in ("sin", "cos"):
        before, after = day_of_year(days, part)
        assert abs(before - after) < 2 * np.pi * 1.3 / 365.25


def test_summer_and_winter_lie_opposite_each_other():
    summer, winter = (
        np.array([day_of_year(pd.DatetimeIndex([day]), part)[0] for part in ("sin", "cos")])
        for day in ("2021-01-15", "2021-07-16")
    )
    assert summer @ winter == pytest.approx(-1, abs=1e-3)


def test_the_quarter_of_the_year_is_the_quarter_of_the_circle():
    assert day_of_year(pd.DatetimeIndex(["2021-04-01"]), "sin")[0] == pytest.approx(1, abs=1e-3)
    assert day_of_year(pd.DatetimeIndex(["2021-07-02"]), "cos")[0] == pytest.approx(-1, abs=1e-3)


def test_a_column_of_dates_gives_the_same_as_an_index():
    days = pd.date_range("2020-01-01", periods=5)
    np.testing.assert_array_equal(day_of_year(pd.Series(days), "sin"), day_of_year(days, "sin"))
