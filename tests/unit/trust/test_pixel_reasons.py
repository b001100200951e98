"""Reasons are found where features tell them, and the gravest decides."""

import numpy as np
import pytest

from loam.covariates.features import feature_set
from loam.trust.pixel_reasons import (
    INPUTS,
    PLACE,
    Place,
    bits_of_index,
    bits_of_result,
    classify,
    names_of,
    slope_of,
)

FEATURES = {
    "static": ["elevation", "soc_1", "soc_4"],
    "daily": [{"name": "tmin", "lags": [0, 1]}, {"name": "tmax", "lags": [0, 0]}],
    "classes": [{"name": "landcover", "values": ["PAST", "WATER"]}],
    "day_of_year": False,
    "sequence": {"variables": ["sm_surface"], "lags": [0, 1]},
}
SET = feature_set(FEATURES)  # elevation, soc_1, soc_4, tmin_0, tmin_1, tmax_0, PAST, WATER; two steps
PLAIN = [100.0, 3, 1, 5, 5, 15, 1, 0]
LOWEST = np.array([0.0, 1, 1, -5, -5, 2, 0, 0, 0.1, 0.1])


def place_bits(*rows, features=SET, lowest=LOWEST, resolution=80.0):
    static = np.array(rows, np.float32)
    return Place(features, lowest, resolution).bits(static, np.arange(len(rows)), (1, len(rows)))


def changed(**columns):
    row = list(PLAIN)
    for name, value in columns.items():
        row[SET.columns.index(name)] = value
    return row


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"soc_4": 12}, "organic_soil"), ({"soc_1": 30}, "organic_soil"), ({"tmin_0": -6, "tmax_0": 6}, "frozen"),
        ({"landcover_WATER": 0.5}, "open_water"),
    ],
)  # fmt: skip
def test_each_reason_is_found_by_its_feature_and_no_other(columns, reason):
    plain, found = place_bits(PLAIN), place_bits(changed(**columns))
    assert names_of(plain[0], PLACE) == [] and names_of(found[0], PLACE) == [reason]


@pytest.mark.parametrize("columns", [{"soc_1": 11.9}, {"tmin_0": -5.9, "tmax_0": 6}, {"tmin_1": -20},
                                     {"landcover_WATER": 0.49}])  # fmt: skip
def test_below_a_limit_there_is_no_reason(columns):
    assert place_bits(changed(**columns))[0] == 0


def test_temperatures_in_kelvin_are_told_by_the_training_data():
    kelvin = LOWEST + np.where(np.isin(SET.columns, ["tmin_0", "tmin_1", "tmax_0"]), 273.15, 0)
    frost, mild = changed(tmin_0=268.0, tmax_0=275.0), changed(tmin_0=275.0, tmax_0=285.0)
    assert [names_of(bits, PLACE) for bits in place_bits(frost, mild, lowest=kelvin)] == [["frozen"], []]


def test_a_reason_that_no_feature_tells_is_never_given_and_is_named_as_unknown():
    bare = feature_set({**FEATURES, "static": ["clay"], "daily": [], "classes": []})
    place = Place(bare, np.zeros(3), 80.0)
    assert place.known == [] and place.bits(np.full((2, 1), 99.0), np.arange(2), (1, 2)).tolist() == [0, 0]
    assert Place(SET, LOWEST, 80.0).known == ["organic_soil", "frozen", "open_water", "steep"]


def test_slopes_are_those_of_a_plane_also_at_edges_and_beside_gaps():
    row, col = np.indices((5, 6))
    heights = (80 * np.tan(np.radians(20)) * (0.6 * row + 0.8 * col)).ravel()  # 20 degrees
    np.testing.assert_allclose(slope_of(heights, np.arange(30), (5, 6), 80.0), 20)
    kept = np.delete(np.arange(30), [0, 14])
    np.testing.assert_allclose(slope_of(heights[kept], kept, (5, 6), 80.0), 20)
    assert slope_of(np.array([7.0]), np.array([4]), (3, 3), 80.0) == [0]
    assert np.isclose(slope_of(np.array([0.0, 80, 0]), np.arange(3), (1, 3), 80.0), [45, 0, 45]).all()


def test_steep_ground_is_a_reason_by_its_elevation_or_by_its_own_feature():
    hill = place_bits(*(changed(elevation=height) for height in (0, 5, 10, 60, 110)))
    assert [names_of(bits, PLACE) for bits in hill] == [[], [], ["steep"], ["steep"], ["steep"]]
    with_slope = feature_set({**FEATURES, "static": ["slope"], "daily": [], "classes": []})
    assert [names_of(bits, PLACE) for bits in Place(with_slope, np.zeros(3)).bits(
        np.array([[14.9], [15.0]]), np.arange(2), (1, 2))] == [[], ["steep"]]  # fmt: skip


def test_the_index_tells_the_rim_and_the_outside_of_the_area():
    found = bits_of_index(np.array([0.2, 0.6, 1.2]), 0.5, 1.0)
    assert [names_of(bits, INPUTS) for bits in found] == [[], ["rim_of_area"], ["outside_area"]]
    assert bits_of_index(np.array([0.2, 9.0]), np.nan, np.nan).tolist() == [0, 0]


def test_the_result_tells_wide_intervals_spread_and_bounds():
    spread = np.array([[0.01, 0.02], [0.01, 0.1], [0.01, np.nan]])
    bounded = np.array([False, False, True])
    told = [names_of(bits, PLACE) for bits in bits_of_result(np.array([0.1, np.nan]), spread, bounded)]
    assert told == [[], ["wide_interval"], ["bounded"]]
    assert (bits_of_result(np.array([0.1, 0.16]), spread, bounded) & PLACE["wide_interval"].bit > 0).all()


def test_the_gravest_reason_decides():
    inputs = np.array([0, 1, 1 | 4, 16, 32, 64, 0, 0, 8], np.uint8)
    place = np.array([0, 0, 0, 0, 0, 0, 16, 8 | 1, 8], np.uint8)
    assert classify(inputs, place).tolist() == [0, 1, 2, 2, 3, 3, 1, 3, 1]
    assert max(classify(np.arange(128, dtype=np.uint8), np.zeros(128, np.uint8))) == 3


def test_no_sum_of_bits_is_the_value_of_a_missing_pixel():
    for reasons in (INPUTS, PLACE):
        bits = [reason.bit for reason in reasons.values()]
        assert len(set(bits)) == len(bits) and sum(bits) < 255 and all(bit & (bit - 1) == 0 for bit in bits)
