"""Published maps: the truth at the resolution of the real ones, with errors of known size."""

import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_erosion

from loam.errors import ConfigError
from loam.raster.grid import Tile
from loam.sandbox.instruments import static_maps
from loam.sandbox.instruments.static_maps import ERRORS, LAKE, WRONG_SHARE, published, published_at, published_relief
from loam.sandbox.world import World
from loam.sandbox.world_settings import WorldSettings

SETTINGS = WorldSettings(seed=5, rows=150, columns=150)
WHOLE = Tile(0, 0, 150, 150)


@pytest.fixture(scope="module")
def world():
    return World(SETTINGS)


@pytest.fixture(scope="module")
def truth(world):
    return world.static(WHOLE)


@pytest.mark.parametrize("name", ["clay", "awc", "bulk_density"])
def test_soil_has_errors_of_the_stated_size_in_every_band(world, truth, name):
    error = published(world, name, "soil", world.geobox) - truth[name]
    stated = np.hypot(ERRORS[name].smooth, ERRORS[name].own)
    for band in error:
        assert 0.3 * stated < np.nanstd(band) < 2.5 * stated


def test_without_errors_a_published_map_is_the_mean_of_the_pixels_that_it_overlaps(world, truth, monkeypatch):
    monkeypatch.setitem(ERRORS, "elevation", static_maps.Error(0.0, 0.0, 1000.0, (-500, 9000)))
    monkeypatch.setitem(static_maps.SIZES, "terrain", 80.0)
    np.testing.assert_allclose(published(world, "elevation", "terrain", world.geobox)[0], truth["elevation"], rtol=1e-6)
    monkeypatch.setitem(static_maps.SIZES, "terrain", 160.0)
    coarse = published(world, "elevation", "terrain", world.geobox)[0]
    np.testing.assert_array_equal(coarse[::2, ::2], coarse[1::2, 1::2])  # one published pixel for four of the run


def test_elevation_is_missing_in_the_sea_and_soil_in_the_lake_too(world, truth):
    sea = truth["water"] == 2
    deep = binary_erosion(sea, np.ones((3, 3)))  # away from published pixels that reach over the shore
    elevation = published(world, "elevation", "terrain", world.geobox)[0]
    assert deep.any() and np.isnan(elevation[deep]).all()
    assert np.isfinite(elevation[~sea]).all()
    assert np.isfinite(published(world, "soc", "soil", world.geobox)[:, truth["water"] == 0]).mean() > 0.999


def beyond(world, pixels, parts):
    """The world's grid with some pixels around, each parted."""
    return world.geobox.pad(pixels).zoom_out(1 / parts)


def test_the_relief_is_the_surface_that_the_radar_sees_and_the_sea_is_level(world, truth, monkeypatch):
    monkeypatch.setitem(ERRORS, "elevation", static_maps.Error(0.0, 0.0, 1000.0, (-500, 9000)))
    relief = published_relief(world, beyond(world, 10, 3))
    assert relief.shape == (510, 510) and np.isfinite(relief).all()
    inside = relief[30:-30, 30:-30]
    heights = np.nan_to_num(truth["elevation"])
    np.testing.assert_allclose(inside[1::3, 1::3][1:-1, 1:-1], heights[1:-1, 1:-1], atol=10)  # the pixels' middles
    assert np.abs(inside[1::3, 1::3] - heights)[1:-1, 1:-1].mean() < 1.0
    deep = binary_erosion(np.isnan(truth["elevation"]), np.ones((5, 5)))
    assert (inside[1::3, 1::3][deep] == 0).all()
    np.testing.assert_allclose(relief[0, 31:-31:3], relief[29, 31:-31:3], atol=0.5)  # goes on level beyond the edge


def test_the_relief_has_the_errors_of_the_map_and_is_the_same_in_blocks(world, truth):
    whole, net = published_relief(world, beyond(world, 4, 3)), beyond(world, 4, 3)
    np.testing.assert_array_equal(published_relief(world, net[100:180, 37:150]), whole[100:180, 37:150])
    land = ~np.isnan(truth["elevation"])
    error = (whole[13:-11:3, 13:-11:3] - np.nan_to_num(truth["elevation"]))[land]
    assert 1.0 < np.std(error) < 2.5


def test_land_cover_is_wrong_in_few_patches_and_knows_water(world, truth):
    seen = published(world, "landcover", "landcover", world.geobox)[0]
    expected = np.where(truth["water"] == 1, LAKE, truth["landcover"])
    land = truth["water"] == 0
    wrong = (seen != expected)[land]
    assert 0.5 * WRONG_SHARE < wrong.mean() < 3 * WRONG_SHARE
    assert (seen[truth["water"] == 2] == 0).mean() > 0.95


def test_tiles_and_finer_pixels_are_parts_of_one_map(world):
    whole = published(world, "clay", "soil", world.geobox)
    part = published(world, "clay", "soil", world.geobox[40:77, 51:120])
    np.testing.assert_allclose(part, whole[:, 40:77, 51:120], rtol=1e-6)
    box = world.geobox[40:60, 51:71]
    finer = GeoBox((80, 80), box.transform @ box.transform.scale(0.25), box.crs)
    quarter = published(world, "clay", "soil", finer)
    mean = quarter.reshape(4, 20, 4, 20, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(mean, whole[:, 40:60, 51:71], rtol=1e-4)


def test_a_grid_in_another_crs_is_refused(world):
    with pytest.raises(ConfigError, match="own CRS"):
        published(world, "clay", "soil", GeoBox((3, 3), world.geobox.transform, "EPSG:32755"))


def test_stations_far_apart_have_errors_of_their_own():
    truth = np.full((4, 200), 30.0)
    seen = published_at(1, "clay", truth, np.arange(200))
    error = seen - truth
    stated = np.hypot(ERRORS["clay"].smooth, ERRORS["clay"].own)
    assert abs(error.std() - stated) < 0.25 * stated
    assert abs(np.corrcoef(error[0, 1:], error[0, :-1])[0, 1]) < 0.25
    np.testing.assert_array_equal(published_at(1, "clay", truth[:, 5:6], np.array([5])), seen[:, 5:6])
