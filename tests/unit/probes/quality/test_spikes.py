from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.spikes import spikes


@pytest.mark.parametrize("size", [0.08, -0.04])
def test_a_planted_spike_is_found_and_only_it(year, size):
    moisture = year["moisture"].copy()
    moisture[4000] += size
    assert np.flatnonzero(spikes(moisture)).tolist() == [4000]


def test_a_spike_of_two_equal_readings_is_found_with_both(year):
    moisture = year["moisture"].copy()
    moisture[4000:4002] = moisture[3999] + 0.1
    moisture[4002] = moisture[3999]
    assert np.flatnonzero(spikes(moisture)).tolist() == [4000, 4001]


def test_a_rise_by_rain_is_no_spike(year):
    assert year["rain"].sum() > 200
    assert not spikes(year["moisture"]).any()


def test_a_spike_beside_a_gap_cannot_be_told_from_noise_and_a_gap_is_none(year):
    moisture = year["moisture"].copy()
    moisture[4005:4100] = np.nan
    assert not spikes(moisture).any()
    moisture[4000] += 0.1
    assert not spikes(moisture).any()


@pytest.mark.parametrize("size", [0, 1, 2, 24])
def test_a_series_too_short_to_judge_has_no_spike(size):
    assert spikes(np.full(size, 0.2)).tolist() == [False] * size


def test_spikes_agree_with_the_ismn(ismn_flags, make_year):
    rng = np.random.default_rng(3)
    moisture = make_year(3)["moisture"].copy()
    moisture[rng.choice(len(moisture), 200, replace=False)] *= rng.uniform(0.6, 1.5, 200)
    moisture[rng.choice(len(moisture), 100, replace=False)] = np.nan
    moisture = np.round(moisture, 3)
    ours, theirs = spikes(moisture), ismn_flags(moisture, "D06")
    assert theirs.sum() > 40
    assert (ours == theirs).all()
