"""A pass made of scenes that were terrain-corrected elsewhere."""

from __future__ import annotations

import re

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.errors import RasterError
from loam.raster.grid import grid_like
from loam.sentinel1.mosaic import local_incidence, mosaic_pass
from loam.sentinel1.pass_file import BANDS
from loam.sentinel1.terrain import Terrain

TRANSFORM = Affine(80, 0, 500000, 0, -80, 5300000)


def write(path, bands, names, transform=TRANSFORM, nodata=-9999.0):
    bands = np.asarray(bands, "float32")
    with rasterio.open(
        path, "w", driver="GTiff", height=bands.shape[1], width=bands.shape[2], count=len(bands), dtype="float32",
        crs="EPSG:28355", transform=transform, nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(bands)
        dataset.descriptions = names
    return path


@pytest.fixture
def region(tmp_path):
    """A grid of 20 x 30 pixels with sea in its first column, and a flat elevation model."""
    land = np.ones((1, 20, 30))
    land[0, :, 0] = -9999
    grid = grid_like(write(tmp_path / "land.tif", land, ("land",)), 16)
    return grid, write(tmp_path / "dem.tif", np.full((1, 20, 30), 100.0), ("elevation",)), tmp_path


def scene(folder, name, vv, columns):
    """A scene over ``columns`` of the region; its angle grows to the east: the satellite stands in the west."""
    first, stop = columns
    angle = np.broadcast_to(35 + 0.01 * np.arange(first, stop), (20, stop - first))
    bands = [np.full(angle.shape, vv), np.full(angle.shape, vv / 5), angle]
    names = ("vv", "vh", "ellipsoidal_incidence")
    return write(folder / f"{name}.tif", bands, names, TRANSFORM * Affine.translation(first, 0))


def test_scenes_add_up_and_what_they_do_not_reach_is_missing(region):
    grid, dem, folder = region
    scenes = [scene(folder, "a", 0.1, (0, 12)), scene(folder, "b", 0.3, (8, 20))]
    mosaic_pass(scenes, dem, grid, folder / "pass.tif")
    with rasterio.open(folder / "pass.tif") as dataset:
        assert dataset.descriptions == BANDS
        vv, vh, local, angle, validity = dataset.read()
    assert np.allclose(vv[:, 1:8], 0.1)
    assert np.allclose(vv[:, 8:12], 0.2)
    assert np.allclose(vv[:, 12:20], 0.3)
    assert np.allclose(vh[:, 1:8], 0.02)
    assert np.isnan(vv[:, 20:]).all()
    assert (validity[:, 20:] == 1).all()
    assert np.isnan(vv[:, 0]).all()  # the sea
    assert np.allclose(local[:, 2:18], angle[:, 2:18], atol=1e-3)  # on flat land both angles are one


def ground(heights):
    """A terrain of one height a pixel, with a pixel around."""
    inner = (heights.shape[0] - 2, heights.shape[1] - 2)
    return Terrain(GeoBox(inner, TRANSFORM, "EPSG:28355"), np.ascontiguousarray(heights, float), 1, 1)


@pytest.mark.parametrize(("rise", "expected"), [(0.2, 35 - 11.31), (-0.2, 35 + 11.31), (0.0, 35.0)])
def test_a_slope_that_faces_the_satellite_is_seen_more_steeply(rise, expected):
    heights = np.broadcast_to(np.arange(11) * 80 * rise, (9, 11))  # rises to the east, faces west
    angle = np.broadcast_to(35 + 1e-6 * np.arange(9), (7, 9))  # the satellite stands in the west
    assert local_incidence(angle, ground(heights), (80, 80)) == pytest.approx(np.full((7, 9), expected), abs=0.02)


def test_a_slope_across_the_line_of_sight_changes_the_angle_little():
    heights = np.broadcast_to(np.arange(9)[:, None] * 80 * 0.2, (9, 11))
    angle = np.broadcast_to(35 + 1e-6 * np.arange(9), (7, 9))
    expected = np.degrees(np.arccos(np.cos(np.arctan(0.2)) * np.cos(np.radians(35))))
    assert local_incidence(angle, ground(heights), (80, 80)) == pytest.approx(np.full((7, 9), expected), abs=0.02)


def test_other_pixels_and_missing_bands_are_refused_by_name(region):
    grid, dem, folder = region
    beside = write(
        folder / "beside.tif", np.ones((3, 5, 5)), ("vv", "vh", "ellipsoidal_incidence"),
        TRANSFORM * Affine.translation(0.5, 0),
    )  # fmt: skip
    with pytest.raises(RasterError, match="beside.tif: is not on the pixels"):
        mosaic_pass([beside], dem, grid, folder / "pass.tif")
    with pytest.raises(RasterError, match="lacking.tif: has no band vh"):
        mosaic_pass(
            [write(folder / "lacking.tif", np.ones((2, 5, 5)), ("vv", "ellipsoidal_incidence"))], dem, grid,
            folder / "pass.tif",
        )  # fmt: skip
    assert not (folder / "pass.tif").exists()


def test_a_slope_in_feet_is_the_slope_in_metres(region):
    """The angle of one and the same hill, its heights written in metres and in feet by a tenth."""
    grid, dem, folder = region
    hill = np.broadcast_to(np.arange(30) * 20.0, (1, 20, 30))
    scenes = [scene(folder, "whole", 0.1, (0, 30))]
    angles = []
    for name, heights, scale, unit in (("m", hill, 1.0, "m"), ("ft", hill / 0.3048 * 10, 0.1, "ft")):
        dem = write(folder / f"dem_{name}.tif", heights, ("elevation",))
        with rasterio.open(dem, "r+") as file:
            file.scales, file.units = (scale,), (unit,)
        mosaic_pass(scenes, dem, grid, folder / f"{name}.tif")
        with rasterio.open(folder / f"{name}.tif") as file:
            angles.append(file.read(3))
    assert np.isfinite(angles[0]).any()
    np.testing.assert_allclose(angles[1], angles[0], atol=1e-3)


def test_slopes_at_the_edge_follow_from_heights_beyond_it(region, caplog):
    """Heights at 20 m that fall towards the middle of the eastern pixels and rise from there, on beyond the edge."""
    grid, _, folder = region
    scenes, found, counted = [scene(folder, "whole", 0.1, (0, 30))], {}, {}
    for name, columns in (("beyond", 150), ("cut", 120)):
        x = (np.arange(columns) + 0.5) * 20.0
        heights = np.broadcast_to(100 + 0.3 * np.abs(x - 2360.0), (1, 80, columns))
        dem = write(folder / f"{name}.tif", heights, ("elevation",), TRANSFORM * Affine.scale(0.25))
        caplog.clear()
        mosaic_pass(scenes, dem, grid, folder / "pass.tif")
        with rasterio.open(folder / "pass.tif") as file:
            found[name] = file.read(3)
        counted[name] = re.findall(r"ends beside (\d+) pixels", caplog.text)
    assert found["beyond"][5, 29] == pytest.approx(35.29, abs=0.02)  # as much down as up: level
    assert found["beyond"][5, 10] == pytest.approx(35.1 + np.degrees(np.arctan(0.3)), abs=0.02)
    above_and_below = 2 * 29  # where this raster ends in both cases; the first column is sea
    assert counted == {"beyond": [str(above_and_below)], "cut": [str(above_and_below + 18)]}
