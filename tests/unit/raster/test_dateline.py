"""The 180th meridian: a grid across it has its own width, and every one of its pixels gets its own value."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import bounds_of
from loam.acquire.source import Fields
from loam.acquire.steps.across import join, read_across
from loam.door import Door
from loam.errors import AcquireError, RasterError
from loam.raster.band_on_grid import Reading, resample
from loam.raster.dateline import parts_of, period_of, within_longitudes
from loam.raster.grid import Tile, cells_at, crs_of, project
from loam.raster.warp import Warped

SIZE = 4000.0


@pytest.fixture
def fiji() -> GeoBox:
    """160 km of the Fiji Map Grid, over the meridian."""
    return GeoBox((40, 40), Affine(SIZE, 0, 2_000_000, 0, -SIZE, 4_080_000), "EPSG:3460")


def _pixels(grid):
    rows, cols = np.mgrid[0 : grid.shape[0], 0 : grid.shape[1]]
    t = grid.transform
    lon, lat = project(t.c + t.a * (cols + 0.5), t.f + t.e * (rows + 0.5), crs_of(grid), "EPSG:4326")
    return np.asarray(lon) % 360.0, np.asarray(lat)


def _plane(lon, lat):
    return 10.0 * (np.asarray(lon) % 360.0 - 180.0) + np.asarray(lat)


def _write(path, west, south, east, north, step, crs="EPSG:4326"):
    width, height = round((east - west) / step), round((north - south) / step)
    lon, lat = west + step * (np.arange(width) + 0.5), north - step * (np.arange(height) + 0.5)
    values = _plane(*np.meshgrid(lon, lat)).astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype="float32", crs=crs, nodata=-9999.0,
        transform=Affine(step, 0, west, 0, -step, north),
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path


SOURCES = {
    "two_tiles": [(178, -20, 180, -14), (-180, -20, -178, -14)],
    "around_the_world_from_-180": [(-180, -20, 180, -14)],
    "around_the_world_from_0": [(0, -20, 360, -14)],
    "one_stretch": [(178, -20, 182, -14)],
}


@pytest.mark.parametrize("boxes", SOURCES.values(), ids=SOURCES)
def test_every_pixel_of_a_grid_across_the_meridian_gets_its_own_value(fiji, tmp_path, boxes):
    paths = [_write(tmp_path / f"{n}.tif", *box, 0.02) for n, box in enumerate(boxes)]
    opened = [rasterio.open(path) for path in paths]
    values = resample(opened, fiji, Reading(), np.nan)
    for dataset in opened:
        dataset.close()
    assert np.abs(values - _plane(*_pixels(fiji))).max() < 0.15  # of 13.6 over the grid; a cell is 0.2 wide


@pytest.mark.parametrize("name", list(SOURCES)[1:])
def test_a_raster_of_covariates_is_warped_across_the_meridian(fiji, tmp_path, name):
    with rasterio.open(_write(tmp_path / "x.tif", *SOURCES[name][0], 0.02)) as dataset:
        values = Warped(dataset, fiji).numbers(1, Tile(0, 0, 40, 40), Door("unknown", None, tmp_path))
    assert np.abs(values - _plane(*_pixels(fiji))).max() < 0.15


def test_a_raster_whose_projection_is_cut_there_is_refused(fiji, tmp_path):
    _write(tmp_path / "x.tif", -17_367_000, -2_600_000, 17_367_000, -1_600_000, 20_000, crs="EPSG:6933")
    with rasterio.open(tmp_path / "x.tif") as dataset:
        with pytest.raises(RasterError, match="is cut at the 180th meridian"):
            resample([dataset], fiji, Reading(), np.nan)
        with pytest.raises(RasterError, match="is cut at the 180th meridian"):
            Warped(dataset, fiji)


def test_a_grid_across_the_meridian_has_its_own_width(fiji):
    west, south, east, north = bounds_of(fiji)
    lon, lat = _pixels(fiji)
    assert west < lon.min() < 180 < lon.max() < east and east - west < 1.7
    assert south < lat.min() and lat.max() < north
    assert parts_of((west, south, east, north)) == [(west, south, 180.0, north), (-180.0, south, east - 360.0, north)]


def test_a_grid_of_the_whole_world_keeps_its_width():
    assert bounds_of(GeoBox((18, 36), Affine(10, 0, -180, 0, -10, 90), "EPSG:4326")) == (-180, -90, 180, 90)


def test_a_region_across_the_meridian_has_its_west_above_its_east():
    assert within_longitudes(179.5, 178, -178) and within_longitudes(-179.5, 178, -178)
    assert not within_longitudes(0.0, 178, -178)


def _fields(lon, crs="EPSG:4326"):
    lat = np.arange(-15.0, -20.0, -0.25)
    data = xr.Dataset(
        {"rain": (("time", "latitude", "longitude"), _plane(*np.meshgrid(lon, lat))[None]), "n": ("time", [8])},
        coords={"time": [np.datetime64("2021-03-01", "ns")], "latitude": lat, "longitude": lon}, attrs={"crs": crs},
    )  # fmt: skip
    return Fields(data, np.array([1]), frozenset(), date(2021, 3, 1))


@pytest.mark.parametrize("spare", [0.0, 0.25], ids=["from_-180", "from_0"])
def test_fields_of_both_sides_become_one_grid_whose_cells_are_found(fiji, spare):
    def read(bounds, days):
        west, _, east, _ = bounds
        return _fields(np.arange(max(west // 0.25 * 0.25, -180 - spare), min(east + 0.25, 180 + spare), 0.25) + 0.125)

    source = SimpleNamespace(read_fields=read, dataset=SimpleNamespace(name="rain"), back_end="local")
    data = read_across(source, bounds_of(fiji), [date(2021, 3, 1)]).data
    x = data["longitude"].to_numpy()
    assert np.allclose(np.diff(x), 0.25) and x[0] < 179.2 and x[-1] > 180.6 and list(data["n"]) == [8]
    lon, lat = _pixels(fiji)
    grid = GeoBox((data.sizes["latitude"], len(x)), Affine(0.25, 0, x[0] - 0.125, 0, -0.25, -14.875), "EPSG:4326")
    rows, cols = cells_at(grid, ((lon + 180) % 360 - 180).ravel(), lat.ravel())
    assert (rows >= 0).all()
    found = data["rain"].to_numpy()[0, rows, cols]
    assert np.abs(found - _plane(lon, lat).ravel()).max() < 10 * 0.125 + 0.126


def test_sides_with_a_gap_between_them_are_refused():
    with pytest.raises(AcquireError, match="expected|end at longitude"):
        join(_fields(np.arange(178, 179, 0.25)).data, _fields(np.arange(-179.5, -178, 0.25)).data, "x")


def test_cylinders_come_around_and_transverse_ones_do_not(fiji):
    import pyproj

    assert period_of(pyproj.CRS("EPSG:6933")) == pytest.approx(2 * 17_367_530.445, abs=0.1)
    assert period_of(pyproj.CRS("EPSG:4326")) == 360.0
    assert period_of(crs_of(fiji)) is None and period_of(pyproj.CRS("EPSG:32760")) is None
