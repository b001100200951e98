"""The map as a file: overviews down to one block, averages that pass over missing pixels."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rio_cogeo.cogeo import cog_validate

from loam.mapping.contents import ENCODED
from loam.raster.bands import values_of_band
from loam.raster.cog import open_map, overview_factors
from loam.raster.grid import grid_like, open_raster


def grid_of(path, height, width):
    """A grid of land all over, of pixels of 80 m."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": height, "width": width, "crs": "EPSG:28355"}
    with rasterio.open(path, "w", **profile, transform=Affine(80.0, 0.0, 540_000.0, 0.0, -80.0, 5_360_000.0)) as land:
        land.write(np.ones((1, height, width), np.float32))
    return grid_like(path, 256)


@pytest.mark.parametrize(
    ("shape", "factors"), [((45, 70), [2]), ((256, 256), [2]), ((1000, 900), [2, 4]), ((4000, 5000), [2, 4, 8, 16, 32])]
)
def test_overviews_go_down_to_one_block(shape, factors):
    assert overview_factors(*shape) == factors


def test_a_large_map_is_valid_and_its_overviews_average_what_is_there(tmp_path):
    grid = grid_of(tmp_path / "land.tif", 600, 700)
    values = np.random.default_rng(0).random((600, 700)).astype(np.float32)
    values[:2, :2] = [[np.nan, 0.2], [np.nan, 0.4]]
    values[10:12, 10:12] = np.nan
    with open_map(tmp_path / "map.tif", grid, ["surface_mean"], {}, ENCODED["float32"]) as output:
        for tile in grid.tiles:
            part = values[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width].ravel()
            pixel = np.flatnonzero(np.isfinite(part))
            output.write(tile, pixel, part[pixel, None])
    assert cog_validate(tmp_path / "map.tif", strict=True)[0]
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert np.array_equal(dataset.read(1), values, equal_nan=True)
    with rasterio.open(tmp_path / "map.tif", overview_level=0) as overview:
        half = overview.read(1)
    assert half[0, 0] == pytest.approx(0.3)
    assert np.isnan(half[5, 5])
    assert half[100, 100] == pytest.approx(values[200:202, 200:202].mean(), rel=1e-5)


def test_a_reading_at_half_the_size_has_means_of_what_is_known_in_the_band_s_units(tmp_path):
    grid = grid_of(tmp_path / "land.tif", 64, 64)
    values = np.full((64, 64), np.nan)
    values[:2, :2] = [[np.nan, 0.2], [np.nan, 0.4]]
    values[32:] = 0.5
    pixel = np.flatnonzero(np.isfinite(values))
    with open_map(tmp_path / "map.tif", grid, ["surface_mean"], {}, ENCODED["int16"]) as output:
        output.write(grid.tiles[0], pixel, values.ravel()[pixel, None])
    with open_raster(tmp_path / "map.tif") as dataset:
        half = values_of_band(dataset, 1, shape=(32, 32))
        assert dataset.read(1)[40, 0] == 500 and half.dtype == np.float32
    assert half[0, 0] == pytest.approx(0.3) and np.isnan(half[5, 5]) and half[20, 3] == pytest.approx(0.5)
