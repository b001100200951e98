"""A raster in another unit than the training data's is converted, or refused with both names."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from loam.config.sections.mapping import MapInput
from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.errors import RasterError
from loam.raster.grid import grid_like

DAY = "2022-08-15"
SIDE = 16
NONE = {"static": [], "daily": [], "classes": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]}}
PROFILE = {"driver": "GTiff", "crs": "EPSG:28355", "transform": Affine(80, 0, 540_000, 0, -80, 5_360_000),
           "height": SIDE, "width": SIDE, "count": 1, "dtype": "float32"}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """The pixel that a map reads of a raster that holds ``value`` and says its unit, or whose entry says it."""
    with rasterio.open(tmp_path / "land.tif", "w", **PROFILE) as dataset:
        dataset.write(np.ones((1, SIDE, SIDE), np.float32))
    grid = grid_like(tmp_path / "land.tif", 16)

    def pixel(feature, value, trained, *, field=None, tag=None, entry=None):
        path = tmp_path / "raster.tif"
        with rasterio.open(path, "w", **PROFILE) as dataset:
            dataset.write(np.full((1, SIDE, SIDE), value, np.float32))
            if field:
                dataset.set_band_unit(1, field)
            if tag:
                dataset.update_tags(1, units=tag)
        inputs = [MapInput(feature=feature, file=str(path), unit=entry)]
        features = feature_set({**NONE, "static": [feature]})
        known = {feature: trained} if trained else None
        with open_day(inputs, features, DAY, grid, known) as rasters:
            found = rasters.read(grid.tiles[0]).static
            rasters.log_missing()
        return pytest.approx(float(np.unique(found).item()), rel=1e-5)

    return pixel


@pytest.mark.parametrize(
    ("feature", "trained", "unit", "value", "expected"),
    [
        ("tmax", (2.0, 41.0), "K", 294.65, 21.5), ("tmax", (275.0, 314.0), "degC", 21.5, 294.65),
        ("tmax", (275.0, 314.0), "K", 294.65, 294.65), ("tmax", (2.0, 41.0), "degF", 70.7, 21.5),
        ("rain", (0.0, 80.0), "m", 0.012, 12.0), ("rain", (0.0, 0.09), "mm", 12.0, 0.012),
        ("awc_1", (4.0, 21.0), "m3 m-3", 0.12, 12.0), ("awc_1", (0.04, 0.21), "%", 12.0, 0.12),
        ("sm_surface", (0.03, 0.52), "%", 31.0, 0.31), ("sm_surface", (3.0, 52.0), "m3 m-3", 0.31, 31.0),
        ("bulk_density", (900.0, 1700.0), "g cm-3", 1.3, 1300.0), ("elevation", (0.0, 900.0), "ft", 1000.0, 304.8),
        ("lst_100m", (271.0, 326.0), "degC", 21.5, 294.65), ("lst_100m", (-2.0, 53.0), "K", 294.65, 21.5),
    ],
)  # fmt: skip
def test_a_raster_comes_in_the_unit_of_the_training_data(read, feature, trained, unit, value, expected):
    for said in ({"field": unit}, {"tag": unit}, {"entry": unit}):
        assert read(feature, value, trained, **said) == expected


def test_a_raster_that_names_no_unit_is_taken_as_it_is(read):
    assert read("tmax", 294.65, (275.0, 314.0)) == 294.65
    assert read("tmax", 21.5, (2.0, 41.0)) == 21.5


def test_the_entry_corrects_what_the_file_says(read):
    assert read("tmax", 294.65, (2.0, 41.0), field="degC", entry="K") == 21.5


def test_a_unit_of_something_else_is_refused_with_both_names(read):
    with pytest.raises(RasterError, match=r"raster.tif: 'awc' has the unit 'mm', and .* trained on it in %"):
        read("awc", 120.0, (4.0, 21.0), field="mm")


def test_a_unit_of_a_feature_that_nobody_knows_is_said(read, caplog):
    assert read("vpd", 12.0, (2.0, 41.0), field="hPa") == 12.0
    assert "the unit of 'vpd' is hPa here; that of the training data is not known" in caplog.text


@pytest.mark.parametrize("code", [-999.0, 65535.0, 7999.0])
def test_a_code_in_a_feature_that_nobody_knows_is_refused_with_its_pixel(tmp_path, code):
    values = np.linspace(2, 41, SIDE * SIDE, dtype=np.float32).reshape(1, SIDE, SIDE)
    values[0, 5, 9:11] = code
    with rasterio.open(tmp_path / "vpd.tif", "w", **PROFILE) as dataset:
        dataset.write(values)
    grid = grid_like(tmp_path / "vpd.tif", 16)
    inputs = [MapInput(feature="vpd", file=str(tmp_path / "vpd.tif"))]
    with (
        pytest.raises(RasterError, match=rf"vpd.tif: vpd is {code:g} at row 5, column 9 \(2 pixels\).*2 to 41"),
        open_day(inputs, feature_set({**NONE, "static": ["vpd"]}), DAY, grid) as rasters,
    ):
        rasters.read(grid.tiles[0])
        rasters.log_missing()


def test_the_unit_of_a_netcdf_is_that_of_its_variable(tmp_path):
    with rasterio.open(tmp_path / "land.tif", "w", **PROFILE) as dataset:
        dataset.write(np.ones((1, SIDE, SIDE), np.float32))
    grid = grid_like(tmp_path / "land.tif", 16)
    x, y = 540_040 + 80.0 * np.arange(SIDE), 5_359_960 - 80.0 * np.arange(SIDE)
    data = xr.Dataset(
        {"tmin": (("time", "y", "x"), np.full((1, SIDE, SIDE), 280.15, np.float32),
                  {"units": "K", "grid_mapping": "crs"}),
         "crs": ((), np.int32(0), {"crs_wkt": grid.geobox.crs.to_wkt()})},
        coords={"time": [np.datetime64(DAY, "ns")], "y": y, "x": x},
    )  # fmt: skip
    data.to_netcdf(tmp_path / "tmin.nc")
    features = feature_set({**NONE, "daily": [{"name": "tmin", "lags": [0, 0]}]})
    inputs = [MapInput(feature="tmin", file=str(tmp_path / "tmin.nc"))]
    with open_day(inputs, features, DAY, grid, {"tmin_0": (-4.0, 24.0)}) as rasters:
        np.testing.assert_allclose(rasters.read(grid.tiles[0]).static, 7.0, rtol=1e-5)
