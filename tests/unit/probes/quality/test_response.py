from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.response import no_response


def dry_month(answer: float, *, day: int = 10) -> tuple[np.ndarray, np.ndarray]:
    moisture = np.linspace(0.3, 0.2, 40)
    moisture[20:] += answer
    rain = np.zeros(40)
    rain[20 if day == 10 else day] = 25.0
    return moisture, rain


def test_a_soil_that_stays_dry_under_much_rain_is_flagged_for_three_days():
    moisture, rain = dry_month(0.0)
    assert np.flatnonzero(no_response(moisture, moisture, rain)).tolist() == [20, 21, 22]


def test_a_soil_that_gets_wetter_has_responded():
    moisture, rain = dry_month(0.05)
    assert not no_response(moisture, moisture, rain).any()


def test_a_rise_within_the_day_counts_even_if_the_mean_does_not_show_it():
    moisture, rain = dry_month(0.0)
    highest = moisture.copy()
    highest[21] += 0.05
    assert not no_response(moisture, highest, rain).any()


def test_a_rise_the_day_before_counts_because_gauges_are_read_in_the_morning():
    moisture, rain = dry_month(0.05)
    assert not no_response(moisture, moisture, np.roll(rain, 1)).any()


def test_a_wet_soil_need_not_get_wetter():
    moisture, rain = dry_month(0.0)
    assert not no_response(moisture, moisture, np.roll(rain, -19)).any()


@pytest.mark.parametrize("rain", [0.0, 20.0, np.nan])
def test_little_or_unknown_rain_asks_for_nothing(rain):
    moisture, _ = dry_month(0.0)
    assert not no_response(moisture, moisture, np.full(40, rain)).any()


def test_missing_readings_around_the_rain_say_nothing():
    moisture, rain = dry_month(0.0)
    before, after = moisture.copy(), moisture.copy()
    before[18:20] = np.nan
    after[20:23] = np.nan
    assert not no_response(before, before, rain).any()
    assert not no_response(after, after, rain).any()
    assert not no_response(np.full(40, np.nan), np.full(40, np.nan), rain).any()
