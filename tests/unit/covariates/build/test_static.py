"""Maps of any grid come onto the run's pixels: averaged, by majority or as shares, or refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import zarr
from affine import Affine
from build_static import stage

from loam.covariates.build.static import build_static
from loam.errors import ConfigError, RasterError
from loam.raster import warp
from loam.raster.grid import grid_like, write_grid

SIDE, CORNER, CRS = 80.0, (540_000.0, 5_360_000.0), "EPSG:28355"
ROWS, COLS = 40, 50


def tiff(path: Path, bands, *, corner=CORNER, side=SIDE, crs=CRS, nodata=-9999.0, units="%", south_up=False) -> Path:
    bands = np.asarray(bands)
    bands = bands[None] if bands.ndim == 2 else bands
    transform = Affine(side, 0, corner[0], 0, side if south_up else -side, corner[1])
    profile = {"driver": "GTiff", "dtype": bands.dtype, "count": len(bands), "crs": crs, "transform": transform}
    with rasterio.open(path, "w", **profile, height=bands.shape[1], width=bands.shape[2], nodata=nodata) as dataset:
        dataset.write(bands)
        dataset.units = (units,) * len(bands)
    return path


@pytest.fixture
def grid(tmp_path):
    return grid_like(tiff(tmp_path / "land.tif", np.ones((ROWS, COLS), np.float32)), 16)


@pytest.fixture
def built(tmp_path, grid):
    def build(**maps):
        build_static(grid, tmp_path / "static.zarr", **maps)
        return {name: array[:] for name, array in zarr.open_group(tmp_path / "static.zarr", mode="r").arrays()}

    return build


def soil(rng_seed=0, shape=(ROWS, COLS)):
    return np.random.default_rng(rng_seed).uniform(5, 50, shape).astype(np.float32)


def test_a_map_on_the_grid_is_kept_as_it_is(tmp_path, built):
    bands = np.stack([soil(k) for k in range(4)])
    arrays = built(soil=[tiff(tmp_path / "clay.tif", bands)])
    assert all(np.array_equal(arrays[f"clay_{k + 1}"], bands[k]) for k in range(4))


@pytest.mark.parametrize("nodata", [-9999.0, np.nan])
def test_missing_cells_are_missing_whatever_marks_them(tmp_path, built, nodata):
    values = soil()
    values[3:6, 7] = nodata
    values[10, 10] = np.nan
    clay = built(soil=[tiff(tmp_path / "clay.tif", values, nodata=nodata)])["clay"]
    assert np.isnan(clay[3:6, 7]).all() and np.isnan(clay[10, 10]) and np.isnan(clay).sum() == 4


@pytest.mark.parametrize("nodata", [-9999.0, np.nan])
def test_a_finer_map_is_averaged_without_its_missing_cells(tmp_path, built, nodata):
    fine = soil(1, (ROWS * 4, COLS * 4))
    fine[8:12, 8:10] = nodata
    fine[20:24, 20:24] = nodata
    known = np.where((fine == nodata) | np.isnan(fine), np.nan, fine).reshape(ROWS, 4, COLS, 4)
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(RuntimeWarning)
        expected = np.nanmean(known, axis=(1, 3))
    clay = built(soil=[tiff(tmp_path / "clay.tif", fine, side=SIDE / 4, nodata=nodata)])["clay"]
    np.testing.assert_allclose(clay, expected, rtol=1e-5)
    assert np.isnan(clay[5, 5]) and np.isnan(clay).sum() == 1


def test_a_coarser_map_gives_each_pixel_the_mean_of_the_cells_it_lies_on_by_area(tmp_path, built):
    coarse = soil(2, (36, 44))
    clay = built(soil=[tiff(tmp_path / "clay.tif", coarse, side=100.0)])["clay"]
    # the second pixel reaches from 80 to 160 m: a quarter of it on the first cell, the rest on the second
    np.testing.assert_allclose(clay[0, 1], 0.25 * coarse[0, 0] + 0.75 * coarse[0, 1], rtol=1e-4)
    assert clay[0, 0] == pytest.approx(coarse[0, 0], rel=1e-5)


def test_a_map_in_feet_of_another_crs_lands_where_it_should(tmp_path):
    """Tennessee in US survey feet, and a map of longitudes in degrees over it."""
    side = 80 / 0.3048
    land = tiff(
        tmp_path / "land.tif", np.ones((30, 40), np.float32), corner=(1_900_000, 700_000), side=side, crs="EPSG:2274"
    )
    grid = grid_like(land, 16)
    x, y = np.meshgrid(*grid.centres_of(np.arange(30), np.arange(40)))
    longitude, latitude = pyproj.Transformer.from_crs(2274, 4326, always_xy=True).transform(x, y)
    step = 0.0002
    west, north = longitude.min() - 0.01, latitude.max() + 0.01
    size = int((longitude.max() + 0.01 - west) / step)
    values = np.tile(20 + 100 * step * np.arange(size, dtype=np.float32), (size, 1))
    path = tiff(tmp_path / "clay.tif", values, corner=(west, north), side=step, crs="EPSG:4326")
    build_static(grid, tmp_path / "static.zarr", soil=[path])
    clay = zarr.open_group(tmp_path / "static.zarr", mode="r")["clay"][:]
    np.testing.assert_allclose(clay, 20 + 100 * (longitude - west - step / 2), atol=100 * step)
    feet = tiff(tmp_path / "elevation.tif", np.tile(np.arange(40, dtype=np.float32), (30, 1)) * 10, units="m",
                corner=(1_900_000, 700_000), side=side, crs="EPSG:2274")  # fmt: skip
    build_static(grid, tmp_path / "other.zarr", terrain=[feet])
    slope = zarr.open_group(tmp_path / "other.zarr", mode="r")["slope"][:]
    np.testing.assert_allclose(slope[1:-1, 1:-1], np.degrees(np.arctan(10 / 80)), rtol=2e-3)  # 80 m, not 262


def test_a_fine_map_is_read_in_parts_and_gives_the_same(tmp_path, built, monkeypatch):
    path = tiff(tmp_path / "clay.tif", soil(1, (ROWS * 4, COLS * 4)), side=SIDE / 4)
    whole = built(soil=[path])["clay"]
    monkeypatch.setattr(warp, "MOST_CELLS", 2000)
    np.testing.assert_allclose(built(soil=[path])["clay"], whole, rtol=1e-6)


def test_a_map_in_the_wrong_hemisphere_is_refused_and_said_so(tmp_path, grid):
    path = tiff(tmp_path / "clay.tif", soil(), corner=(147.0, 43.0), side=0.05, crs="EPSG:4326")
    with pytest.raises(
        RasterError, match=r"clay.tif: does not overlap .* wrong hemisphere: its y should have the other"
    ):
        build_static(grid, tmp_path / "static.zarr", soil=[path])
    far = tiff(tmp_path / "clay.tif", soil(), corner=(10.0, 43.0), side=0.05, crs="EPSG:4326")
    with pytest.raises(RasterError, match="does not overlap .* check its CRS"):
        build_static(grid, tmp_path / "static.zarr", soil=[far])
    assert not (tmp_path / "static.zarr").exists() and not list(tmp_path.glob(".static*"))


def test_a_map_that_is_not_north_up_or_without_crs_is_refused(tmp_path, grid):
    turned = tiff(tmp_path / "clay.tif", soil(), corner=(CORNER[0], CORNER[1] - ROWS * SIDE), south_up=True)
    with pytest.raises(RasterError, match="rotated or not north-up"):
        build_static(grid, tmp_path / "static.zarr", soil=[turned])
    with pytest.raises(RasterError, match="no coordinate reference system"):
        build_static(grid, tmp_path / "static.zarr", soil=[tiff(tmp_path / "clay.tif", soil(), crs=None)])


def test_units_of_a_map_are_checked_at_the_door(tmp_path, built):
    assert built(soil=[tiff(tmp_path / "clay.tif", soil() * 10, units="g kg-1")])["clay"].max() < 50.1
    with pytest.raises(RasterError, match="clay is .* expected 0 to 100 %"):
        built(soil=[tiff(tmp_path / "clay.tif", soil() * 10)])


def test_land_cover_is_the_most_frequent_class_not_code(tmp_path, built):
    fine = np.full((ROWS * 3, COLS * 3), 220, np.uint16)
    fine[:3, :3] = [[320, 321, 322], [323, 220, 220], [220, 324, 0]]  # five kinds of pasture against three of forest
    fine[:3, 3:6] = 0
    fine[3:6, :3], fine[3:6, 3:6] = 541, 610
    arrays = built(landcover=[tiff(tmp_path / "clum.tif", fine, side=SIDE / 3, nodata=0)], shares=True)
    cover = arrays["landcover"]
    assert cover[0, 0] == 1 and np.isnan(cover[0, 1]) and (cover[1, :2] == 0).all() and cover[2, 2] == 2
    assert arrays["landcover_share_PAST"][0, 0] == pytest.approx(5 / 8)
    assert arrays["landcover_share_FORE"][0, 0] == pytest.approx(3 / 8)
    assert np.isnan(arrays["landcover_share_FORE"][0, 1])
    assert arrays["landcover_share_FORE"][1, 0] == 0
    assert all(np.nanmax(arrays[f"landcover_share_{name}"][1, :2]) == 0 for name in ("PAST", "FORE", "AGRI"))


def test_what_a_product_cannot_tell_is_written_into_the_store(tmp_path, built, caplog):
    built(landcover=[tiff(tmp_path / "worldcover.tif", np.full((ROWS, COLS), 30, np.uint8), nodata=0)])
    assert zarr.open_group(tmp_path / "static.zarr", mode="r").attrs["classes_not_told"] == ["IRRI"]
    assert "worldcover cannot tell IRRI" in caplog.text


def test_an_unknown_code_stops_the_build(tmp_path, built):
    with pytest.raises(RasterError, match="clum.tif: land cover code 999"):
        built(landcover=[tiff(tmp_path / "clum.tif", np.full((ROWS, COLS), 999, np.uint16), nodata=0)])


def test_terrain_knows_no_tiles(tmp_path, built):
    row, col = np.mgrid[:ROWS, :COLS]
    heights = (100 + 5 * col + 3 * np.sin(row)).astype(np.float32)
    small = built(terrain=[tiff(tmp_path / "elevation.tif", heights, units="m")])
    grid = grid_like(tmp_path / "land.tif", 64)
    build_static(grid, tmp_path / "one.zarr", terrain=[tmp_path / "elevation.tif"])
    for name, array in zarr.open_group(tmp_path / "one.zarr", mode="r").arrays():
        np.testing.assert_allclose(small[name], array[:], rtol=2e-5, atol=1e-5, err_msg=name)


def test_a_hole_of_the_elevation_is_closed_or_said(tmp_path, built, caplog):
    row, col = np.mgrid[:ROWS, :COLS]
    heights = (100 + 5 * col + 2 * row).astype(np.float32)
    holed = heights.copy()
    holed[10:12, 20:23], holed[25:37, 30:42] = -9999, -9999
    with caplog.at_level(logging.INFO, "loam"):
        arrays = built(terrain=[tiff(tmp_path / "elevation.tif", holed, units="m")])
    np.testing.assert_allclose(arrays["elevation"][10:12, 20:23], heights[10:12, 20:23], rtol=1e-6)
    for name in ("elevation", "slope", "aspect_cos", "wetness"):
        assert np.isnan(arrays[name][25:37, 30:42]).all() and np.isnan(arrays[name]).sum() == 144, name
    assert "a hole of 144 pixels around row 31, column 36 stays missing" in caplog.text
    assert "6 pixels in small holes filled, 144 in large holes" in caplog.text


def test_two_maps_of_one_kind_are_refused(tmp_path, grid):
    with pytest.raises(ConfigError, match="2 maps"):
        build_static(grid, tmp_path / "static.zarr", terrain=[Path("a.tif"), Path("b.tif")])


def test_a_build_that_fails_leaves_the_store_that_was_there(tmp_path, built):
    before = built(soil=[tiff(tmp_path / "clay.tif", soil())])["clay"]
    with pytest.raises(RasterError):
        built(soil=[tiff(tmp_path / "soc.tif", soil() * 100)])
    after = zarr.open_group(tmp_path / "static.zarr", mode="r")["clay"][:]
    assert np.array_equal(before, after) and not list(tmp_path.glob(".static*"))


def test_the_script_builds_what_the_rule_names(tmp_path, grid):
    write_grid(grid, tmp_path / "grid.json")
    clum = tiff(tmp_path / "clum.tif", np.full((ROWS, COLS), 320, np.uint16), nodata=0)
    paths = {
        "grid": tmp_path / "grid.json", "static": tmp_path / "static.zarr", "terrain": [], "landcover": [clum],
        "soil": [tiff(tmp_path / "clay.tif", soil())],
    }  # fmt: skip
    stage(paths, {"covariates": {"landcover": "shares"}})
    names = set(zarr.open_group(tmp_path / "static.zarr", mode="r").array_keys())
    assert {"clay", "landcover", "landcover_share_IRRI"} <= names


@pytest.mark.parametrize("code", [-999.0, -32768.0, 1e20])
def test_a_code_for_missing_does_not_hide_in_the_mean_of_a_pixel(tmp_path, built, code):
    """One of 64 cells: the mean of the pixel would be a clay content like any other for -999."""
    fine = np.full((ROWS * 8, COLS * 8), 30.0, np.float32)
    fine[80, 80] = code
    with pytest.raises(RasterError, match=r"clay\.tif: clay is .*expected 0 to 100 %"):
        built(soil=[tiff(tmp_path / "clay.tif", fine, side=SIDE / 8)])
