"""A part of a map by degrees, where a place stands on it, and where north is."""

import numpy as np
import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.errors import ConfigError, RasterError
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.map_view import LONGEST_SIDE, north_of, positions, read_view, zoom_window
from loam.raster.cog import open_map
from loam.raster.grid import grid_like
from loam.training.ranges import RANGE_BAND

from .conftest import write_tiff

UTM = GeoBox((100, 200), Affine(80, 0, 540_000, 0, -80, 5_360_000), "EPSG:28355")
DEGREES = GeoBox((1000, 1000), Affine(0.001, 0, 146.0, 0, -0.001, -34.3), "EPSG:4326")
FIJI = GeoBox((100, 400), Affine(0.01, 0, 178.0, 0, -0.01, -16.0), "EPSG:4326")  # 178 E to 178 W


def test_a_box_in_degrees_is_these_pixels_of_a_map_in_degrees():
    window = zoom_window(DEGREES, [146.2, -35.05, 146.4, -34.9])
    assert (window.col_off, window.row_off) == pytest.approx((200, 600), abs=1)
    assert (window.width, window.height) == pytest.approx((200, 150), abs=1)


def test_a_box_holds_every_pixel_that_its_curved_edges_touch_on_a_projected_map():
    to_degrees = pyproj.Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True)
    corners = to_degrees.transform([544_000, 552_000], [5_354_000, 5_358_000])
    window = zoom_window(UTM, [corners[0][0], corners[1][0], corners[0][1], corners[1][1]])
    for x, y in ((544_000, 5_354_000), (552_000, 5_358_000)):
        col, row = (x - 540_000) / 80, (5_360_000 - y) / 80
        assert window.col_off <= col <= window.col_off + window.width
        assert window.row_off <= row <= window.row_off + window.height
    assert window.width < 110 and window.height < 60  # 100 x 50, and what convergence adds


def test_what_of_a_box_lies_beyond_the_map_is_left_out():
    window = zoom_window(DEGREES, [145.0, -35.0, 146.1, -34.0])
    assert (window.col_off, window.row_off) == (0, 0)
    assert (window.width, window.height) == pytest.approx((100, 700), abs=1)


def test_a_box_smaller_than_a_pixel_is_that_pixel():
    window = zoom_window(DEGREES, [146.50021, -34.80079, 146.50022, -34.80078])
    assert (window.col_off, window.row_off, window.width, window.height) == (500, 500, 1, 1)


@pytest.mark.parametrize("geobox", [UTM, DEGREES])
def test_a_box_off_the_map_is_refused_with_where_the_map_is(geobox):
    with pytest.raises(ConfigError, match=r"lies off the map.*mapping.zoom|mapping.zoom.*lies off the map") as caught:
        zoom_window(geobox, [10.0, 40.0, 11.0, 41.0])
    assert ("146.0, -35.3, 147.0, -34.3" in str(caught.value)) == (geobox is DEGREES)


def test_longitudes_go_on_beyond_180_degrees():
    window = zoom_window(FIJI, [179.5, -16.6, 180.5, -16.2])
    assert (window.col_off, window.width) == pytest.approx((150, 100), abs=1)
    cols, _ = positions(FIJI, np.array([-179.5, 180.5]), np.array([-16.5, -16.5]))
    assert cols == pytest.approx([249.5, 249.5])


def test_a_place_stands_where_its_pixel_is():
    cols, rows = positions(DEGREES, np.array([146.0005, 146.3099]), np.array([-34.3005, -35.0053]))
    assert np.concatenate([cols, rows]) == pytest.approx([0, 309.4, 0, 704.8], abs=1e-6)


@pytest.mark.parametrize(("epsg", "x", "y"), [
    (28355, 300_000, 5_360_000), (28355, 700_000, 5_360_000), (3413, 1_500_000, -1_500_000),
    (3577, 1_200_000, -4_600_000),
])  # fmt: skip
def test_north_is_off_the_top_by_the_convergence_of_the_grid(epsg, x, y):
    geobox = GeoBox((2, 2), Affine(80, 0, x - 80, 0, -80, y + 80), f"EPSG:{epsg}")
    crs = pyproj.CRS.from_epsg(epsg)
    longitude, latitude = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    convergence = pyproj.Proj(crs).get_factors(longitude, latitude).meridian_convergence
    if epsg != 3577:  # conformal: angles on the ground are those of the grid
        assert north_of(geobox) == pytest.approx(-convergence, abs=0.1) != pytest.approx(0, abs=0.5)
    assert np.sign(north_of(geobox)) == -np.sign(convergence)


@pytest.mark.parametrize("geobox", [DEGREES, FIJI, GeoBox((9, 9), Affine(0.02, 0, 146, 0, -0.01, -34), "EPSG:4326")])
def test_north_is_up_on_a_map_in_degrees_whatever_its_pixels(geobox):
    assert north_of(geobox) == pytest.approx(0, abs=1e-3)


def test_a_large_map_is_read_no_finer_than_a_panel_and_a_part_as_it_is(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.random((300, 2 * LONGEST_SIDE)).astype(np.float32)
    grid = grid_like(write_tiff(tmp_path / "land.tif", values), 4096)
    pixel = np.arange(values.size)
    with open_map(tmp_path / "map.tif", grid, ["surface_mean"], {}, ENCODED["float32"]) as output:
        output.write(grid.tiles[0], pixel, values.reshape(-1, 1))
    with open_map(tmp_path / "trust.tif", grid, [RANGE_BAND, "class"], {}, FLAG) as output:
        output.write(grid.tiles[0], pixel, np.tile([[1, 2]], (values.size, 1)).astype(np.uint8))
    view = read_view(tmp_path / "map.tif", tmp_path / "trust.tif", ["surface_mean"])
    assert view.bands["surface_mean"].shape == view.classes.shape == (150, LONGEST_SIDE)
    assert view.bands["surface_mean"].mean() == pytest.approx(values.mean(), abs=1e-3)
    assert (view.window.width, view.extent) == (2 * LONGEST_SIDE, (-0.5, 2 * LONGEST_SIDE - 0.5, 299.5, -0.5))
    longitude, latitude = pyproj.Transformer.from_crs("EPSG:28355", "EPSG:4326", always_xy=True).transform(
        [540_000 + 80 * 10.5, 540_000 + 80 * 19.5], [5_360_000 - 80 * 19.5, 5_360_000 - 80 * 10.5]
    )
    box = [longitude[0], latitude[0], longitude[1], latitude[1]]
    part = read_view(tmp_path / "map.tif", tmp_path / "trust.tif", ["surface_mean"], box)
    top, left = part.window.row_off, part.window.col_off
    assert 8 <= top <= 10 and 8 <= left <= 10 and part.window.height <= 13
    shown = part.bands["surface_mean"]
    np.testing.assert_array_equal(shown, values[top : top + shown.shape[0], left : left + shown.shape[1]])


def test_a_trust_of_an_older_release_is_refused(tmp_path):
    grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((20, 20), np.float32)), 64)
    for name, bands, content in (("map", ["surface_mean"], ENCODED["int16"]), ("trust", [RANGE_BAND], FLAG)):
        with open_map(tmp_path / f"{name}.tif", grid, bands, {}, content) as output:
            output.write(grid.tiles[0], np.arange(9), np.ones((9, 1)))
    with pytest.raises(RasterError, match=r"trust.tif: has no band 'class'"):
        read_view(tmp_path / "map.tif", tmp_path / "trust.tif", ["surface_mean"])
