from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.breaks import breaks
from loam.probes.quality.plateaus import low_plateaus, saturated_plateaus


def test_constant_low_values_after_a_drop_are_found_from_drop_to_recovery(year):
    moisture = year["moisture"].copy()
    moisture[4000:4060] = 0.02
    found = low_plateaus(moisture, breaks(moisture)[0])
    assert np.flatnonzero(found).tolist() == list(range(4000, 4060))


def test_a_plateau_at_zero_counts_as_constant(year):
    moisture = year["moisture"].copy()
    moisture[4000:4060] = 0.0
    assert low_plateaus(moisture, breaks(moisture)[0]).sum() == 60


def test_constant_values_without_a_drop_are_no_plateau(year):
    moisture = year["moisture"].copy()
    moisture[4000:4500] = moisture[3999]
    assert not low_plateaus(moisture, breaks(moisture)[0]).any()


def test_less_than_thirteen_hours_are_no_plateau(year):
    moisture = year["moisture"].copy()
    moisture[4000:4012] = 0.02
    drop = np.zeros(len(moisture), dtype=bool)
    drop[4000] = True
    assert not low_plateaus(moisture, drop).any()


def test_a_plateau_does_not_reach_over_a_long_gap():
    moisture = np.concatenate([np.full(50, 0.3), np.full(6, 0.1), np.full(500, np.nan), np.full(6, 0.1)])
    drop = np.zeros(len(moisture), dtype=bool)
    drop[50] = True
    assert not low_plateaus(moisture, drop).any()


def wet_event(plateau: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rise = np.linspace(0.2, 0.45, 10)
    fall = 0.2 + 0.25 * np.exp(-np.arange(1, 400) / 60)
    series = np.concatenate([np.full(100, 0.2), rise, np.full(plateau, 0.45), fall])
    return np.round(series + 0.0002 * rng.standard_normal(len(series)), 4)


def test_a_ceiling_between_a_rise_and_a_drop_is_a_saturated_plateau():
    found = np.flatnonzero(saturated_plateaus(wet_event(40)))
    assert len(found) >= 38
    assert 106 <= found.min() <= 110
    assert 147 <= found.max() <= 155


def test_a_peak_that_drains_at_once_is_none():
    assert not saturated_plateaus(wet_event(1)).any()


def test_a_plateau_below_the_highest_moisture_is_none():
    assert not saturated_plateaus(wet_event(40), highest=0.5).any()
    assert saturated_plateaus(wet_event(40), highest=0.46).any()


@pytest.mark.parametrize("moisture", [np.full(300, 0.4), np.full(300, np.nan), np.zeros(5), np.zeros(0)])
def test_a_constant_an_empty_and_a_short_series_have_none(moisture):
    assert not saturated_plateaus(moisture).any()
    assert not low_plateaus(moisture, np.zeros(len(moisture), dtype=bool)).any()


@pytest.mark.filterwarnings("ignore")  # flagit's calls that pandas retires
def test_saturated_plateaus_agree_with_the_ismn_but_for_their_ends(ismn_flags):
    moisture = np.concatenate([wet_event(length) for length in (5, 20, 40, 90)])
    ours, theirs = saturated_plateaus(moisture), ismn_flags(moisture, "D10")
    assert theirs.sum() > 100
    assert not (ours & ~theirs).any()
    assert (ours == theirs).mean() > 0.98
