"""Backscatter of soil under vegetation."""

import numpy as np
import pytest

from loam.sandbox.land.cover_map import by_class
from loam.sandbox.radar.backscatter import COEFFICIENTS, WAVELENGTH, backscatter, land_backscatter, water

CODES = {"PAST": 1, "FORE": 2, "AGRI": 3, "SAVA": 4, "IRRI": 5}
both = pytest.mark.parametrize("polarisation", ["vv", "vh"])


def decibel(values):
    return 10 * np.log10(values)


def test_bare_soil_is_the_published_equation():
    ks_one = WAVELENGTH / (2 * np.pi)
    cosine, cotangent = np.cos(np.radians(40)), 1 / np.tan(np.radians(40))
    assert backscatter("vv", 0.2, ks_one, 0.0, 40.0) == pytest.approx(
        10**-1.138 * cosine**1.528 * 10 ** (0.008 * cotangent * 20)
    )
    assert backscatter("vh", 0.2, ks_one, 0.0, 40.0) == pytest.approx(
        10**-2.325 * cosine**-0.01 * 10 ** (0.011 * cotangent * 20)
    )


@both
def test_it_rises_with_moisture_and_roughness_and_falls_with_the_angle(polarisation):
    moisture, angle = np.linspace(0.05, 0.4, 8), np.linspace(30, 45, 8)
    assert (np.diff(backscatter(polarisation, moisture, 1.0, 0.3, 38.0)) > 0).all()
    assert (np.diff(backscatter(polarisation, 0.2, np.linspace(0.5, 3, 8), 0.3, 38.0)) > 0).all()
    assert (np.diff(backscatter("vv", 0.2, 1.0, 0.3, angle)) < 0).all()


@both
def test_vegetation_hides_the_soil(polarisation):
    def response(descriptor):
        dry, wet = (decibel(backscatter(polarisation, moisture, 1.0, descriptor, 38.0)) for moisture in (0.1, 0.35))
        return wet - dry

    assert response(0.0) > response(0.5) > response(1.7)
    assert 2 < response(0.0) < 5


@both
def test_a_dense_canopy_is_what_the_leaves_scatter(polarisation):
    own, cosine = COEFFICIENTS[polarisation], np.cos(np.radians(38))
    assert backscatter(polarisation, 0.4, 1.0, 20.0, 38.0) == pytest.approx(own.a * 20.0 * cosine)


@pytest.mark.parametrize(
    ("name", "leaves", "vv", "vh"),
    [
        ("PAST", (0.3, 0.8), (-14.0, -9.0), (-21.0, -15.0)),
        ("FORE", (0.8, 0.95), (-9.5, -7.0), (-15.0, -12.0)),
        ("AGRI", (0.0, 0.2), (-13.0, -7.0), (-22.0, -15.0)),
    ],
)
def test_levels_are_those_of_real_land(name, leaves, vv, vh):
    """Ranges of Sentinel-1 over such land at mid swath, dB, from dry to wet and from few leaves to many."""
    moisture, green = np.meshgrid(np.linspace(0.08, 0.4, 5), np.linspace(*leaves, 5))
    cover, angle = np.full((5, 5), CODES[name]), np.full((5, 5), 38.0)
    for polarisation, (low, high) in (("vv", vv), ("vh", vh)):
        found = decibel(land_backscatter(polarisation, moisture, green, cover, CODES, angle))
        assert low < found.min() < found.max() < high


def test_off_land_is_water():
    cover, nothing = np.array([[0, 1]]), np.array([[np.nan, np.nan]])
    values = land_backscatter("vv", nothing, nothing, cover, CODES, np.array([[35.0, 40.0]]))
    assert values == pytest.approx(water("vv", np.array([[35.0, 40.0]])))
    assert decibel(values[0, 0]) == pytest.approx(-19.0)


def test_rougher_texture_is_brighter():
    one = np.ones((1, 1))
    plain, rough = (
        land_backscatter("vv", 0.2 * one, 0.2 * one, 3 * one, CODES, 38 * one, texture) for texture in (0, 0.5)
    )
    assert rough > plain


def test_classes_without_a_value_have_none():
    found = by_class(np.array([0, 2, 9]), CODES, {"FORE": 1.5})
    assert found[1] == 1.5
    assert np.isnan(found[[0, 2]]).all()
