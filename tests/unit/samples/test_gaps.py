"""Short gaps of forcings are drawn linearly, never rain; days after long ones are no targets, and are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loam.config.covariates import fillable
from loam.covariates.reasons import WARM_UP
from loam.samples.gaps import Gaps, after_gaps, fill, mask_after_gaps
from loam.samples.series import SampleSeries

NAN = np.nan


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_a_gap_is_a_line_between_the_days_around_it_and_a_longer_one_stays():
    values = column(1, NAN, NAN, 4, NAN, NAN, NAN, 8)
    np.testing.assert_allclose(fill(values, 2)[:, 0], [1, 2, 3, 4, NAN, NAN, NAN, 8])
    np.testing.assert_allclose(fill(values, 3)[:, 0], range(1, 9))


def test_the_ends_of_a_record_are_not_filled():
    np.testing.assert_array_equal(fill(column(NAN, 2, NAN), 5)[:, 0], [NAN, 2, NAN])


@given(st.lists(st.floats(-5, 5, width=32) | st.just(NAN), min_size=1, max_size=30), st.integers(0, 6))
def test_filling_leaves_what_is_known_and_agrees_with_pandas(values, longest):
    filled = fill(np.array(values, np.float64)[:, None], longest)[:, 0]
    record = pd.Series(values, dtype=float)
    missing = record.isna()
    run = missing.groupby((missing != missing.shift()).cumsum()).transform("sum")
    expected = record.interpolate(limit_area="inside").where(~missing | (run <= longest))
    np.testing.assert_allclose(filled, expected, atol=1e-9)
    assert (filled[~missing] == record[~missing]).all()


def test_the_days_after_a_long_gap_warm_up():
    values = np.array([[1, NAN, 1, 1, NAN, NAN, NAN, 1, 1, 1], [NAN, NAN, NAN, 1, 1, 1, 1, 1, 1, 1]])
    found = after_gaps(values, longest=2, warm_up=2)
    np.testing.assert_array_equal(np.nonzero(found), [[0, 0], [7, 8]])  # the time before a record is no gap


def series_with(daily: dict, moisture) -> SampleSeries:
    moisture = np.asarray(moisture, float)
    days = np.datetime64("2020-01-01") + np.arange(moisture.shape[1])
    shape = (1, *moisture.shape, 1)
    return SampleSeries(
        ["a"], days, [], np.empty((1, 0)), {name: np.array([values], float) for name, values in daily.items()},
        ["surface"], moisture.reshape(shape), np.zeros(1), np.zeros(1),
    )  # fmt: skip


def test_moisture_of_those_days_is_masked_and_counted_by_the_covariates_that_lacked():
    gap, whole = [1, NAN, NAN, 1, 1, 1, 1], [1] * 7
    series = series_with({"rain": gap, "tmin": whole, "vv": gap}, [[0.1, 0.2, 0.3, 0.4, NAN, 0.6, 0.7]])
    masked, counted = mask_after_gaps(series, Gaps(fill_days=1, warm_up=3))
    np.testing.assert_array_equal(masked.moisture[0, 0, :, 0], [0.1, 0.2, 0.3, NAN, NAN, NAN, 0.7])
    assert counted == {("a", WARM_UP, "rain"): 2}
    same, none = mask_after_gaps(series, Gaps(fill_days=2, warm_up=3))
    np.testing.assert_array_equal(same.moisture, series.moisture)
    assert not none


@pytest.mark.parametrize(
    ("names", "expected"), [(None, ["tmin", "sm_surface"]), (["satellite"], ["satellite"]), ([], [])]
)
def test_weather_but_rain_and_modelled_moisture_are_filled_unless_others_are_named(names, expected):
    features = {
        "daily": [{"name": name, "lags": [0, 0]} for name in ("tmin", "rain", "rain_30", "vv", "own")],
        "sequence": {"variables": ["sm_surface", "satellite"], "lags": [0, 0]},
    }
    assert fillable(names, features) == expected
