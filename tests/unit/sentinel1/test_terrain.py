"""Terrain correction: each pixel of the map is the mean of the image's intensities inside it."""

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import map_coordinates

from loam.sentinel1.geometry import earth_fixed, image_position
from loam.sentinel1.heights import Geoid, ellipsoidal_heights
from loam.sentinel1.positions import solve_positions
from loam.sentinel1.terrain import Terrain, gather, means, net_of

METRES, SIDE, HALO, POSTS = 80.0, 12, 5, 4


@pytest.fixture(scope="module")
def piece(channel):
    points = channel.annotation.points
    middle = len(points.line) // 2
    crs = f"EPSG:{32601 + int((points.longitude[middle] + 180) // 6)}"
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(
        points.longitude[middle], points.latitude[middle]
    )
    half = SIDE / 2 * METRES
    return GeoBox((SIDE, SIDE), Affine(METRES, 0, x - half, 0, -METRES, y + half), crs)


@pytest.fixture(scope="module")
def terrain(piece):
    """A slope with waves."""
    around, posts = net_of(piece, HALO, POSTS), POSTS
    row, column = np.mgrid[0 : around.shape[0], 0 : around.shape[1]] * (METRES / posts)
    return Terrain(piece, 20 + 0.1 * column + 20 * np.sin(row / 150), HALO, posts)


@pytest.fixture(scope="module")
def positions(channel, orbit, piece, terrain):
    return solve_positions(channel.annotation, orbit, piece, (0.0, 230.0), METRES, halo=HALO)


def image(seed=1):
    return np.random.default_rng(seed).gamma(4.4, 1 / 4.4, (300, 400)).astype(np.float32)


ALL = np.ones((SIDE, SIDE), bool)


def collect(positions, terrain, values, *, wanted=ALL, parts=8, first=(0, 0)):
    return gather(positions, terrain, values, *first, (300, 400), parts, wanted)


def exact_places(channel, orbit, terrain, parts=8):
    """Line and sample of every sub-pixel's centre: heights bilinear between posts, Range-Doppler solved for each."""
    offset = (np.arange(SIDE * parts) + 0.5) / parts
    column, row = np.meshgrid(offset, offset)
    posts = [(each + terrain.halo) * terrain.posts - 0.5 for each in (row, column)]
    height = map_coordinates(terrain.heights, posts, order=1)
    x, y = terrain.geobox.transform @ (column, row)
    longitude, latitude = pyproj.Transformer.from_crs(terrain.geobox.crs.proj, "EPSG:4326", always_xy=True).transform(
        x, y
    )
    point = earth_fixed(longitude, latitude, height).reshape(-1, 3)
    line, sample, _, _ = image_position(channel.annotation, orbit, point)
    return line.reshape(row.shape), sample.reshape(row.shape)


def test_a_pixel_is_the_mean_of_its_sub_pixels_each_at_its_exact_place(channel, orbit, positions, terrain):
    values = image()
    found = collect(positions, terrain, values)
    read = map_coordinates(values.astype(float), exact_places(channel, orbit, terrain), order=1)
    expected = read.reshape(SIDE, 8, SIDE, 8).sum(axis=(1, 3))
    assert (found.count == 64).all() and not found.empty.any() and not found.holes.any()
    np.testing.assert_allclose(found.total, expected, rtol=1e-3)


def test_every_image_pixel_counts_by_the_area_of_it_that_falls_in(channel, orbit, terrain):
    """One bright pixel of 10 m is found whole on the map, in a pixel or at the border of some."""
    flat = Terrain(terrain.geobox, np.full_like(terrain.heights, 50.0), HALO, terrain.posts)
    positions = solve_positions(channel.annotation, orbit, flat.geobox, (0.0, 100.0), METRES, halo=HALO)
    values = np.zeros((300, 400), np.float32)
    values[150, 200] = 64.0
    found = collect(positions, flat, values, parts=32)
    assert found.total.sum() / 32**2 == pytest.approx(1.0, rel=0.03)  # it is not quite 10 m x 10 m
    assert (found.total > 0).sum() <= 4


def test_the_window_that_is_read_makes_no_difference(positions, terrain):
    values = image()
    whole = collect(positions, terrain, values)
    low, high, left, right = (int(value) for value in positions.bounds())
    window = values[low - 1 : high + 3, left - 1 : right + 3]
    part = collect(positions, terrain, np.ascontiguousarray(window), first=(low - 1, left - 1))
    np.testing.assert_allclose(part.total, whole.total, rtol=1e-6)
    assert (part.count == whole.count).all()


def test_negative_intensities_are_averaged_like_any_other(positions, terrain):
    values = image() - 1.0
    found = collect(positions, terrain, values)
    assert (found.total / found.count).mean() == pytest.approx(0.0, abs=0.02)
    assert (found.total < 0).sum() > 20


def test_what_has_no_intensity_is_counted_apart(positions, terrain):
    values = image()
    values[:, 200:] = np.nan
    found = collect(positions, terrain, values)
    assert (found.count + found.empty == 64).all()
    assert (found.empty == 64).sum() > 30 and (found.count == 64).sum() > 30
    full = collect(positions, terrain, image())
    np.testing.assert_allclose(found.total[found.empty == 0], full.total[found.empty == 0], rtol=0.02)


def test_a_lone_gap_is_bridged_from_its_neighbours_and_does_not_darken_the_pixel(positions, terrain):
    values = np.full((300, 400), 0.3, np.float32)
    values[::7, ::5] = np.nan
    found = collect(positions, terrain, values)
    np.testing.assert_allclose(found.total / found.count, 0.3, rtol=1e-6)


def test_pixels_beyond_the_image_have_nothing(channel, orbit, piece):
    away = GeoBox(piece.shape, piece.transform * Affine.translation(0, 20), piece.crs)
    around, posts = net_of(away, HALO, POSTS), POSTS
    terrain = Terrain(away, np.full(around.shape, 50.0), HALO, posts)
    positions = solve_positions(channel.annotation, orbit, away, (0.0, 230.0), METRES, halo=HALO)
    found = collect(positions, terrain, np.ones((300, 400), np.float32))
    inside = found.count.sum() / found.count.size / 64
    assert inside < 0.7
    assert not found.empty.any() and not found.holes.any()
    line, sample = exact_places(channel, orbit, terrain)
    held = (line > -0.5) & (line < 299.5) & (sample > -0.5) & (sample < 399.5)
    assert np.abs(found.count - held.reshape(SIDE, 8, SIDE, 8).sum(axis=(1, 3))).max() <= 1


def test_holes_of_the_elevation_model_are_counted_apart(positions, terrain):
    heights = terrain.heights.copy()
    heights[HALO * 4 : HALO * 4 + 8, HALO * 4 : HALO * 4 + 8] = np.nan  # of the first 2 x 2 pixels
    found = collect(positions, Terrain(terrain.geobox, heights, HALO, terrain.posts), image())
    assert (found.holes[:2, :2] == 64).all()
    assert not found.holes[3:, 3:].any()
    assert (found.count + found.holes == 64).all()


def test_only_the_wanted_pixels_are_computed(positions, terrain):
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[3, 4:9] = wanted[7, 0] = True
    found = collect(positions, terrain, image(), wanted=wanted)
    full = collect(positions, terrain, image())
    assert (found.count == np.where(wanted, 64, 0)).all()
    np.testing.assert_array_equal(found.total[wanted], full.total[wanted])


def test_means_of_squares_leave_missing_values_out():
    values = np.array([[1.0, 3, np.nan, np.nan], [5, 7, np.nan, 2]])
    np.testing.assert_array_equal(means(values, 2), [[4.0, 2.0]])
    assert np.isnan(means(np.full((2, 2), np.nan), 2)).all()


def test_a_geoids_undulation_is_added_linearly_between_the_places_where_it_is_asked(tmp_path):
    """A geoid that rises evenly to the north and east, under level ground: the sum is even at every post."""
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=60, width=60, count=1, dtype="float32", crs="EPSG:4326",
        transform=Affine(0.01, 0, 10.0, 0, -0.01, 45.0), nodata=-9999,
    ) as output:  # fmt: skip
        output.write(np.full((60, 60), 100.0, np.float32), 1)
    latitude, longitude = np.mgrid[46:43:-1, 9:12]
    geoid = Geoid("even", 40.0 + 3.0 * (latitude - 44) + 5.0 * (longitude - 10), 9.0, 46.0, 1.0, 1.0)
    geobox = GeoBox((53, 41), Affine(0.005, 0, 10.1, 0, -0.005, 44.9), "EPSG:4326")
    column, row = np.meshgrid(np.arange(41) + 0.5, np.arange(53) + 0.5)
    longitude, latitude = geobox.transform @ (column, row)
    expected = 140.0 + 3.0 * (latitude - 44) + 5.0 * (longitude - 10)
    np.testing.assert_allclose(ellipsoidal_heights(path, geobox, geoid), expected, atol=1e-4)
