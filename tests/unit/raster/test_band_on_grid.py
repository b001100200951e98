"""Rasters of any CRS, resolution and orientation on a grid."""

import contextlib

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.transform import from_origin

from loam.errors import RasterError
from loam.raster import warp
from loam.raster.band_on_grid import Reading, resample

TASMANIA = GeoBox((60, 50), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:28355")
CALIFORNIA = GeoBox((40, 40), Affine(80, 0, 642_000, 0, -80, 4_271_000), "EPSG:32610")
FEET = "EPSG:2226"  # NAD83 / California zone 2, US survey feet


def write(path, values, transform, crs="EPSG:28355", **more):
    values = np.atleast_3d(values.T).T if values.ndim == 2 else values
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[1], width=values.shape[2], count=values.shape[0],
        dtype=values.dtype, crs=crs, transform=transform, **more,
    ) as file:  # fmt: skip
        file.write(values)
    return path


def read(paths, geobox=TASMANIA, reading=None, missing=np.nan):
    with contextlib.ExitStack() as stack:
        datasets = [stack.enter_context(rasterio.open(path)) for path in paths]
        return resample(datasets, geobox, reading or Reading(), missing)


def plane(crs_from, transform, shape):
    """A plane in degrees, 10 * longitude + latitude, at the centres of a raster's pixels."""
    columns, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    x, y = transform.a * columns + transform.c, transform.e * rows + transform.f
    longitude, latitude = Transformer.from_crs(crs_from, "EPSG:4326", always_xy=True).transform(x, y)
    return (10 * longitude + latitude).astype(np.float32)


def test_a_raster_on_the_grid_itself_comes_back_unchanged(tmp_path):
    values = np.random.default_rng(0).random(TASMANIA.shape).astype(np.float32)
    assert np.array_equal(read([write(tmp_path / "a.tif", values, TASMANIA.transform)]), values)


@pytest.mark.parametrize(
    ("crs", "transform", "geobox"),
    [
        ("EPSG:4326", from_origin(146.99, -42.44, 0.0008, 0.0008), TASMANIA),
        ("EPSG:4326", Affine(0.0008, 0, 146.99, 0, 0.0008, -42.52), TASMANIA),  # south-up
        (FEET, from_origin(6_725_000, 1_975_000, 250, 250), CALIFORNIA),
        ("EPSG:28355", from_origin(499_000, 5_301_000, 200, 200), TASMANIA),  # coarser than the grid
    ],
    ids=["geographic", "south-up", "feet", "coarser"],
)  # fmt: skip
def test_a_plane_stays_where_it_is_from_any_source(tmp_path, crs, transform, geobox):
    source = write(tmp_path / "a.tif", plane(crs, transform, (120, 120)), transform, crs)
    found, expected = read([source], geobox), plane(geobox.crs.to_wkt(), geobox.transform, geobox.shape)
    step = 10 * 200 / 80_000  # what the plane changes over a pixel of the coarsest source
    assert np.isfinite(found).mean() > 0.9
    assert np.nanmax(np.abs(found - expected)) < step


def test_a_coarse_pixel_is_the_mean_of_the_area_it_covers(tmp_path):
    fine = np.arange(64, dtype=np.float32).reshape(8, 8)
    source = write(tmp_path / "a.tif", fine, from_origin(500_000, 5_300_000, 20, 20))
    found = read([source], GeoBox((2, 2), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:28355"))
    assert np.allclose(found, fine.reshape(2, 4, 2, 4).mean(axis=(1, 3)))


def test_the_mean_leaves_missing_pixels_out(tmp_path):
    fine = np.full((4, 4), 7, np.float32)
    fine[:2] = -9999
    source = write(tmp_path / "a.tif", fine, from_origin(500_000, 5_300_000, 20, 20), nodata=-9999)
    assert read([source], TASMANIA[:1, :1])[0, 0] == 7


def test_classes_go_to_the_one_with_the_largest_share_and_are_never_mixed(tmp_path):
    fine = np.array([[10, 10, 20, 20], [10, 10, 20, 60], [10, 95, 20, 20], [95, 95, 95, 20]], np.uint8)
    source = write(tmp_path / "a.tif", np.kron(fine, np.ones((1, 1), np.uint8)), from_origin(0, 80, 20, 20))
    found = read([source], GeoBox((1, 2), Affine(40, 0, 0, 0, -80, 80), "EPSG:28355"), Reading(classes=True), 0)
    assert found.dtype == np.uint16
    assert found.tolist() == [[10, 20]]


def test_a_pixel_across_the_seam_of_two_tiles_is_the_mean_of_both(tmp_path):
    left, right = np.full((10, 10), 2, np.float32), np.full((10, 10), 6, np.float32)
    tiles = [
        write(tmp_path / "l.tif", left, from_origin(0, 400, 40, 40)),
        write(tmp_path / "r.tif", right, from_origin(400, 400, 40, 40)),
    ]
    grid = GeoBox((5, 10), Affine(80, 0, -40, 0, -80, 400), "EPSG:28355")  # the sixth column straddles the seam
    assert read(tiles, grid)[2].tolist() == [2, 2, 2, 2, 2, 4, 6, 6, 6, 6]


def test_tiles_of_different_resolution_are_both_used(tmp_path):
    tiles = [
        write(tmp_path / "l.tif", np.full((10, 10), 2, np.float32), from_origin(0, 400, 40, 40)),
        write(tmp_path / "r.tif", np.full((8, 8), 6, np.float32), from_origin(400, 400, 50, 50)),
    ]
    assert read(tiles, GeoBox((5, 10), Affine(80, 0, 0, 0, -80, 400), "EPSG:28355"))[2].tolist() == [2] * 5 + [6] * 5


def test_scale_and_offset_come_from_the_file_unless_they_are_given(tmp_path):
    path = write(tmp_path / "a.tif", np.full((9, 9), 30, np.int16), from_origin(500_000, 5_300_000, 80, 80), nodata=-1)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.1,), (1.0,)
    assert read([path])[0, 0] == pytest.approx(4.0)
    assert read([path], reading=Reading(scale=0.01))[0, 0] == pytest.approx(0.3)


def test_a_float_fill_value_that_no_tag_names_is_missing(tmp_path):
    values = np.full((9, 9), np.finfo(np.float32).min, np.float32)
    values[:, 4:] = 3
    found = read([write(tmp_path / "a.tif", values, from_origin(500_000, 5_300_000, 80, 80))])
    assert np.isnan(found[:9, :4]).all() and (found[:9, 4:9] == 3).all()


def test_a_mask_inside_the_file_is_obeyed(tmp_path):
    path, there = tmp_path / "a.tif", np.zeros((9, 9), np.uint8)
    there[:, 4:] = 255
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", height=9, width=9, count=1, dtype="float32", crs="EPSG:28355",
        transform=from_origin(500_000, 5_300_000, 80, 80),
    ) as file:  # fmt: skip
        file.write(np.full((1, 9, 9), 5, np.float32))
        file.write_mask(there)
    found = read([path])
    assert np.isnan(found[:9, :4]).all() and (found[:9, 4:9] == 5).all()


def test_indexed_classes_become_the_codes_of_their_table(tmp_path):
    path = write(tmp_path / "a.tif", np.full((9, 9), 2, np.uint8), from_origin(500_000, 5_300_000, 80, 80))
    assert read([path], reading=Reading(classes=True, codes={1: 110, 2: 543}), missing=0)[0, 0] == 543
    with pytest.raises(RasterError, match=r"no code for the values \[2\]"):
        read([path], reading=Reading(classes=True, codes={1: 110}), missing=0)


def test_classes_that_are_no_whole_numbers_are_refused(tmp_path):
    path = write(tmp_path / "a.tif", np.full((9, 9), 2.5, np.float32), from_origin(500_000, 5_300_000, 80, 80))
    with pytest.raises(RasterError, match="holds 2.5"):
        read([path], reading=Reading(classes=True), missing=0)


def test_a_raster_without_a_crs_is_refused_unless_it_is_given(tmp_path):
    path = write(tmp_path / "a.tif", np.ones((9, 9), np.float32), from_origin(500_000, 5_300_000, 80, 80), crs=None)
    with pytest.raises(RasterError, match="no coordinate reference system"):
        read([path])
    assert read([path], reading=Reading(crs="EPSG:28355"))[0, 0] == 1


def test_a_source_elsewhere_leaves_all_missing(tmp_path):
    path = write(tmp_path / "a.tif", np.ones((9, 9), np.float32), from_origin(0, 0, 80, 80))
    assert np.isnan(read([path])).all()


def test_a_fine_source_is_read_in_pieces_and_gives_the_same(tmp_path, monkeypatch):
    values = np.random.default_rng(1).random((400, 400)).astype(np.float32)
    path = write(
        tmp_path / "a.tif", values, from_origin(499_960, 5_300_040, 13, 13), tiled=True, blockxsize=128, blockysize=128
    )
    whole = read([path])
    sizes = []
    join = warp._join
    monkeypatch.setattr(
        warp, "_join", lambda lattice, span, *more: sizes.append(span.pixels) or join(lattice, span, *more)
    )
    monkeypatch.setattr(warp, "MOST_CELLS", 8000)
    assert np.allclose(read([path]), whole, equal_nan=True, atol=1e-6)
    assert len(sizes) > 10 and max(sizes) <= 8000


def test_one_pixel_of_a_station_can_be_asked_for(tmp_path):
    path = write(tmp_path / "a.tif", np.full((50, 50), 3, np.float32), from_origin(499_000, 5_301_000, 90, 90))
    assert read([path], TASMANIA[10:11, 10:11]).tolist() == [[3]]


def test_the_interrupted_homolosine_projection_is_read(tmp_path):
    crs = "+proj=igh +datum=WGS84 +units=m"
    x, y = Transformer.from_crs("EPSG:28355", crs, always_xy=True).transform(502_000, 5_298_000)
    path = write(
        tmp_path / "a.tif",
        np.full((80, 80), 250, np.int16),
        from_origin(x - 10_000, y + 10_000, 250, 250),
        crs,
        nodata=-32768,
    )
    assert np.allclose(read([path], reading=Reading(scale=0.1)), 25)
