"""A code for missing values stands apart from all others; a value like any other does not."""

import numpy as np
import pytest

from loam.codes import Codes

HEIGHTS = np.linspace(0, 900, 200, dtype=np.float32)


def codes_in(*blocks) -> list[float]:
    codes = Codes()
    for number, block in enumerate(blocks):
        codes.see(np.asarray(block), number)
    return [float(code.value) for code in codes.found()]


@pytest.mark.parametrize("code", [-999, -9999, 9999, 7999, -99.9, -127, 65535, 1e20, 9.96921e36, -32768])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_code_among_other_values_is_found_in_either_precision(code, kind):
    values = HEIGHTS.astype(kind)
    values[7:9] = code
    assert codes_in(values) == [pytest.approx(code)]


@pytest.mark.parametrize("value", [99, 255, 127, 999, -12.5, 850.3])
def test_a_value_among_others_is_none(value):
    assert codes_in(np.append(HEIGHTS, np.float32(value))) == []


def test_a_wet_day_of_99_millimetres_in_a_dry_year_is_rain():
    assert codes_in(np.append(np.linspace(0, 8, 60), 99.0)) == []
    assert codes_in(np.append(np.linspace(0, 8, 60), 127.0)) == []


def test_a_thermometer_that_is_not_there_is_told_from_frost():
    assert codes_in(np.append(np.linspace(-20, 31, 400), -127.0)) == [-127.0]


def test_land_below_the_sea_may_lie_at_99_metres():
    assert codes_in(np.linspace(-150, 900, 500)) == []
    assert codes_in(np.append(np.linspace(-98, 900, 500), -99.0)) == []


def test_a_code_fills_one_block_and_the_values_are_in_others():
    assert codes_in(np.full((4, 4), -127.0), HEIGHTS) == [-127.0]
    assert codes_in(HEIGHTS, np.full((4, 4), -127.0)) == [-127.0]


def test_the_first_place_and_the_number_of_a_code_are_told():
    codes = Codes()
    block = np.full((3, 4), 0.25, np.float32) + np.arange(12, dtype=np.float32).reshape(3, 4) / 100
    codes.see(block, "first")
    block[1, 2:] = 65535
    codes.see(block, "second")
    (found,) = codes.found()
    assert (found.first, found.place, found.count) == ("second", (1, 2), 2)


def test_two_stations_tell_a_code_that_nothing_else_writes_so():
    assert codes_in([30.0, 41.0, -999.0]) == [-999.0]
    assert codes_in([0.2, 0.3, 65535.0]) == [65535.0]
    assert codes_in([5.0, 12.0, 999.0]) == []  # a station at 999 m


def test_a_column_that_holds_nothing_but_a_code():
    assert codes_in(np.full(5, -999.0)) == [-999.0]
    assert codes_in(np.full(5, 99.0)) == []


def test_missing_values_and_nothing_at_all_are_no_codes():
    assert codes_in(np.full(5, np.nan), np.zeros(0), HEIGHTS) == []
