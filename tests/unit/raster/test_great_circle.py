"""Distances on the globe."""

import numpy as np
import pytest

from loam.raster.great_circle import distances


def test_distances_are_those_of_the_globe():
    degree = 2 * np.pi * 6371.0088 / 360  # of latitude, or of longitude on the equator, km
    assert distances(-40.0, 146.0, np.array([-40.0, -41.0]), np.array([146.0, 146.0])) == pytest.approx([0, degree])
    assert distances(0.0, 179.5, np.array([0.0]), np.array([-179.5])) == pytest.approx([degree])
    assert distances(60.0, 10.0, np.array([60.0]), np.array([11.0])) == pytest.approx([degree / 2], rel=1e-4)


def test_the_far_side_of_the_globe_is_half_its_girth_away():
    assert distances(30.0, 0.1, -30.0, -179.9) == pytest.approx(np.pi * 6371.0088)
