"""The grid of a run by numbers: what is land, what is sea, what is unknown."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from build_grid import stage

from loam.covariates.build.land import build_grid, why_not_land
from loam.errors import ConfigError, RasterError
from loam.raster.grid import read_grid

SETTINGS = {"crs": "EPSG:28355", "bounds": [540_000, 5_352_000, 548_000, 5_360_000], "resolution": 80}


def cover(path: Path, codes, side=80.0) -> Path:
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "crs": "EPSG:28355", "nodata": 0}
    codes = np.asarray(codes, np.uint16)
    transform = Affine(side, 0, 540_000, 0, -side, 5_360_000)
    with rasterio.open(path, "w", **profile, height=codes.shape[0], width=codes.shape[1], transform=transform) as out:
        out.write(codes, 1)
    return path


@pytest.fixture
def clum(tmp_path) -> Path:
    codes = np.full((100, 100), 320)
    codes[:, :40], codes[:20], codes[50, 50] = 663, 0, 541
    return cover(tmp_path / "clum.tif", codes)


def test_water_and_pixels_without_a_class_are_not_land(tmp_path, clum, caplog):
    with caplog.at_level(logging.INFO, "loam"):
        grid = build_grid(SETTINGS, 32, clum, tmp_path / "land.tif")
    assert grid.geobox.shape == (100, 100) and grid.land == tmp_path / "land.tif"
    assert sum(grid.land_mask(tile).sum() for tile in grid.tiles) == 80 * 60
    assert len(grid.tiles) == 12  # tiles of sea alone are left out
    assert "48.00 % land, 32.00 % water, 20.00 % masked or without a class" in caplog.text


def test_why_a_pixel_is_not_land_is_known(tmp_path, clum):
    grid = build_grid(SETTINGS, 32, clum, tmp_path / "land.tif")
    reasons = [why_not_land(grid, *place) for place in ((50, 50), (50, 3), (3, 50), (-1, -1))]
    assert reasons == [None, "in the sea", "masked pixel", "outside the grid"]


def test_land_is_what_most_of_a_pixel_is(tmp_path):
    codes = np.full((200, 200), 663)
    codes[::2], codes[1::2, ::2] = 320, 320  # three of four
    codes[:2, :2] = [[663, 663], [663, 320]]
    grid = build_grid(SETTINGS, 32, cover(tmp_path / "clum.tif", codes, 40.0), tmp_path / "land.tif")
    assert sum(grid.land_mask(tile).sum() for tile in grid.tiles) == 9999


def test_a_region_of_water_is_no_region(tmp_path):
    with pytest.raises(RasterError, match="no pixel is land"):
        build_grid(SETTINGS, 32, cover(tmp_path / "clum.tif", np.full((100, 100), 663)), tmp_path / "land.tif")
    assert not (tmp_path / "land.tif").exists()


def test_without_a_map_everything_is_land(tmp_path):
    grid = build_grid(SETTINGS, 64, None, tmp_path / "land.tif")
    assert sum(grid.land_mask(tile).sum() for tile in grid.tiles) == 10_000


def test_a_grid_by_a_raster_has_no_reasons(tmp_path, clum):
    grid = build_grid({"like": clum}, 32, None, tmp_path / "land.tif")
    assert why_not_land(grid, 3, 50) == "masked pixel" and why_not_land(grid, 50, 50) is None


def test_a_grid_by_a_raster_has_its_sea_from_the_land_cover(tmp_path, clum):
    like = cover(tmp_path / "like.tif", np.where(np.arange(100) < 90, 1, 0) * np.ones((100, 1)))
    grid = build_grid({"like": like}, 32, clum, tmp_path / "land.tif")
    assert sum(grid.land_mask(tile).sum() for tile in grid.tiles) == 80 * 50
    assert [why_not_land(grid, 50, col) for col in (3, 50, 95)] == ["in the sea", None, "masked pixel"]


def test_a_grid_must_be_given(tmp_path):
    with pytest.raises(ConfigError, match="no grid"):
        build_grid({"like": None, "bounds": None}, 32, None, tmp_path / "land.tif")


def test_the_script_writes_grid_and_land(tmp_path, clum):
    paths = {"like": [], "landcover": [clum], "grid": tmp_path / "grid.json", "land": tmp_path / "land.tif"}
    stage(paths, {"mapping": {"tile": 32, "grid": {"like": None, **SETTINGS}}})
    assert read_grid(tmp_path / "grid.json").land == tmp_path / "land.tif"
    stage({"like": clum, "grid": tmp_path / "grid.json"}, {"mapping": {"tile": 32}})
    assert read_grid(tmp_path / "grid.json").land == clum
