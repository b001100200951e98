from __future__ import annotations

import numpy as np

from loam.probes.quality.hourly import HOUR, centred_sums, fill_spans, hourly_grid, runs, shifted
from loam.probes.quality.spikes import spikes


def test_hourly_readings_are_one_series_with_gaps_where_they_are():
    grid = hourly_grid(np.array([0, 1, 2, 5]) * HOUR, np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(grid.values, [[1, 2, 3, np.nan, np.nan, 4]])


def test_a_quarter_hourly_logger_is_four_hourly_series_even_if_its_clock_jitters():
    time = np.arange(12) * HOUR // 4 + np.array([0, 3, -4] * 4) * 10**9
    grid = hourly_grid(np.sort(time), np.arange(12.0))
    assert grid.values.tolist() == [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]
    assert grid.values.ravel()[grid.slot].tolist() == list(range(12))


def test_daily_values_have_no_hourly_shape():
    assert hourly_grid(np.arange(30) * 24 * HOUR, np.zeros(30)) is None
    assert hourly_grid(np.array([0]), np.zeros(1)) is None


def test_of_readings_at_the_same_time_the_first_observed_is_judged():
    grid = hourly_grid(np.array([0, 0, 1, 2, 3]) * HOUR, np.array([np.nan, 5.0, 6.0, 7.0, 8.0]))
    assert grid.values.tolist() == [[5, 6, 7, 8]]


def test_a_spike_between_the_full_hours_is_found_and_only_it(year):
    quarter = np.repeat(year["moisture"][:500], 4)
    time = np.arange(len(quarter)) * HOUR // 4
    planted = 1201
    quarter[planted] += 0.1
    grid = hourly_grid(time, quarter)
    assert np.flatnonzero(grid.judge(spikes)).tolist() == [planted]


def test_sums_leave_missing_values_out():
    total, count = centred_sums(np.array([1.0, np.nan, 3.0, 4.0]), 1)
    assert total.tolist() == [1, 4, 7, 7]
    assert count.tolist() == [1, 2, 2, 2]


def test_shifting_beyond_the_ends_gives_missing():
    series = np.array([1.0, 2.0])
    np.testing.assert_array_equal(shifted(series, 1), [2, np.nan])
    np.testing.assert_array_equal(shifted(series, -1), [np.nan, 1])
    assert np.isnan(shifted(series, 2)).all()


def test_runs_and_spans_are_each_others_inverse():
    condition = np.array([True, True, False, True, False, False, True])
    first, last = runs(condition)
    assert list(zip(first, last, strict=True)) == [(0, 1), (3, 3), (6, 6)]
    assert fill_spans(7, first, last).tolist() == condition.tolist()
    assert fill_spans(4, np.array([1, 2]), np.array([2, 9])).tolist() == [False, True, True, True]
