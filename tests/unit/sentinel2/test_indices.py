import numpy as np
import pytest

from loam.sentinel2.indices import normalised_difference, reflectance
from loam.sentinel2.tile_pass import Band, baseline_of, crs_of_tile

BEFORE, AFTER = Band("", 1e-4, 0.0), Band("", 1e-4, -0.1)


def test_the_same_surface_has_the_same_reflectance_before_and_after_baseline_04_00():
    numbers = np.array([1, 500, 3000], np.uint16)
    assert reflectance(numbers, BEFORE) == pytest.approx(reflectance(numbers + 1000, AFTER), abs=1e-7)
    assert reflectance(numbers, BEFORE) == pytest.approx([1e-4, 0.05, 0.3], abs=1e-7)


def test_no_data_and_saturated_numbers_are_missing():
    assert np.isnan(reflectance(np.array([0, 65535, 65534, 1], np.uint16), AFTER)).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_signed_numbers_have_their_own_no_data():
    numbers = np.array([-999, 0, 500], np.int16)
    assert np.isnan(reflectance(numbers, Band("", 1e-4, 0.0, -999))).tolist() == [True, False, False]


def test_missing_floats_stay_missing():
    assert np.isnan(reflectance(np.array([np.nan, np.inf, 0.3], np.float32), Band("", 1, 0))).tolist() == [
        True,
        True,
        False,
    ]


def test_the_index_is_the_difference_over_the_sum():
    near, red = np.float32([0.3, 0.2, 0.1]), np.float32([0.05, 0.2, 0.3])
    assert normalised_difference(near, red) == pytest.approx([0.25 / 0.35, 0, -0.5], abs=1e-6)


def test_reflectance_of_zero_or_below_makes_no_index():
    near, red = np.float32([0.3, -0.01, 0.3, 0, 0.3]), np.float32([-0.01, 0.3, 0, 0.3, 0.05])
    assert np.isnan(normalised_difference(near, red)).tolist() == [True, True, True, True, False]


def test_dark_ground_after_baseline_04_00_has_no_ndvi_of_one():
    near, red = (
        reflectance(np.array([3000, 3000], np.uint16), AFTER),
        reflectance(np.array([990, 1500], np.uint16), AFTER),
    )
    assert normalised_difference(near, red) == pytest.approx([np.nan, 0.15 / 0.25], abs=1e-6, nan_ok=True)


def test_an_index_of_two_dark_bands_is_missing():
    dark = np.float32([0, -0.01, np.nan, 0.1])
    assert np.isnan(normalised_difference(dark, np.float32([0, -0.02, 0.1, np.nan]))).all()


def test_indices_stay_between_minus_one_and_one():
    rng = np.random.default_rng(0)
    values = normalised_difference(*rng.normal(0.05, 0.1, (2, 10_000)).astype(np.float32))
    assert np.nanmin(values) >= -1 and np.nanmax(values) <= 1


@pytest.mark.parametrize(("tile", "crs"), [("29RKH", "EPSG:32629"), ("55GEN", "EPSG:32755"), ("01CCV", "EPSG:32701")])
def test_a_tile_names_its_zone(tile, crs):
    assert crs_of_tile(tile) == crs


def test_baselines_compare_as_numbers():
    assert baseline_of("02.14") < baseline_of("04.00") < baseline_of("05.09") < baseline_of("05.10")
