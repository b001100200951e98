"""Backscatter in decibels."""

import numpy as np
import pytest

from loam.sentinel1.decibel import FLOOR, to_decibel


def test_decibels_of_powers_of_ten():
    np.testing.assert_allclose(to_decibel(np.array([1.0, 0.1, 10.0, 0.05])), [0, -10, 10, -13.0103], atol=1e-4)


def test_negative_and_zero_backscatter_becomes_the_floor():
    assert to_decibel(np.array([-0.3, 0.0, 1e-9])).tolist() == [10 * np.log10(FLOOR)] * 3
    assert to_decibel(np.array([-0.3]), floor=1e-3).tolist() == pytest.approx([-30.0])


def test_missing_backscatter_stays_missing_and_the_dtype_is_kept():
    found = to_decibel(np.array([np.nan, 0.1], np.float32))
    assert np.isnan(found[0])
    assert found.dtype == np.float32


@pytest.mark.parametrize("floor", [0.0, -1.0, np.nan])
def test_a_floor_that_has_no_logarithm_is_refused(floor):
    with pytest.raises(ValueError, match="positive"):
        to_decibel(np.array([0.1]), floor)
