"""Lags, sums and last valid observations: by date, in a fixed order, the same for one day as for many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.config.covariates import reach_of
from loam.config.sections.features import LAG_WINDOWS
from loam.covariates.features import feature_set
from loam.covariates.read.day_files import months_of_days
from loam.covariates.read.derive import OBSERVED, Observations, Series, Settings, derive, recipe_of

SETTINGS = Settings(
    maximum_age={"sentinel1": 10, "sentinel2": 10, "vegetation": 32}, sum_days=(3, 30), missing_share=0.34
)
NAN = np.nan


def days(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


def series(first: str, *values: float) -> Series:
    return Series(np.datetime64(first, "D"), np.array(values, np.float32)[:, None])


def made(name: str, given, on: np.ndarray, lag: int = 0) -> list[float]:
    return derive(recipe_of(name, SETTINGS), given, on, lag, SETTINGS)[:, 0].tolist()


def test_a_lag_crosses_the_end_of_february_in_leap_years_and_others():
    leap, other = series("2020-02-28", 28, 29, 1), series("2021-02-28", 28, 1)
    assert made("rain", leap, days("2020-03-01"), 1) == [29]
    assert made("rain", leap, days("2020-03-01"), 2) == [28]
    assert made("rain", other, days("2021-03-01"), 1) == [28]
    assert made("rain", series("2019-12-31", 31, 1), days("2020-01-01"), 1) == [31]


def test_days_before_the_record_and_days_without_a_value_are_missing():
    record = series("2020-01-01", 1, NAN, 3)
    np.testing.assert_equal(made("rain", record, days("2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"), 1),
                            [NAN, 1, NAN, 3])  # fmt: skip
    np.testing.assert_equal(made("rain", record, days("2020-01-01"), 5), [NAN])


def test_days_may_come_in_any_order():
    record = series("2020-01-01", 1, 2, 3)
    assert made("rain", record, days("2020-01-03", "2020-01-01", "2020-01-02")) == [3, 1, 2]


def test_an_index_is_drawn_linearly_between_observations_where_asked():
    linear = Settings(maximum_age={"sentinel2": 30}, linear=frozenset({"sentinel2"}))
    observed = Observations(days("2020-02-01", "2020-02-11", "2020-02-11"), np.array([[0.2], [0.8], [NAN]], np.float32))

    def drawn(*on):
        return derive(recipe_of("ndvi", linear), observed, days(*on), 0, linear)[:, 0]

    np.testing.assert_allclose(drawn("2020-02-01", "2020-02-06", "2020-02-11"), [0.2, 0.5, 0.8], rtol=1e-6)
    assert np.isnan(drawn("2020-01-31", "2020-02-12")).all()  # nothing beyond the first and the last
    assert recipe_of("sentinel2_age", linear).ahead == 0  # an age looks back


@pytest.mark.parametrize(("gap", "expected"), [(60, True), (62, False), (200, False)])
def test_a_day_far_from_both_observations_is_missing(gap, expected):
    linear = Settings(maximum_age={"sentinel2": 30}, linear=frozenset({"sentinel2"}))
    first = np.datetime64("2020-01-01")
    observed = Observations(np.array([first, first + gap]), np.array([[0.2], [0.8]], np.float32))
    middle = derive(recipe_of("ndvi", linear), observed, np.array([first + gap // 2]), 0, linear)[0, 0]
    near = derive(recipe_of("ndvi", linear), observed, np.array([first + 5]), 0, linear)[0, 0]
    assert np.isfinite(middle) == expected
    assert np.isfinite(near) == (gap <= 180)  # a day near one of them has a value on the line to the other


def rain(*values: float, share: float = 0.2, first: str = "2020-01-01") -> list[float]:
    """Sums over five days on the days of ``values``, of a table's float64."""
    table = Settings(sum_days=(5,), missing_share=share)
    given = Series(np.datetime64(first, "D"), np.array(values, float)[:, None])
    on = given.first + np.arange(len(values))
    made = derive(recipe_of("rain_5", table), given, on, 0, table)
    assert made.dtype == np.float64
    return made[:, 0].tolist()


def test_the_day_itself_is_the_last_of_the_sum():
    assert rain(1, 2, 3, 4, 5, 6)[4:] == [15, 20]


def test_the_first_days_have_no_sum_until_as_many_are_there_as_may_not_lack():
    assert np.isnan(rain(1, 1, 1, 1, 1)[:3]).all() and rain(1, 1, 1, 1, 1)[3:] == [5, 5]
    assert np.isnan(rain(1, 1, 1, 1, 1, share=0)[3])


def test_the_mean_of_the_others_stands_in_for_one_missing_day_of_five_and_not_for_two():
    assert rain(2, NAN, 2, 4, 4)[4] == pytest.approx(15)
    assert np.isnan(rain(2, NAN, 2, NAN, 4)[4])


def test_a_sum_ends_on_its_own_day():
    record = series("2020-01-30", 1, 2, 4, 8)
    assert made("rain_3", record, days("2020-02-01", "2020-02-02")) == [7, 14]
    assert made("rain_3", record, days("2020-02-02"), 1) == [7]


def test_the_mean_of_the_others_stands_in_for_few_missing_days_and_not_for_many():
    record = series("2020-01-01", 3, NAN, 6, NAN, NAN)
    assert made("rain_3", record, days("2020-01-03")) == [13.5]
    np.testing.assert_equal(made("rain_3", record, days("2020-01-04", "2020-01-05", "2020-01-01")), [NAN, NAN, NAN])
    assert made("rain_3", record, days("2020-01-02")) != [3]


def test_the_first_days_of_the_record_have_no_sum_until_enough_are_there():
    np.testing.assert_equal(made("rain_3", series("2020-01-01", 1, 1, 1), days("2020-01-01", "2020-01-02")), [NAN, 3])


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000), cells=st.integers(1, 40), length=st.integers(1, 60), cell=st.integers(0, 39),
    name=st.sampled_from(["rain", "rain_3", "rain_30"]), lag=st.integers(0, 9), before=st.integers(0, 20),
)  # fmt: skip
def test_one_day_of_one_cell_is_bit_for_bit_that_of_many(seed, cells, length, cell, name, lag, before):
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.5, 7, (length, cells)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = NAN
    first = np.datetime64("2020-02-20", "D")
    on = first + np.arange(length).astype("timedelta64[D]")
    recipe = recipe_of(name, SETTINGS)
    whole = derive(recipe, Series(first, values), on, lag, SETTINGS)
    padded = np.concatenate([np.full((before, cells), NAN, np.float32), values])  # a longer record before it
    cell = cell % cells
    alone = Series(first - np.timedelta64(before, "D"), np.ascontiguousarray(padded[:, [cell]]))
    for place in {0, length // 2, length - 1}:
        one = derive(recipe, alone, on[[place]], lag, SETTINGS)
        assert one[0, 0].tobytes() == whole[place, cell].tobytes() or np.isnan([one[0, 0], whole[place, cell]]).all()


def test_the_last_valid_observation_is_taken_and_its_age_told():
    passes = Observations(days("2020-01-28", "2020-02-03", "2020-02-09"),
                          np.array([[1, 5], [2, NAN], [NAN, NAN]], np.float32))  # fmt: skip
    on = days("2020-01-27", "2020-02-03", "2020-02-09", "2020-02-13", "2020-02-14")
    values = derive(recipe_of("vv", SETTINGS), passes, on, 0, SETTINGS)
    ages = derive(recipe_of("sentinel1_age", SETTINGS), passes, on, 0, SETTINGS)
    np.testing.assert_equal(values, [[NAN, NAN], [2, 5], [2, NAN], [2, NAN], [NAN, NAN]])
    np.testing.assert_equal(ages, [[NAN, NAN], [0, 6], [6, NAN], [10, NAN], [NAN, NAN]])


def test_of_two_passes_on_a_day_the_later_valid_one_counts():
    passes = Observations(days("2020-02-03", "2020-02-03"), np.array([[1, 1], [2, NAN]], np.float32))
    np.testing.assert_equal(derive(recipe_of("vv", SETTINGS), passes, days("2020-02-04"), 0, SETTINGS), [[2, 1]])


def test_no_observation_is_missing():
    nothing = Observations(days(), np.empty((0, 2), np.float32))
    assert np.isnan(derive(recipe_of("vv", SETTINGS), nothing, days("2020-02-04"), 0, SETTINGS)).all()


def test_sums_are_of_the_lengths_that_the_config_names():
    (window,) = recipe_of("rain_30", SETTINGS).windows
    assert (window.days, window.statistic) == (30, "sum")
    assert recipe_of("rain_60", SETTINGS).variable == "rain_60"
    assert LAG_WINDOWS == {"paper": [0, 7], "near_real_time": [3, 10]}


def features(*names: str, lags=(0, 0), window=(0, 0)) -> dict:
    return {
        "daily": [{"name": name, "lags": list(lags)} for name in names],
        "sequence": {"variables": ["sm_surface"], "lags": list(window)},
    }


@pytest.mark.parametrize(
    ("wanted", "days_back"),
    [
        (features(), 0), (features("rain", lags=(0, 3)), 3), (features(window=(3, 10)), 10),
        (features("rain_30", lags=(0, 2)), 31), (features("vv"), 12), (features("modis_ndvi"), 32),
    ],
)  # fmt: skip
def test_the_months_that_are_asked_for_hold_all_that_is_read(wanted, days_back):
    covariates = {"rain_sums": {"days": [30]}, "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid"}}
    assert reach_of(wanted, covariates) == days_back
    assert set(OBSERVED) == {
        "vv", "vh", "local_incidence", "sentinel1_age", "ndvi", "ndwi", "sentinel2_age", "modis_ndvi", "modis_ndvi_age",
        "modis_et", "modis_et_age",
    }  # fmt: skip


def test_months_run_over_the_turn_of_the_year():
    covariates = {"rain_sums": {"days": [30, 90]}, "sentinel": {"maximum_age_days": 30, "sentinel2": "last_valid"}}
    assert months_of_days(features("rain_90"), covariates, "2020-01-31", "2020-02-01") == [
        "2019-11", "2019-12", "2020-01", "2020-02"]  # fmt: skip
    assert months_of_days(features(), covariates, "2020-01-01", "2020-01-31") == ["2020-01"]


STEPS = {"every": 5, "lags": [0, 1], "variables": ["sm_surface"]}


@pytest.mark.parametrize(
    ("statistic", "missing_share", "expected"),
    [
        ("mean", 0.0, [NAN, 7.0]), ("mean", 0.2, [3.25, 7.0]), ("sum", 0.2, [16.25, 35.0]), ("last", 0.2, [4.0, 9.0]),
        ("last", 0.0, [NAN, 9.0]),
    ],
)  # fmt: skip
def test_a_step_of_five_days_is_their_mean_sum_or_last_value(statistic, missing_share, expected):
    sequence = {**STEPS, "statistic": statistic, "missing_share": missing_share}
    wanted = feature_set({"static": [], "daily": [], "classes": [], "day_of_year": False, "sequence": sequence})
    assert wanted.columns == [f"sm_surface_{statistic}5_1", f"sm_surface_{statistic}5_0"]
    record = series("2020-01-01", 2, 3, 4, 4, NAN, 5, 6, 7, 8, 9)  # the fifth day lacks
    made = [
        derive(recipe_of(step.name, SETTINGS, step.step), record, days("2020-01-10"), step.lag, SETTINGS)[0, 0]
        for (step,) in wanted.sequence
    ]
    np.testing.assert_allclose(made, expected)


def test_the_months_that_are_asked_for_hold_the_days_of_the_oldest_step():
    covariates = {"rain_sums": {"days": [30]}, "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid"}}
    assert reach_of({"daily": [], "sequence": {**STEPS, "lags": [0, 7]}}, covariates) == 39
