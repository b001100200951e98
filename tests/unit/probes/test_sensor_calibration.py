"""Probe values become volumetric moisture by relations worked out by hand here, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.errors import ConfigError, LoamError, TableError
from loam.probes.sensor_calibration import (
    RELATIONS,
    calibrate,
    check_bulk_density,
    counts,
    malicki_moisture,
    scaled_frequency,
    topp_moisture,
    topp_permittivity,
    uncalibrate,
)

COEFFICIENTS = {
    "linear": {"slope": 0.9, "intercept": -0.02},
    "power": {"a": 0.2, "b": 0.4, "c": 0.03},
    "bulk_density_linear": {"k0": 0.4, "k1": 0.5},
}


def test_values_that_are_right_stay_as_they_are():
    np.testing.assert_array_equal(calibrate([0.1, np.nan]), [0.1, np.nan])


def test_a_line_through_field_samples():
    assert calibrate(0.3, relation="linear", coefficients=COEFFICIENTS["linear"]) == pytest.approx(0.25)


def test_scaled_frequency_is_zero_in_air_and_one_in_water():
    np.testing.assert_allclose(scaled_frequency([36000, 30500, 25000], air=36000, water=25000), [0, 0.5, 1])


def test_a_power_law_turns_scaled_frequency_into_moisture():
    # 0.2 * 32 ** 0.4 + 0.03 = 0.2 * 4 + 0.03
    assert calibrate(0.83, relation="power", coefficients=COEFFICIENTS["power"]) == pytest.approx(0.32)


def test_a_scaled_frequency_below_that_of_dry_soil_gives_no_moisture():
    found = calibrate([0.02, 0.03], relation="power", coefficients=COEFFICIENTS["power"])
    assert np.isnan(found[0]) and found[1] == 0


def test_two_published_calibrations_of_one_probe_agree():
    # a maker's default (0.1957, 0.404, 0.02852) and 0.490 SF ** 2.1674 of Paltineanu & Starr (1997)
    scaled = np.array([0.6, 0.7, 0.8])
    known = {"a": 0.1957, "b": 0.404, "c": 0.02852}
    np.testing.assert_allclose(
        calibrate(scaled, relation="power", coefficients=known), 0.490 * scaled**2.1674, atol=0.03
    )


def test_topp_by_hand_and_back():
    # -0.053 + 0.584 - 0.22 + 0.0344
    assert topp_moisture(20) == pytest.approx(0.3454)
    assert topp_permittivity(0.3454) == pytest.approx(20)
    permittivity = np.linspace(0, 80, 81)
    np.testing.assert_allclose(topp_permittivity(topp_moisture(permittivity)), permittivity, atol=1e-9)


def test_malicki_by_hand():
    # sqrt 16 = 4; 0.819 + 0.168 * 1.5 + 0.159 * 2.25 = 1.42875; 7.17 + 1.77 = 8.94
    assert malicki_moisture(16, 1.5) == pytest.approx((4 - 1.42875) / 8.94)


def test_bulk_density_by_hand():
    # Topp's 0.3454 is a permittivity of 20, which at 1.2 g cm-3 is (4.472136 - 1.24956) / 8.586
    assert calibrate(0.3454, relation="bulk_density", bulk_density=1.2) == pytest.approx(0.375329, abs=1e-5)


def test_with_the_same_reading_a_denser_soil_holds_less_water():
    found = calibrate(0.25, relation="bulk_density", bulk_density=np.array([0.8, 1.2, 1.6]))
    assert (np.diff(found) < 0).all()


def test_at_a_common_density_the_two_laws_are_close():
    # both were found on mineral soils: a large difference there would be a wrong coefficient
    raw = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(calibrate(raw, relation="bulk_density", bulk_density=1.4), raw, atol=0.03)


def test_a_value_below_every_permittivity_gives_no_moisture():
    assert np.isnan(calibrate(-0.06, relation="bulk_density", bulk_density=1.4))


def test_a_correction_linear_in_bulk_density():
    found = calibrate(0.2, relation="bulk_density_linear", bulk_density=1.4, coefficients={"k0": 0.4, "k1": 0.5})
    assert found == pytest.approx(0.22)


def test_water_by_weight_becomes_water_by_volume():
    np.testing.assert_allclose(calibrate([0.1, 2.5], relation="gravimetric", bulk_density=[1.5, 0.2]), [0.15, 0.5])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(RELATIONS)), st.floats(0.02, 0.6), st.floats(0.05, 2.2))
def test_every_relation_can_be_turned_round(relation, moisture, density):
    known = {"relation": relation, "coefficients": COEFFICIENTS.get(relation), "bulk_density": density}
    assert calibrate(uncalibrate(moisture, **known), **known) == pytest.approx(moisture, abs=1e-9)


def test_counts_can_be_turned_round():
    raw = np.array([26000.0, 30000, 35000])
    assert counts(scaled_frequency(raw, air=36000, water=25000), air=36000, water=25000) == pytest.approx(raw)


def test_bulk_density_is_read_only_where_it_is_asked_for():
    assert calibrate(0.2, relation="none", bulk_density=np.nan) == 0.2


@pytest.mark.parametrize(
    ("density", "says"),
    [
        (None, "K1: the bulk density is missing.*0.05 to 2.2 g cm-3"),
        ([1.2, np.nan], "the bulk density is missing"),
        (1400, "bulk density 1400 is implausible.*divide by 1000"),
        (2.7, "bulk density 2.7 is implausible"),
        (0.0, "bulk density 0 is implausible"),
    ],
)
def test_missing_and_implausible_bulk_densities_are_refused(density, says):
    with pytest.raises(TableError, match=says):
        calibrate([0.2, 0.3], relation="bulk_density", bulk_density=density, where="K1")


def test_peat_is_light():
    assert check_bulk_density([0.08, 1.3, 2.1]).tolist() == [0.08, 1.3, 2.1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"relation": "topp"}, "'topp' is unknown.*none, linear"),
        ({"relation": "linear"}, "linear: coefficients none given; expected slope, intercept"),
        ({"relation": "linear", "coefficients": {"slope": 1, "offset": 0}}, "offset, slope given"),
        ({"relation": "linear", "coefficients": {"slope": 0, "intercept": 0}}, "slope is 0.*other than 0"),
        ({"relation": "power", "coefficients": {"a": 1, "b": "x", "c": 0}}, "coefficient b is 'x'"),
        (
            {"relation": "bulk_density_linear", "bulk_density": 1.4, "coefficients": {"k0": -1, "k1": 0.5}},
            "more than 0",
        ),
    ],
)
def test_relations_that_cannot_be_used_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        calibrate(0.2, **settings)


@pytest.mark.parametrize(("air", "water"), [(25000, 36000), (36000, 36000), (np.nan, 25000)])
def test_counts_in_air_and_water_must_make_a_scale(air, water):
    with pytest.raises(LoamError, match="air larger than water"):
        scaled_frequency(30000, air=air, water=water)
