from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.stuck import stuck, wetting_days

NOTHING = np.zeros(0, dtype=int)


def held(hours: int = 24 * 400, first: int = 24 * 100, days: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    value = np.round(0.2 + 0.01 * rng.standard_normal(hours), 3)
    value[first : first + 24 * days + 1] = 0.2
    value[[first - 1, first + 24 * days + 1]] = 0.25
    return np.arange(hours) / 24, value


def test_weeks_of_one_value_while_rain_fell_are_stuck_and_only_they():
    day, value = held()
    found = stuck(day, value, days=14, strong_days=np.array([105]), weak_days=NOTHING)
    assert np.flatnonzero(found).tolist() == list(range(2400, 2400 + 24 * 20 + 1))


@pytest.mark.parametrize("event", [99, 119, 130])
def test_an_event_before_after_or_at_the_very_end_proves_nothing(event):
    day, value = held()
    assert not stuck(day, value, days=14, strong_days=np.array([event]), weak_days=NOTHING).any()


def test_constant_values_alone_prove_nothing():
    day, value = held()
    assert not stuck(day, value, days=14, strong_days=NOTHING, weak_days=NOTHING).any()


def test_a_run_shorter_than_asked_for_is_left_alone():
    day, value = held(days=10)
    assert not stuck(day, value, days=14, strong_days=np.array([105]), weak_days=NOTHING).any()


def test_missing_hours_do_not_end_a_run_but_a_long_gap_does():
    day, value = held()
    value[2500:2530] = np.nan
    assert stuck(day, value, days=14, strong_days=np.array([105]), weak_days=NOTHING).sum() == 24 * 20 + 1 - 30
    value[2500:2700] = np.nan
    assert not stuck(day, value, days=14, strong_days=np.array([105]), weak_days=NOTHING).any()


def test_a_weak_event_counts_in_a_long_and_rare_run_of_a_fine_sensor_only():
    day, value = held(hours=24 * 1000, days=45)
    weak = np.array([110])
    assert stuck(day, value, days=14, strong_days=NOTHING, weak_days=weak).any()
    assert not stuck(day, np.round(value, 2), days=14, strong_days=NOTHING, weak_days=weak).any()
    day, value = held(days=45)  # a ninth of this record
    assert not stuck(day, value, days=14, strong_days=NOTHING, weak_days=weak).any()


def test_a_dry_season_of_coarse_daily_values_is_not_stuck_by_a_storm_that_wets_the_top_only():
    day = np.arange(365.0)
    value = np.round(0.1 + 0.15 * np.exp(-np.arange(365) / 30), 2)
    assert (value == 0.1).sum() > 200
    assert not stuck(day, value, days=14, strong_days=NOTHING, weak_days=np.array([250])).any()


def test_wetting_is_a_rise_above_the_days_before():
    daily = np.array([0.2, 0.19, 0.18, 0.18, 0.22, 0.23, 0.23, 0.23, 0.23, np.nan, 0.3])
    assert wetting_days(daily, 1000).tolist() == [1004, 1005, 1006, 1010]
    assert wetting_days(daily[:3], 0).tolist() == []
    assert wetting_days(np.full(50, np.nan), 0).tolist() == []
