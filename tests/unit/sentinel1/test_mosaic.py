"""A pass made of scenes that were terrain-corrected elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from loam.errors import RasterError
from loam.grid import grid_like
from loam.sentinel1.mosaic import local_incidence, mosaic_pass
from loam.sentinel1.pass_file import BANDS

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


@pytest.mark.parametrize(("rise", "expected"), [(0.2, 35 - 11.31), (-0.2, 35 + 11.31), (0.0, 35.0)])
def test_a_slope_that_faces_the_satellite_is_seen_more_steeply(rise, expected):
    columns = np.arange(9)
    heights = np.broadcast_to(columns * 80 * rise, (7, 9))  # rises to the east, faces west
    angle = np.broadcast_to(35 + 1e-6 * columns, (7, 9))  # the satellite stands in the west
    assert local_incidence(angle, heights, (80, 80)) == pytest.approx(np.full((7, 9), expected), abs=0.02)


def test_a_slope_across_the_line_of_sight_changes_the_angle_little():
    rows = np.arange(7)[:, None]
    heights = np.broadcast_to(rows * 80 * 0.2, (7, 9))
    angle = np.broadcast_to(35 + 1e-6 * np.arange(9), (7, 9))
    expected = np.degrees(np.arccos(np.cos(np.arctan(0.2)) * np.cos(np.radians(35))))
    assert local_incidence(angle, heights, (80, 80)) == pytest.approx(np.full((7, 9), expected), abs=0.02)


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
