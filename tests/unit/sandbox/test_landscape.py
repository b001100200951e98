"""The made-up landscape: soils and land cover hang together the way they do in the field."""

import numpy as np
import pytest

from loam.sandbox.landscape import LANDCOVER, Character, draw_landscape, smooth_field, spectral_field


@pytest.fixture(scope="module")
def landscape():
    return draw_landscape(np.random.default_rng(3), 150, Character())


def test_relief_is_rougher_the_flatter_its_spectrum():
    def roughness(exponent):
        field = spectral_field(np.random.default_rng(0), (128, 128), exponent)
        assert field.mean() == pytest.approx(0, abs=1e-9)
        assert field.std() == pytest.approx(1)
        return np.abs(np.diff(field, axis=0)).mean()

    assert roughness(4.0) < roughness(3.0) < roughness(2.0)


def test_a_smooth_field_is_alike_within_its_length_and_not_beyond():
    fields = [smooth_field(np.random.default_rng(seed), (200, 200), 800.0) for seed in range(5)]

    def correlation(pixels):
        return np.mean([np.corrcoef(field[:, :-pixels].ravel(), field[:, pixels:].ravel())[0, 1] for field in fields])

    assert correlation(2) > 0.9
    assert abs(correlation(60)) < 0.25


def test_soil_follows_relief_and_depth(landscape):
    soil = landscape.complete
    assert (np.diff(landscape.soc[:, soil].mean(axis=1)) < 0).all()  # carbon falls with depth
    assert landscape.clay[3, soil].mean() > landscape.clay[0, soil].mean() + 5  # clay rises
    height = landscape.elevation[soil]
    forest = landscape.landcover[soil] == LANDCOVER["FORE"]
    irrigated = landscape.landcover[soil] == LANDCOVER["IRRI"]
    assert height[forest].mean() > height[irrigated].mean() + 50


def test_values_are_those_of_real_soils(landscape):
    soil = landscape.complete
    for field, low, high in ((landscape.clay, 3, 75), (landscape.soc, 0.1, 25), (landscape.awc, 3, 35)):
        assert (field[:, soil] >= low).all()
        assert (field[:, soil] <= high).all()
        assert np.isnan(field[:, ~soil]).all()
    assert {*np.unique(landscape.landcover[soil])} == {*LANDCOVER.values()}


def test_a_domains_character_moves_its_soils():
    same, other = (
        draw_landscape(np.random.default_rng(3), 60, character)
        for character in (Character(), Character(clay=-8.0, carbon=0.5, height=2.0))
    )
    assert np.nanmean(other.clay - same.clay) == pytest.approx(-8, abs=3)
    assert np.nanmean(other.soc) < 0.8 * np.nanmean(same.soc)
    assert np.nanmean(other.elevation) > 1.7 * np.nanmean(same.elevation)
