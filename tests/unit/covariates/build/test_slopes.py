"""Slope, aspect and wetness of surfaces whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.covariates.build import flow
from loam.covariates.build.flow import Scratch, accumulate, wetness
from loam.covariates.build.slopes import close_holes, pixel_sizes, slope_and_aspect
from loam.raster.grid import Tile


def plane(east: float, north: float, side: float = 10.0, shape=(12, 15)) -> np.ndarray:
    """Heights that rise by ``east`` and ``north`` m a metre."""
    row, col = np.mgrid[: shape[0], : shape[1]]
    return (100 + side * (east * col - north * row)).astype(np.float32)


@pytest.mark.parametrize(
    ("east", "north", "cosine", "sine"),
    [(0.1, 0, 0, -1), (-0.1, 0, 0, 1), (0, 0.1, -1, 0), (0.2, -0.2, 0.5**0.5, -(0.5**0.5))],
)
def test_a_plane_has_its_own_slope_and_faces_downhill(east, north, cosine, sine):
    slope, cos, sin = slope_and_aspect(plane(east, north), np.full((10, 13), 10.0), np.full((10, 13), 10.0))
    np.testing.assert_allclose(slope, np.degrees(np.arctan(np.hypot(east, north))), rtol=1e-4)
    np.testing.assert_allclose(cos, cosine, atol=1e-4)
    np.testing.assert_allclose(sin, sine, atol=1e-4)


def test_flat_ground_has_no_aspect():
    assert all(
        (part == 0).all() for part in slope_and_aspect(plane(0, 0), np.full((10, 13), 5.0), np.full((10, 13), 5.0))
    )


def test_a_missing_neighbour_leaves_a_slope_and_a_missing_pixel_none():
    heights = plane(0.1, 0)
    heights[5, 5] = np.nan
    slope, cosine, _ = slope_and_aspect(heights, np.full((10, 13), 10.0), np.full((10, 13), 10.0))
    assert np.isnan(slope[4, 4]) and np.isnan(cosine[4, 4])
    assert np.isnan(slope).sum() == 1


@pytest.mark.parametrize(
    ("crs", "transform", "expected"),
    [
        ("EPSG:28355", Affine(80, 0, 5e5, 0, -80, 5.36e6), (80.03, 80.03)),  # metres, scale 0.9996 on the middle line
        ("EPSG:2274", Affine(100, 0, 1.9e6, 0, -100, 7e5), (30.48, 30.48)),  # US survey feet
        ("EPSG:4326", Affine(0.001, 0, 147, 0, -0.001, -42), (82.81, 111.07)),  # degrees
        ("EPSG:3857", Affine(80, 0, 1.63e7, 0, -80, -5.16e6), (59.5, 59.4)),  # Mercator stretches
    ],
)
def test_pixels_are_measured_in_metres_whatever_the_crs(crs, transform, expected):
    width, height = pixel_sizes(GeoBox((64, 64), transform, crs), Tile(0, 0, 32, 32))
    assert width.shape == (32, 32)
    np.testing.assert_allclose((width.mean(), height.mean()), expected, rtol=3e-3)


def test_pixel_sizes_follow_the_latitude_within_a_tile():
    geobox = GeoBox((512, 64), Affine(0.001, 0, 147, 0, -0.001, -42), "EPSG:4326")
    width, _ = pixel_sizes(geobox, Tile(0, 0, 512, 64))
    latitude = np.radians(42 + 0.001 * (np.arange(512) + 0.5))
    radius = 6378137.0 / np.sqrt(1 - 0.00669438 * np.sin(latitude) ** 2)
    np.testing.assert_allclose(width[:, 0], np.radians(0.001) * radius * np.cos(latitude), rtol=3e-5)


def test_a_small_hole_continues_its_rim_and_a_large_one_stays():
    heights = plane(0.1, -0.3, shape=(30, 40))
    given = heights.copy()
    heights[5:7, 5:9], heights[20, 3], heights[10:25, 20:35] = np.nan, np.nan, np.nan
    filled, left = close_holes(heights, 20, np.empty(heights.shape, np.int32))
    assert (filled, left) == (9, 225)
    np.testing.assert_allclose(heights[5:7, 5:9], given[5:7, 5:9], rtol=1e-6)
    assert np.isnan(heights[10:25, 20:35]).all()


def test_the_sea_around_an_island_is_no_hole():
    heights = np.full((20, 20), np.nan, np.float32)
    heights[5:15, 5:15] = 10
    assert close_holes(heights, 1000, np.empty(heights.shape, np.int32)) == (0, 0)
    assert np.isnan(heights[0]).all()


def drained(heights: np.ndarray, side: float = 10.0) -> np.ndarray:
    sides = np.full(len(heights), side)
    return accumulate(heights.astype(np.float32), sides, sides, Scratch(heights.size, None))


def test_on_a_plane_the_area_grows_with_the_distance_from_the_divide():
    area = drained(plane(0.1, 0, shape=(200, 30)))
    np.testing.assert_allclose(area[100, ::-1], 100 * np.arange(1, 31), rtol=1e-4)


def test_all_water_of_a_bowl_leaves_by_its_spout():
    row, col = np.mgrid[:41, :41]
    heights = np.hypot(row - 20, col - 20) * 2.0
    heights[:, 0], heights[:, -1], heights[0], heights[-1] = 99, 99, 99, 99
    heights[20, 0] = 1.0
    for place in range(1, 20):
        heights[20, place] = min(heights[20, place], 1.0 + 0.01 * place)
    area = drained(heights)
    assert area[20, 0] > 39 * 39 * 100 * 0.98


def test_a_pit_is_filled_and_passes_its_water_on():
    heights = plane(0.1, 0, shape=(60, 40))
    heights[28:33, 18:23] -= 50
    area = drained(heights)
    assert area[25:36, 10].sum() == pytest.approx(100 * 30 * 11, rel=0.1)


def test_water_runs_into_the_sea():
    heights = plane(0.1, 0, shape=(100, 40))
    heights[:, :10] = np.nan
    area = drained(heights)
    assert np.isnan(area[:, :10]).all()
    assert area[50, 10] == pytest.approx(100 * 30, rel=1e-3)


def test_accumulation_is_the_same_from_files(monkeypatch, tmp_path):
    rng = np.random.default_rng(3)
    heights = rng.normal(0, 1, (50, 60)).cumsum(axis=0).cumsum(axis=1)
    in_memory = drained(heights)
    monkeypatch.setattr(flow, "ON_DISK", 10)
    scratch = Scratch(heights.size, tmp_path / "static.zarr")
    from_files = np.array(accumulate(heights.astype(np.float32), np.full(50, 10.0), np.full(50, 10.0), scratch))
    assert list(tmp_path.iterdir())
    scratch.close()
    assert np.array_equal(in_memory, from_files) and not list(tmp_path.iterdir())


def test_wetness_is_the_logarithm_of_area_a_width_over_the_tangent():
    found = wetness(np.array([64_000.0, 6400.0]), np.array([45.0, 0.0]), np.array([80.0, 80.0]), np.array([80.0, 80.0]))
    np.testing.assert_allclose(found, [np.log(800), np.log(80 / flow.LEAST_SLOPE)], rtol=1e-6)
