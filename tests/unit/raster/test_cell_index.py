"""Nearest is the cell that holds the centre; bilinear weighs four and forgives few missing ones."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.cell_index import index_pixels, transformer_between

CELLS = GeoBox((4, 5), Affine(10, 0, 100, 0, -10, 200), "EPSG:28355")  # centres at 105, 115, ... and 195, 185, ...


def take(x, y, field, method, geobox=CELLS):
    index = index_pixels(geobox, np.array(x, float), np.array(y, float), None, method)
    values = np.asarray(field, np.float32)[index.rows, index.cols][None]
    pixel = np.arange(len(x))
    return index.take(values, np.zeros_like(pixel), pixel)


def test_nearest_is_the_cell_that_holds_the_pixels_centre():
    field = np.arange(20.0).reshape(4, 5)
    np.testing.assert_equal(take([101, 109, 111, 149], [199, 199, 189, 161], field, "nearest"), [0, 0, 6, 19])
    np.testing.assert_equal(take([99, 151], [180, 180], field, "nearest"), [np.nan, np.nan])


@pytest.mark.parametrize("geobox", [CELLS, GeoBox((4, 5), Affine(10, 0, 100, 0, 10, 160), "EPSG:28355")])
def test_bilinear_carries_a_plane_on(geobox):
    transform = geobox.transform
    x = transform.c + transform.a * (np.arange(5) + 0.5)
    y = transform.f + transform.e * (np.arange(4) + 0.5)
    field = 2 * x[None] - 3 * y[:, None]
    px, py = [107, 121.5, 140], [188, 181, 171]
    found = take(px, py, field, "bilinear", geobox)
    middle = [
        (np.floor((np.array(own) - first) / 0.625) + 0.5) * 0.625 + first for own, first in ((px, 105), (py, 165))
    ]
    np.testing.assert_allclose(found, 2 * middle[0] - 3 * middle[1], rtol=1e-6)
    assert np.abs(middle - np.array([px, py])).max() <= 10 / 32


def test_pixels_of_a_part_of_a_cell_read_the_same_and_no_others_do():
    x, y = (part.ravel() for part in np.meshgrid(np.arange(106, 144, 0.25), np.arange(166, 194, 0.25)))
    index = index_pixels(CELLS, x, y, None, "bilinear")
    read = np.concatenate([index.cell, index.weight], axis=1)
    same = np.unique(read, axis=0, return_inverse=True)[1].ravel()
    assert (
        len(np.unique(index.group)) == len(np.unique(same)) == len(np.unique(np.stack([same, index.group]), axis=1).T)
    )
    assert len(np.unique(same)) < len(x) / 5 and (index.group.min(), index.group.max() + 1) == (0, len(np.unique(same)))


def test_a_missing_cell_is_left_out_while_the_others_have_half_the_weight():
    field = np.full((4, 5), 7.0)
    field[1, 1] = np.nan
    found = take([106, 112, 115], [194, 187, 185], field, "bilinear")
    np.testing.assert_equal(found, [7, np.nan, np.nan])


def test_at_the_edge_of_the_cells_the_outer_ones_are_missing():
    np.testing.assert_equal(take([102, 99], [195, 195], np.full((4, 5), 7.0), "bilinear"), [7, np.nan])


def test_longitudes_of_either_convention_meet():
    cells = GeoBox((2, 4), Affine(1, 0, 178, 0, -1, 1), "EPSG:4326")
    np.testing.assert_equal(take([-179.5, 180.5], [0.5, 0.5], np.arange(8).reshape(2, 4), "nearest", cells), [2, 2])


def test_only_cells_that_are_read_are_listed():
    index = index_pixels(CELLS, np.array([101.0, 102, 131]), np.array([199.0, 198, 171]), None, "nearest")
    assert index.rows.tolist() == [0, 2] and index.cols.tolist() == [0, 3] and index.cell[:, 0].tolist() == [0, 0, 1]


def test_no_transformer_is_needed_within_a_crs():
    assert transformer_between(CELLS, CELLS) is None
    other = GeoBox((2, 2), Affine(1, 0, 147, 0, -1, -42), "EPSG:4326")
    longitude, latitude = transformer_between(CELLS, other).transform(5e5, 5.36e6)
    assert (round(longitude), round(latitude)) == (147, -42)
