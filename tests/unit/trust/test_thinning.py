"""Stations alike, no more rows than are asked for, and the same ones again."""

import numpy as np
import pytest

from loam.trust.thinning import thin_rows

STATIONS = np.repeat(["a", "b", "c", "d"], [1000, 10, 300, 40])


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (200, [75, 10, 75, 40]),
        (40, [10, 10, 10, 10]),
        (52, [14, 10, 14, 14]),
        (10_000, [1000, 10, 300, 40]),
        (1350, [1000, 10, 300, 40]),
        (500, [225, 10, 225, 40]),
    ],
)
def test_every_station_keeps_as_many_rows_or_all_that_it_has(most, expected):
    kept = thin_rows(STATIONS, most, 1)
    assert np.unique(STATIONS[kept], return_counts=True)[1].tolist() == expected
    assert (np.diff(kept) > 0).all() and len(kept) <= most


def test_more_stations_than_rows_are_drawn_among():
    kept = thin_rows(np.repeat(np.arange(50), 3), 20, 1)
    assert len(kept) == 20 and len(np.unique(kept // 3)) == 20


def test_the_seed_decides():
    assert np.array_equal(thin_rows(STATIONS, 100, 5), thin_rows(STATIONS, 100, 5))
    assert not np.array_equal(thin_rows(STATIONS, 100, 5), thin_rows(STATIONS, 100, 6))
    assert len(thin_rows([], 100, 5)) == 0
