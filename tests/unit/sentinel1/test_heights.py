"""Heights above the ellipsoid, and the geoid's grid that they need."""

import logging
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.errors import RasterError
from loam.sentinel1 import heights
from loam.sentinel1.heights import Geoid, ellipsoidal_heights, open_geoid, vertical_datum


@pytest.fixture
def egm96():
    try:
        return open_geoid("EGM96")
    except RasterError as error:
        pytest.skip(f"PROJ's geoid grids are not installed: {error}")


def write_dem(path, values, *, west=12.0, north=42.2, step=0.01, crs="EPSG:4326", tags=None):
    values = np.asarray(values, np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32", crs=crs,
        transform=Affine(step, 0, west, 0, -step, north), nodata=-9999,
    ) as output:  # fmt: skip
        output.write(values, 1)
        output.update_tags(**({"vertical_datum": "EGM96"} if tags is None else tags))
    return path


def write_geoid(path, values, *, west=-180.0, north=90.0, step=1.0, nodata=None):
    values = np.asarray(values, np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(step, 0, west - step / 2, 0, -step, north + step / 2), nodata=nodata,
    ) as output:  # fmt: skip
        output.write(values, 1)
    return path


def around_rome(size=20, crs="EPSG:32633", step=80.0):
    return GeoBox((size, size), Affine(step, 0, 292_200, 0, -step, 4_653_600), crs)


def test_a_pixel_of_50_metres_at_rome_is_98_6_metres_above_the_ellipsoid(tmp_path, egm96):
    dem = write_dem(tmp_path / "dem.tif", np.full((60, 100), 50.0))
    found = ellipsoidal_heights(dem, around_rome(), open_geoid(vertical_datum(dem)))
    assert found.shape == (20, 20)
    np.testing.assert_allclose(found, 98.6, atol=0.1)


def test_known_undulations_of_egm96(egm96):
    """Rome, the hole south of India, New Guinea; either side of the date line alike."""
    found = egm96.undulation(np.array([12.5, 78.0, 143.0]), np.array([42.0, 4.0, -4.0]))
    np.testing.assert_allclose(found, [48.6, -102.0, 75.0], atol=3)
    across = egm96.undulation(np.array([179.99, -179.99, 180.01]), np.full(3, -17.0))
    np.testing.assert_allclose(across, across[0], atol=0.05)


def test_undulation_is_what_proj_makes_of_the_same_grid(egm96):
    (path,) = heights._found(heights.GEOIDS["EGM96"])[:1]
    steps = "+step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=vgridshift +multiplier=1 +grids="
    transformer = pyproj.Transformer.from_pipeline(f"+proj=pipeline {steps}{path}")
    random = np.random.default_rng(1)
    longitude, latitude = random.uniform(-180, 180, 500), random.uniform(-89.9, 89.9, 500)
    theirs = transformer.transform(longitude, latitude, np.zeros(500))[2]
    np.testing.assert_allclose(egm96.undulation(longitude, latitude), theirs, atol=1e-6)


def test_without_the_grid_it_fails_loudly(tmp_path, monkeypatch):
    monkeypatch.setattr(heights, "_folders", lambda: [tmp_path])
    for datum in ("EGM96", "EGM2008", "AHD"):
        with pytest.raises(
            RasterError, match=rf"{tmp_path}: no grid of the geoid {datum}; expected .*install proj-data"
        ):
            open_geoid(datum)


def test_proj_data_is_looked_in_first(tmp_path, monkeypatch):
    write_geoid(tmp_path / "us_nga_egm96_15.tif", np.full((181, 360), 33.0))
    monkeypatch.setenv("PROJ_DATA", str(tmp_path))
    assert heights._folders()[0] == tmp_path
    monkeypatch.setattr(heights, "_folders", lambda: [Path("nowhere"), tmp_path])
    assert open_geoid("EGM96").undulation(np.array(12.5), np.array(42.0)) == 33.0


def test_an_empty_proj_data_does_not_hide_the_systems_grids(tmp_path, monkeypatch, egm96):
    monkeypatch.setenv("PROJ_DATA", str(tmp_path))
    assert open_geoid("EGM96").undulation(np.array(12.5), np.array(42.0)) == pytest.approx(48.6, abs=0.1)


def test_egm96_stands_in_for_egm2008_and_says_so(tmp_path, monkeypatch, caplog):
    write_geoid(tmp_path / "us_nga_egm96_15.tif", np.full((181, 360), 33.0))
    monkeypatch.setattr(heights, "_folders", lambda: [tmp_path])
    with caplog.at_level(logging.WARNING, "loam"):
        assert open_geoid("EGM2008").undulation(np.array(12.5), np.array(42.0)) == 33.0
    assert "EGM96 stands in" in caplog.text


def test_named_grid_must_be_there(tmp_path):
    with pytest.raises(RasterError, match=r"absent\.tif: no grid of the geoid EGM96"):
        open_geoid("EGM96", tmp_path / "absent.tif")


def test_heights_above_the_ellipsoid_need_no_grid(tmp_path, monkeypatch):
    monkeypatch.setattr(heights, "_folders", list)
    dem = write_dem(tmp_path / "dem.tif", np.full((60, 100), 50.0), tags={"vertical_datum": "WGS84 ellipsoid"})
    np.testing.assert_allclose(ellipsoidal_heights(dem, around_rome(), open_geoid(vertical_datum(dem))), 50, atol=1e-4)


def test_vertical_datum_must_be_named_and_known(tmp_path):
    dem = write_dem(tmp_path / "dem.tif", np.zeros((5, 5)), tags={})
    with pytest.raises(RasterError, match=r"dem\.tif: does not name its vertical datum"):
        vertical_datum(dem)
    with pytest.raises(RasterError, match="unknown vertical datum 'sea'; expected EGM96, EGM2008"):
        open_geoid("sea")


def test_undulation_is_bilinear_and_goes_round_the_globe():
    columns = np.arange(360.0)
    geoid = Geoid("ramp", np.tile(np.minimum(columns, 360 - columns), (181, 1)), -180.0, 90.0, 1.0, 1.0)
    np.testing.assert_allclose(
        geoid.undulation(np.array([-180.0, -179.5, 179.5, 180.5, 540.0]), np.zeros(5)), [0, 0.5, 0.5, 0.5, 0]
    )


def test_place_outside_a_regional_grid_is_an_error(tmp_path):
    geoid = open_geoid("AHD", write_geoid(tmp_path / "ahd.tif", np.full((20, 30), 5.0), west=140, north=-30))
    assert geoid.undulation(np.array(150.0), np.array(-40.0)) == 5
    for longitude, latitude in ((139.0, -40.0), (171.0, -40.0), (150.0, -29.0), (150.0, -51.0)):
        with pytest.raises(RasterError, match="AHD: the region is outside the geoid's grid"):
            geoid.undulation(np.array(longitude), np.array(latitude))


def test_hole_in_a_geoids_grid_is_an_error_not_a_height(tmp_path):
    values = np.full((20, 30), 5.0)
    values[10, 10] = -88.8888
    path = write_geoid(tmp_path / "ahd.tif", values, west=140, north=-30, nodata=-88.8888)
    with pytest.raises(RasterError, match="AHD: the geoid's grid has no value in the region"):
        open_geoid("AHD", path).undulation(np.array(150.0), np.array(-40.0))


def test_holes_and_what_the_dem_does_not_reach_are_missing_not_zero(tmp_path):
    values = np.full((60, 100), 50.0)
    values[25:28, 40:44] = -9999
    dem = write_dem(tmp_path / "dem.tif", values)
    grid = GeoBox((80, 120), Affine(0.01, 0, 11.9, 0, -0.01, 42.3), "EPSG:4326")
    found = ellipsoidal_heights(dem, grid, Geoid("WGS84 ellipsoid"))
    inside = np.zeros(grid.shape, bool)
    inside[10:70, 10:110] = True
    inside[35:38, 50:54] = False
    assert np.isnan(found[~inside]).all()
    assert (found[np.isfinite(found)] == 50).all()
    assert np.isfinite(found[inside]).all()


def test_dem_finer_than_the_grid_is_averaged(tmp_path):
    values = np.tile([[0.0, 100.0], [100.0, 0.0]], (100, 100))
    dem = write_dem(tmp_path / "dem.tif", values, step=0.001)
    grid = GeoBox((8, 8), Affine(0.01, 0, 12.05, 0, -0.01, 42.15), "EPSG:4326")
    np.testing.assert_allclose(ellipsoidal_heights(dem, grid, Geoid("WGS84 ellipsoid")), 50, atol=1)


def test_dem_coarser_than_the_grid_is_interpolated(tmp_path):
    values = np.tile(np.arange(100.0), (60, 1))
    dem = write_dem(tmp_path / "dem.tif", values)
    grid = GeoBox((10, 50), Affine(0.002, 0, 12.3, 0, -0.002, 42.0), "EPSG:4326")
    found = ellipsoidal_heights(dem, grid, Geoid("WGS84 ellipsoid"))
    np.testing.assert_allclose(found, np.tile(30 - 0.5 + (np.arange(50) + 0.5) / 5, (10, 1)), atol=0.02)


def test_absent_dem_is_an_error_that_names_it(tmp_path):
    with pytest.raises(RasterError, match=r"absent\.tif"):
        ellipsoidal_heights(tmp_path / "absent.tif", around_rome(), Geoid("WGS84 ellipsoid"))


def test_an_elevation_model_damaged_past_its_header_is_named(tmp_path):
    geobox = GeoBox((300, 300), Affine(0.01, 0, 12.0, 0, -0.01, 42.2), "EPSG:4326")
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=300, width=300, count=1, dtype="float32", crs="EPSG:4326",
        transform=geobox.transform, compress="deflate",
    ) as output:  # fmt: skip
        output.write(np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32), 1)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(content)
    with pytest.raises(RasterError, match=r"dem\.tif: cannot be read to its end"):
        ellipsoidal_heights(path, geobox, Geoid("WGS84 ellipsoid"))


@pytest.mark.parametrize(
    ("pixel", "scale", "offset", "unit"), [(500.0, 0.1, 0.0, "m"), (50.0, 1.0, 0.0, ""), (0.0, 1.0, 50.0, "metre"),
                                           (50.0 / 0.3048, 1.0, 0.0, "ft")],
)  # fmt: skip
def test_scale_offset_and_unit_of_a_dem_are_followed(tmp_path, pixel, scale, offset, unit):
    dem = write_dem(tmp_path / "dem.tif", np.full((60, 100), pixel))
    with rasterio.open(dem, "r+") as file:
        file.scales, file.offsets, file.units = (scale,), (offset,), (unit,)
    np.testing.assert_allclose(ellipsoidal_heights(dem, around_rome(), open_geoid("WGS84 ellipsoid")), 50, atol=1e-3)


def test_heights_that_cannot_be_are_refused_by_the_dem_s_name(tmp_path):
    dem = write_dem(tmp_path / "dem.tif", np.full((60, 100), -32767.0))
    with pytest.raises(RasterError, match=r"dem\.tif: elevation is -32767.*expected -500 to 9000 m"):
        ellipsoidal_heights(dem, around_rome(), open_geoid("WGS84 ellipsoid"))
