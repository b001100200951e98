from __future__ import annotations

import numpy as np
import pytest

from loam.probes.quality.limits import above_porosity, outside_range, porosity_from_bulk_density, provider_flagged


def test_moisture_between_the_limits_and_missing_moisture_are_within_range():
    value = np.array([-0.001, 0.0, 0.6, 0.601, np.nan])
    assert outside_range(value).tolist() == [True, False, False, True, False]


def test_range_agrees_with_the_ismn(ismn_flags, year):
    moisture = year["moisture"].copy()
    moisture[[100, 200]] = -0.02, 0.7
    ours = outside_range(moisture)
    assert ours.tolist() == (ismn_flags(moisture, "C01") | ismn_flags(moisture, "C02")).tolist()
    assert np.flatnonzero(ours).tolist() == [100, 200]


def test_a_soil_without_pores_has_the_density_of_its_particles():
    assert porosity_from_bulk_density(2.65) == 0
    assert porosity_from_bulk_density(1.325) == pytest.approx(0.5)


def test_more_water_than_pores_is_flagged_and_an_unknown_porosity_flags_nothing():
    value = np.array([0.4, 0.46, np.nan])
    assert above_porosity(value, 0.45).tolist() == [False, True, False]
    assert not above_porosity(value, np.nan).any()


def test_one_bad_code_among_several_is_enough():
    flags = np.array(["G", "D03,D10", "M", "", "G;M"])
    assert provider_flagged(flags, bad=["D10"]).tolist() == [False, True, False, False, False]
    assert provider_flagged(flags, good=["G"]).tolist() == [False, True, True, False, True]
    assert not provider_flagged(flags).any()
