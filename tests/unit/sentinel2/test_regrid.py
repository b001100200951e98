import numpy as np
import pytest
from affine import Affine
from shapely import Polygon, area, box, intersection

from loam.sentinel2.regrid import area_means

SHAPE = (12, 15)


def corners(transform: Affine, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a grid's pixels in columns and rows of the tile, for a grid placed by ``transform``."""
    columns, rows = np.meshgrid(np.arange(shape[1] + 1.0), np.arange(shape[0] + 1.0))
    return transform @ (columns, rows)


def by_brute_force(values, valid, columns, rows):
    """Every grid pixel cut with every tile pixel, by a geometry library."""
    row, column = np.indices(valid.shape)
    squares = box(column, row, column + 1, row + 1)
    shape = (columns.shape[0] - 1, columns.shape[1] - 1)
    means, share = np.full((len(values), *shape), np.nan), np.zeros(shape)
    for i, j in np.ndindex(*shape):
        at = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
        pixel = Polygon([(columns[place], rows[place]) for place in at])
        weight = area(intersection(squares, pixel)) * valid
        share[i, j] = weight.sum() / pixel.area
        if weight.sum():
            means[:, i, j] = np.nansum(values * weight, axis=(1, 2)) / weight.sum()
    return means, share


PLACES = {
    "on the pixels": Affine(4, 0, 1, 0, 4, 2),
    "between the pixels": Affine(3.7, 0, 0.3, 0, 3.7, 0.6),
    "turned, as another zone is": Affine.translation(1.2, 1.4) @ Affine.rotation(3) @ Affine.scale(2.6, 2.4),
    "turned far": Affine.translation(6, -1) @ Affine.rotation(40) @ Affine.scale(2.2, 2.2),
    "skewed": Affine.translation(1, 1) @ Affine.shear(8, 4) @ Affine.scale(2, 3),
    "upside down": Affine(3, 0, 0.5, 0, -2.5, 11.5),
    "finer than the tile": Affine(0.4, 0, 0.15, 0, 0.4, 0.2),
    "beyond its edges": Affine(5, 0, -7, 0, 5, -6),
    "one pixel around all of it": Affine(40, 0, -10, 0, 40, -10),
}


@pytest.mark.parametrize("place", PLACES)
def test_weights_are_the_areas_of_intersection(place):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, *SHAPE)).astype(np.float32)
    valid = rng.random(SHAPE) < 0.7
    values[:, ~valid] = np.nan
    columns, rows = corners(PLACES[place], (4, 5))
    means, share = area_means(values, valid, columns, rows)
    expected_means, expected_share = by_brute_force(values, valid, columns, rows)
    assert share == pytest.approx(expected_share, abs=1e-6)
    assert (np.isnan(means) == np.isnan(expected_means)).all()
    assert np.nanmax(np.abs(means - expected_means)) < 1e-5


def test_a_constant_stays_constant_whatever_is_masked():
    rng = np.random.default_rng(1)
    columns, rows = corners(PLACES["turned, as another zone is"], (4, 5))
    means, share = area_means(np.full((1, *SHAPE), 0.3, np.float32), rng.random(SHAPE) < 0.3, columns, rows)
    assert means[0][share > 0] == pytest.approx(0.3, abs=1e-6)


def test_nothing_valid_gives_no_mean_and_no_share():
    columns, rows = corners(PLACES["on the pixels"], (2, 2))
    means, share = area_means(np.full((1, *SHAPE), np.nan, np.float32), np.zeros(SHAPE, bool), columns, rows)
    assert np.isnan(means).all()
    assert (share == 0).all()


def test_a_pixel_half_outside_the_tile_has_half_a_share():
    columns, rows = corners(Affine(4, 0, -2, 0, 4, 3), (1, 1))
    _, share = area_means(np.ones((1, *SHAPE), np.float32), np.ones(SHAPE, bool), columns, rows)
    assert share.tolist() == [[0.5]]


def test_no_area_is_lost_or_counted_twice():
    values, valid = np.ones((1, *SHAPE), np.float32), np.ones(SHAPE, bool)
    around = Affine.translation(7, -14) @ Affine.rotation(30) @ Affine.scale(1.7, 1.7)
    columns, rows = corners(around, (30, 30))
    _, share = area_means(values, valid, columns, rows)
    assert share.sum() * 1.7**2 == pytest.approx(SHAPE[0] * SHAPE[1], rel=1e-6)


def test_a_corner_without_a_place_makes_its_pixels_empty():
    columns, rows = corners(PLACES["on the pixels"], (2, 2))
    columns[0, 0] = np.inf
    _, share = area_means(np.ones((1, *SHAPE), np.float32), np.ones(SHAPE, bool), columns, rows)
    assert (share == [[0, 1], [1, 1]]).all()
