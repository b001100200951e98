"""A coarse cell is the mean of its pixels, each weighted with its area in the cell."""

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.grid import Tile, project
from loam.sandbox.instruments.cell_means import cells_of_region, overlaps_of
from loam.sandbox.instruments.coarse_moisture import ease_grid

CORNER = (540_000.0, 5_360_000.0)
CRS = "EPSG:28355"
PIXELS = GeoBox((225, 225), Affine(80, 0, CORNER[0], 0, -80, CORNER[1]), CRS)
NINE_KM = GeoBox((2, 2), Affine(9000, 0, CORNER[0], 0, -9000, CORNER[1]), CRS)  # 112.5 pixels a side
WHOLE = Tile(0, 0, 225, 225)


def near_cells():
    """The cells of the EASE-Grid over the pixels."""
    return cells_of_region(ease_grid(), PIXELS)[0]


@pytest.fixture
def values():
    return np.random.default_rng(3).uniform(0.1, 0.5, (225, 225))


def halves(values):
    """The four means of 112.5 x 112.5 pixels, by pixels cut into quarters."""
    fine = np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)
    return fine.reshape(2, 225, 2, 225).mean(axis=(1, 3))


def test_a_cell_of_nine_kilometres_takes_half_of_the_pixels_on_its_border(values):
    np.testing.assert_allclose(overlaps_of(PIXELS, WHOLE, NINE_KM).means(values), halves(values), rtol=0, atol=2e-8)


def test_every_pixels_area_is_shared_out_among_the_cells():
    overlaps = overlaps_of(PIXELS, WHOLE, NINE_KM)
    shared = np.bincount(overlaps.pixel, overlaps.area, 225 * 225)
    np.testing.assert_allclose(shared, (80 / 9000) ** 2, rtol=1e-5)
    assert len(overlaps.pixel) == 226 * 226  # those on the two inner borders count twice, that on the cross four times


def test_cells_askew_to_the_pixels_agree_with_a_count_of_many_points(values):
    cells, part = ease_grid(), 6
    x, y = np.meshgrid((np.arange(225 * part) + 0.5) / part, (np.arange(225 * part) + 0.5) / part)
    points = np.repeat(np.repeat(values, part, axis=0), part, axis=1).ravel()
    across, down = ~cells.transform @ project(*(PIXELS.transform @ (x.ravel(), y.ravel())), CRS, "EPSG:6933")
    rows, cols = np.floor(down).astype(int), np.floor(across).astype(int)
    near = cells[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    cell = (rows - rows.min()) * near.shape[1] + cols - cols.min()
    counted = np.bincount(cell, points, near.shape[0] * near.shape[1]) / np.bincount(cell)
    means = overlaps_of(PIXELS, WHOLE, near).means(values).ravel()
    many = np.bincount(cell) > 50_000  # a sliver of a cell holds too few points
    assert many.sum() >= 3
    np.testing.assert_allclose(means[many], counted[many], atol=5e-5)


@pytest.mark.parametrize("largest", [1.0, 512.0])
@pytest.mark.parametrize("cells", [NINE_KM, near_cells()])
def test_sums_of_blocks_add_up_to_those_of_the_whole_bit_for_bit(values, cells, largest):
    values = (values - 0.2) * largest
    blocks = [Tile(0, 0, 100, 225), Tile(100, 0, 125, 90), Tile(100, 90, 125, 135)]
    whole, totals = np.stack(overlaps_of(PIXELS, WHOLE, cells).sums(values, largest)), {}
    for name, order in (("forth", blocks), ("back", blocks[::-1])):
        totals[name] = np.zeros_like(whole)
        for tile in order:
            part = values[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width]
            totals[name] += np.stack(overlaps_of(PIXELS, tile, cells).sums(part, largest))
    assert (totals["forth"] == whole).all() and (totals["back"] == whole).all()
    assert (whole[1] > 0).sum() >= 4


def test_missing_pixels_take_no_part(values):
    holes = values.copy()
    holes[:, ::2] = np.nan
    filled = np.where(np.isnan(holes), np.nanmean(holes), holes)
    means = overlaps_of(PIXELS, WHOLE, NINE_KM).means(holes)
    assert np.isfinite(means).all() and not np.allclose(means, overlaps_of(PIXELS, WHOLE, NINE_KM).means(filled))
    assert np.isnan(overlaps_of(PIXELS, WHOLE, NINE_KM).means(np.full_like(values, np.nan))).all()
