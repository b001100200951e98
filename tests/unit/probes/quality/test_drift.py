from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.drift import drifts

FIRST = 12_000  # a day of 2002


def profile(years: int = 5, depths: int = 4) -> np.ndarray:
    rng = np.random.default_rng(2)
    day = np.arange(365 * years)
    season = np.sin(2 * np.pi * day / 365.25)[:, None]
    wet_years = np.interp(day, np.arange(0, 365 * years + 1, 365), rng.normal(0, 0.02, years + 1))[:, None]
    amplitude = np.linspace(0.08, 0.02, depths)
    return 0.25 + amplitude * season + wet_years + 0.005 * rng.standard_normal((len(day), depths))


def test_a_depth_that_moves_away_is_found_from_about_its_begin_on_and_no_other_is():
    daily = profile()
    daily[800:, 1] += 0.06 / 365 * np.arange(len(daily) - 800)
    found = drifts(daily, FIRST)
    assert not found[:, [0, 2, 3]].any()
    begin = np.flatnonzero(found[:, 1])[0]
    assert abs(begin - 800) < 90
    assert found[begin:, 1].all()


@pytest.mark.parametrize("years", [1, 3, 6])
def test_seasons_and_wet_years_are_no_drift(years):
    assert not drifts(profile(years), FIRST).any()


def test_a_trend_of_the_whole_soil_is_no_drift():
    daily = profile() + 0.05 / 365 * np.arange(365 * 5)[:, None]
    assert not drifts(daily, FIRST).any()


def test_a_step_is_no_drift():
    daily = profile()
    daily[900:, 1] -= 0.1
    assert not drifts(daily, FIRST).any()


def test_a_slow_drift_is_below_the_threshold():
    daily = profile()
    daily[:, 1] += 0.015 / 365 * np.arange(len(daily))
    assert not drifts(daily, FIRST).any()
    assert drifts(daily, FIRST, per_year=0.01)[:, 1].any()


def test_missing_days_are_not_flagged_and_one_depth_has_nothing_to_drift_from():
    daily = profile()
    daily[800:, 1] += 0.06 / 365 * np.arange(len(daily) - 800)
    daily[1200:1300] = np.nan
    found = drifts(daily, FIRST)
    assert found.any()
    assert not found[1200:1300].any()
    assert not drifts(daily[:, [1]], FIRST).any()
    assert not drifts(np.full((2000, 3), np.nan), FIRST).any()
    assert not drifts(np.full((2000, 3), 0.2), FIRST).any()
