from __future__ import annotations

import numpy as np

from loam.probes.quality.breaks import breaks


def flat_sensor(hours: int = 2000, level: float = 0.25) -> np.ndarray:
    rng = np.random.default_rng(5)
    return level + 0.0003 * rng.standard_normal(hours)


def test_a_drop_and_a_jump_are_found_at_their_first_readings():
    moisture = flat_sensor()
    moisture[800:1200] -= 0.1
    drop, jump = breaks(moisture)
    assert np.flatnonzero(drop).tolist() == [800]
    assert np.flatnonzero(jump).tolist() == [1200]


def test_rises_by_rain_are_no_breaks(year):
    drop, jump = breaks(year["moisture"])
    assert np.max(np.diff(year["moisture"], n=6)) > 0.01
    assert not drop.any()
    assert not jump.any()


def test_a_rise_over_six_hours_is_no_break_however_large():
    moisture = flat_sensor()
    moisture[800:806] += np.linspace(0, 0.15, 6)
    moisture[806:] += 0.15
    assert not np.any(breaks(moisture))


def test_a_drop_to_exactly_zero_is_one_whatever_the_noise(year):
    moisture = year["moisture"].copy()
    moisture[4000:4003] = 0.0
    drop, _ = breaks(moisture)
    assert drop[4000]
    assert drop.sum() == 1


def test_the_ends_of_a_gap_are_no_breaks():
    moisture = flat_sensor()
    moisture[800:1000] = np.nan
    moisture[1000:] -= 0.1
    assert not np.any(breaks(moisture))
    assert not np.any(breaks(np.full(500, np.nan)))


def test_a_constant_series_has_no_break():
    assert not np.any(breaks(np.full(500, 0.2)))
    assert not np.any(breaks(np.zeros(500)))
    assert not np.any(breaks(np.array([0.1, 0.2])))


def test_breaks_agree_with_the_ismn(ismn_flags, make_year):
    rng = np.random.default_rng(4)
    moisture = make_year(4)["moisture"].copy()
    for start in rng.choice(len(moisture) - 200, 80, replace=False):
        moisture[start : start + rng.integers(2, 100)] *= rng.uniform(0.3, 1.8)
    moisture[5000:5020] = 0.0
    moisture[rng.choice(len(moisture), 60, replace=False)] = np.nan
    moisture = np.round(moisture, 4)
    drop, jump = breaks(moisture)
    their_drop = ismn_flags(moisture, "D07")
    their_jump = ismn_flags(moisture, "D07", flag="D08")
    assert their_drop.sum() > 10
    assert their_jump.sum() > 10
    assert (drop == their_drop).all()
    assert (jump == their_jump).all()
