"""A day is made of enough of its readings, from where it begins, and says which flags went into it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import ConfigError
from loam.probes.daily import boundary_shift, daily_values, mean_over_sensors
from loam.probes.quality.flags import Flag

UTC = boundary_shift("00:00+00:00")


def series(times, values, variable="soil_moisture", sensor="a", depth=5.0, qc=0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "station": "s1", "sensor": sensor, "variable": variable, "depth_from_cm": depth, "depth_to_cm": depth,
            "time": times, "value": np.asarray(values, dtype=float), "qc": qc,
        }
    )  # fmt: skip


def hourly(days=3, start="2020-01-01", **kwargs) -> pd.DataFrame:
    times = pd.date_range(start, periods=24 * days, freq="h")
    return series(times, np.arange(len(times)) / 1000, **kwargs)


def means(frame, excluded=None, share=0.75, shift=UTC):
    excluded = np.zeros(len(frame), dtype=bool) if excluded is None else excluded
    return daily_values(frame, excluded, minimum_share=share, shift=shift)


def test_a_day_is_the_mean_of_its_readings():
    result = means(hourly())
    np.testing.assert_allclose(result["value"], [0.0115, 0.0355, 0.0595])
    assert result["n_readings"].tolist() == [24, 24, 24] and result["qc"].eq(0).all()


@pytest.mark.parametrize(
    ("boundary", "first_day"),
    [("00:00+10:00", "2020-01-02"), ("09:00+10:00", "2020-01-01"), ("00:00-06:00", "2019-12-31")],
)
def test_the_day_begins_where_the_config_says(boundary, first_day):
    """15 h UTC is 1 h in eastern Australia, before its 9 o'clock; 3 h is the day before in Chicago."""
    times = pd.DatetimeIndex(["2020-01-01 15:00"] if "+" in boundary else ["2020-01-01 03:00"])
    assert means(series(times, [0.2]), shift=boundary_shift(boundary))["date"].tolist() == [pd.Timestamp(first_day)]


def test_a_state_at_midnight_begins_a_day_and_a_sum_at_midnight_ends_one():
    times = pd.DatetimeIndex(["2020-01-02 00:00"])
    assert means(series(times, [0.2]))["date"].tolist() == [pd.Timestamp("2020-01-02")]
    assert means(series(times, [5.0], "precipitation"))["date"].tolist() == [pd.Timestamp("2020-01-01")]


def test_rain_is_summed():
    frame = series(pd.date_range("2020-01-01 01:00", periods=24, freq="h"), np.ones(24), "precipitation")
    assert means(frame)["value"].tolist() == [24.0]


def test_too_few_readings_make_no_day():
    frame = hourly()
    frame = frame[~frame["time"].between("2020-01-02 00:00", "2020-01-02 06:00")]  # 17 of 24 are left
    result = means(frame)
    assert np.isnan(result["value"].iloc[1]) and result["qc"].tolist() == [0, Flag.TOO_FEW_READINGS, 0]
    assert means(frame, share=17 / 24)["value"].notna().all()


def test_what_should_be_there_follows_the_interval_of_the_year():
    """A logger that was set from hourly to every ten minutes and back is judged by each year's own interval."""
    fine = series(pd.date_range("2021-01-01", periods=6 * 24 * 3, freq="10min"), np.full(6 * 24 * 3, 0.2))
    result = means(pd.concat([hourly(3, "2020-01-01"), fine, hourly(3, "2022-01-01")], ignore_index=True))
    assert result["value"].notna().all() and result["n_readings"].tolist() == [24] * 3 + [144] * 3 + [24] * 3


def test_excluded_readings_count_neither_in_the_mean_nor_in_the_share():
    frame = hourly()
    frame.loc[:7, "qc"] = Flag.FROZEN.value
    frame.loc[24:25, "qc"] = Flag.SPIKE.value
    result = means(frame, (frame["qc"] != 0).to_numpy())
    assert result["qc"].tolist() == [Flag.FROZEN | Flag.TOO_FEW_READINGS, 0, 0]
    assert result["value"].iloc[1] == pytest.approx(np.arange(26, 48).mean() / 1000)
    assert result["n_readings"].tolist() == [16, 22, 24]


def test_flags_that_do_not_exclude_travel_with_the_day():
    frame = hourly()
    frame.loc[30, "qc"] = Flag.DRIFT.value
    assert means(frame)["qc"].tolist() == [0, Flag.DRIFT, 0]


def test_daily_values_keep_their_day_and_need_one_reading():
    frame = series(pd.DatetimeIndex(["2020-01-01", "2020-01-05"]), [0.1, 0.2])
    result = means(frame, shift=None, share=1.0)
    assert result["date"].dt.day.tolist() == [1, 5] and result["value"].tolist() == [0.1, 0.2]


def test_a_daily_value_that_is_excluded_says_why_and_nothing_else():
    frame = series(pd.DatetimeIndex(["2020-01-01"]), [0.9], qc=Flag.OUT_OF_RANGE.value)
    result = means(frame, np.array([True]), shift=None)
    assert result["value"].isna().all() and result["qc"].tolist() == [Flag.OUT_OF_RANGE]


def test_sensors_at_one_depth_are_averaged_day_by_day():
    frame = pd.concat(
        [
            series(pd.DatetimeIndex(["2020-01-01", "2020-01-02"]), [0.1, 0.1], qc=Flag.DRIFT.value),
            series(pd.DatetimeIndex(["2020-01-01", "2020-01-02"]), [0.3, np.nan], sensor="b"),
            series(pd.DatetimeIndex(["2020-01-01"]), [0.5], depth=10.0),
        ],
        ignore_index=True,
    )
    result = mean_over_sensors(means(frame, shift=None))
    assert result["moisture"].tolist() == pytest.approx([0.2, 0.1, 0.5])
    assert result["depth_from_cm"].tolist() == [5, 5, 10] and result["n_readings"].tolist() == [2, 1, 1]
    assert result["qc"].tolist() == [Flag.DRIFT, Flag.DRIFT, 0]


def test_an_excluded_sensor_lends_no_flag_to_the_others_mean():
    frame = pd.concat(
        [
            series(pd.DatetimeIndex(["2020-01-01"]), [0.9], qc=Flag.OUT_OF_RANGE.value),
            series(pd.DatetimeIndex(["2020-01-01"]), [0.3], sensor="b"),
        ],
        ignore_index=True,
    )
    result = mean_over_sensors(means(frame, (frame["qc"] != 0).to_numpy(), shift=None))
    assert result["moisture"].tolist() == [0.3] and result["qc"].tolist() == [0]


@pytest.mark.parametrize("text", ["midnight", "25:00+00:00", "00:00", "00:00+15:00"])
def test_a_boundary_that_cannot_be_read_is_refused(text):
    with pytest.raises(ConfigError, match=r'day_boundary.*like "00:00\+10:00"'):
        boundary_shift(text)


def test_jitter_of_seconds_does_not_hide_the_interval():
    rng = np.random.default_rng(0)
    times = pd.date_range("2020-01-01", periods=72 * 10, freq="20min") + pd.to_timedelta(rng.normal(0, 12, 720), "s")
    assert means(series(times.sort_values(), np.full(720, 0.2)))["value"].notna().sum() == 10


def test_a_logger_set_to_another_interval_is_judged_by_each():
    slow = pd.date_range("2020-01-01", "2020-02-29 23:00", freq="h")
    fast = pd.date_range("2020-03-01", "2020-03-31 23:55", freq="5min")  # most readings of the year
    result = means(series(slow.append(fast), np.full(len(slow) + len(fast), 0.2)))
    assert result["value"].notna().all() and len(result) == 60 + 31
    half = slow[(slow.hour < 12) | (slow.month == 1)]
    result = means(series(half.append(fast), np.full(len(half) + len(fast), 0.2))).set_index("date")["value"]
    assert result["2020-02"].isna().all() and result["2020-01"].notna().all()


def test_a_day_of_two_readings_is_no_day_of_a_logger_that_reads_hourly():
    times = pd.date_range("2020-01-01", periods=24 * 9, freq="h")
    times = times[(times.day != 5) | times.hour.isin([0, 12])]
    result = means(series(times, np.full(len(times), 0.2))).set_index("date")["value"]
    assert result.index[result.isna()].tolist() == [pd.Timestamp("2020-01-05")]


def test_two_readings_a_day_are_enough_where_there_are_never_more():
    times = pd.date_range("2020-01-01", periods=20, freq="12h")
    assert means(series(times, np.full(20, 0.2)))["value"].notna().all()
