"""The target grid: what is taken from a raster, what is refused, where pixels lie."""

import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.warp import transform

from loam.errors import RasterError
from loam.raster.grid import (
    Tile,
    cells_at,
    geobox_of,
    grid_like,
    open_raster,
    pixel_metres,
    present,
    read_grid,
    same_grid,
    write_grid,
)  # fmt: skip

UTM = Affine(80.0, 0.0, 540_000.0, 0.0, -80.0, 5_360_000.0)
FEET = "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +datum=NAD83 +units=us-ft"


def write(path, values, transform=UTM, crs="EPSG:28355", nodata=-9999.0):
    values = np.asarray(values, np.float32)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", **profile, transform=transform, crs=crs, nodata=nodata) as dataset:
        dataset.write(values, 1)
    return path


def test_grid_survives_its_file(tmp_path):
    grid = grid_like(write(tmp_path / "dem.tif", np.ones((40, 70))), 32)
    write_grid(grid, tmp_path / "grid.json")
    assert read_grid(tmp_path / "grid.json") == grid
    assert read_grid(tmp_path / "grid.json").hash == grid.hash


def test_a_crs_without_a_code_survives_the_file(tmp_path):
    grid = grid_like(write(tmp_path / "dem.tif", np.ones((20, 20)), crs=FEET), 32)
    write_grid(grid, tmp_path / "grid.json")
    assert read_grid(tmp_path / "grid.json").geobox == grid.geobox


def test_tiles_cover_every_land_pixel_once_and_leave_out_the_sea(tmp_path):
    land = np.full((50, 70), -9999.0)
    land[3, 5] = land[40:, 60:] = 12.0
    land[45, 65] = np.nan
    grid = grid_like(write(tmp_path / "dem.tif", land), 32)
    assert grid.tiles == (Tile(0, 0, 32, 32), Tile(32, 32, 18, 32), Tile(32, 64, 18, 6))
    found = np.zeros(land.shape, int)
    for tile in grid.tiles:
        found[tile.row : tile.row + tile.height, tile.col : tile.col + tile.width] += grid.land_mask(tile)
    assert (found == ((land > 0) & ~np.isnan(land))).all()


def test_hash_tells_grids_apart_by_place_not_by_mask_or_tiling(tmp_path):
    first = grid_like(write(tmp_path / "a.tif", np.ones((40, 40))), 32)
    masked = np.ones((40, 40))
    masked[0] = -9999
    assert grid_like(write(tmp_path / "b.tif", masked), 16).hash == first.hash
    assert grid_like(write(tmp_path / "c.tif", masked, UTM @ Affine.translation(1, 0)), 16).hash != first.hash


def test_centres_lie_half_a_pixel_in_and_run_row_by_row(tmp_path):
    grid = grid_like(write(tmp_path / "dem.tif", np.ones((6, 4))), 16)
    x, y = grid.centres(Tile(2, 1, 2, 3))
    assert x.tolist() == [540_120, 540_200, 540_280] * 2
    assert y.tolist() == [5_359_800] * 3 + [5_359_720] * 3


def test_centres_in_longitude_and_latitude_agree_with_rasterio(tmp_path):
    grid = grid_like(write(tmp_path / "dem.tif", np.ones((6, 4))), 16)
    x, y = grid.centres(grid.tiles[0])
    longitude, latitude = grid.centres(grid.tiles[0], "EPSG:4326")
    expected = transform("EPSG:28355", "EPSG:4326", x, y)
    assert np.allclose([longitude, latitude], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Affine(80.0, 3.0, 540_000.0, 3.0, -80.0, 5_360_000.0), "rotated or not north-up"),
        (Affine(80.0, 0.0, 540_000.0, 0.0, 80.0, 5_360_000.0), "rotated or not north-up"),
    ],
)
def test_a_raster_that_is_not_north_up_is_refused(tmp_path, transform, message):
    with pytest.raises(RasterError, match=message):
        grid_like(write(tmp_path / "dem.tif", np.ones((4, 4)), transform), 16)


def test_what_is_no_grid_is_refused_with_its_reason(tmp_path):
    with pytest.raises(RasterError, match="no coordinate reference system"):
        grid_like(write(tmp_path / "dem.tif", np.ones((4, 4)), crs=None), 16)
    with pytest.raises(RasterError, match="every pixel is missing"):
        grid_like(write(tmp_path / "sea.tif", np.full((4, 4), -9999.0)), 16)
    with pytest.raises(RasterError, match="no such file"):
        grid_like(tmp_path / "nowhere.tif", 16)
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(RasterError, match="cannot be read as a raster"):
        grid_like(tmp_path / "text.tif", 16)


def test_fill_values_are_missing_with_and_without_a_tag():
    values = np.array([0.0, -9999.0, np.nan, np.inf, -3.4e38, 5.0], np.float32)
    assert present(values, None).tolist() == [True, True, False, False, False, True]
    assert present(values, -9999.0).tolist() == [True, False, False, False, False, True]
    assert present(np.array([0, 241], np.uint8), -9999.0).all()  # -9999 as uint8 would be 241


def test_same_grid_forgives_rounding_but_not_a_shift():
    grid = GeoBox((250, 250), UTM, "EPSG:28355")
    assert same_grid(grid, GeoBox((250, 250), Affine(80.0 + 1e-9, *UTM[1:6]), "EPSG:28355"))
    assert not same_grid(grid, GeoBox((250, 250), UTM @ Affine.translation(0.5, 0), "EPSG:28355"))
    assert not same_grid(grid, GeoBox((250, 250), Affine(80.01, *UTM[1:6]), "EPSG:28355"))
    assert not same_grid(grid, GeoBox((250, 250), UTM, "EPSG:28356"))


def test_a_point_belongs_to_the_cell_with_the_nearest_centre():
    cells = GeoBox((3, 4), Affine(0.1, 0, 147.0, 0, -0.1, -42.0), "EPSG:4326")
    rng = np.random.default_rng(0)
    x, y = rng.uniform(147.0, 147.4, 200), rng.uniform(-42.3, -42.0, 200)
    row, col = cells_at(cells, x, y)
    assert (col == np.abs(x[:, None] - (147.05 + 0.1 * np.arange(4))).argmin(axis=1)).all()
    assert (row == np.abs(y[:, None] - (-42.05 - 0.1 * np.arange(3))).argmin(axis=1)).all()


def test_points_outside_have_no_cell_and_longitudes_may_run_to_360():
    cells = GeoBox((3, 4), Affine(0.1, 0, -0.2, 0, -0.1, -42.0), "EPSG:4326")
    row, col = cells_at(cells, np.array([359.95, -0.05, 147.0, np.inf]), np.array([-42.05, -42.05, -42.05, np.inf]))
    assert col.tolist() == [1, 1, -1, -1]
    assert row.tolist() == [0, 0, -1, -1]


def test_pixels_are_measured_in_metres_whatever_the_unit():
    assert pixel_metres(GeoBox((250, 250), UTM, "EPSG:28355")) == pytest.approx((80, 80), rel=1e-3)
    degrees = GeoBox((1000, 1000), Affine(0.001, 0, 146, 0, -0.001, -34.3), "EPSG:4326")
    assert pixel_metres(degrees) == pytest.approx((91.5, 110.9), rel=2e-3)
    feet = GeoBox((10, 10), Affine(1000, 0, 0, 0, -1000, 0), FEET)
    assert pixel_metres(feet) == pytest.approx((304.8, 304.8), rel=2e-2)


def test_geobox_is_the_rasters(tmp_path):
    with open_raster(write(tmp_path / "dem.tif", np.ones((6, 4)))) as dataset:
        geobox = geobox_of(dataset)
    assert (geobox.shape, geobox.transform, geobox.crs.epsg) == ((6, 4), UTM, 28355)


def test_a_raster_is_the_first_thing_that_a_process_opens(tmp_path, project):
    """GDAL knows its formats only once somebody has registered them."""
    path = tmp_path / "map.tif"
    write(path, np.ones((2, 2)))
    code = f"from loam.raster.grid import open_raster\nwith open_raster({str(path)!r}) as d: print(d.read(1).sum())"
    env = {**os.environ, "PYTHONPATH": str(project / "workflow" / "lib")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "4.0", done.stderr
