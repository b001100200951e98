"""The map as netCDF: the numbers of the GeoTIFF, described as CF wants it."""

import netCDF4
import numpy as np
import pyproj
import pytest
import xarray as xr

from loam.config.map_bands import band_names
from loam.errors import RasterError
from loam.mapping import cf_netcdf
from loam.mapping.cf_netcdf import MOISTURE, write_netcdf
from loam.mapping.contents import ENCODED
from loam.raster.bands import values_of_band
from loam.raster.cog import open_map
from loam.raster.grid import grid_like, open_raster

from .conftest import write_tiff
from .test_map_catalogue import TAGS

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}, {"name": "root", "top_cm": 0, "bottom_cm": 100}]
NAMES = [layer["name"] for layer in LAYERS]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """``make(encoding)``: a map with gaps, and the netCDF beside it, copied in four blocks."""
    monkeypatch.setattr(cf_netcdf, "READ", 32)

    def run(encoding, layers=LAYERS):
        grid = grid_like(write_tiff(tmp_path / "land.tif", np.ones((50, 60), np.float32)), 64)
        values = np.random.default_rng(2).uniform(0, 0.6, (2500, 12))
        values[::7, 3] = np.nan
        with open_map(tmp_path / "map.tif", grid, band_names(NAMES), TAGS, ENCODED[encoding]) as output:
            output.write(grid.tiles[0], np.arange(2500), values)
        write_netcdf(tmp_path / "map.tif", tmp_path / "map.nc", layers, "09:00+10:00")
        return tmp_path / "map.tif", tmp_path / "map.nc"

    return run


@pytest.mark.parametrize("encoding", ["int16", "float32"])
def test_every_band_has_the_numbers_of_the_geotiff(make, encoding):
    map_path, path = make(encoding)
    with xr.open_dataset(path) as file, open_raster(map_path) as dataset:
        for band, name in enumerate(dataset.descriptions, start=1):
            np.testing.assert_allclose(file[name].values[0], values_of_band(dataset, band), atol=1e-7)
            assert np.isnan(file[name].values).any() and file[name].encoding["dtype"] == encoding
        assert pyproj.CRS.from_cf(file["crs"].attrs) == pyproj.CRS("EPSG:28355")
        np.testing.assert_allclose(file["x"].values[[0, -1]], [540_040, 544_760])
        np.testing.assert_allclose(file["y"].values[[0, -1]], [5_359_960, 5_356_040])


def test_it_says_what_the_numbers_are_of_which_day_and_depth(make):
    _, path = make("int16")
    with netCDF4.Dataset(path) as file:
        mean = file["root_mean"]
        assert (mean.standard_name, mean.units, mean.grid_mapping) == (MOISTURE, "m3 m-3", "crs")
        assert mean.coordinates == "root_depth" and "root_upper90" in mean.ancillary_variables.split()
        assert mean.chunking() == [1, 50, 60] and mean.scale_factor == 0.001
        assert file["root_depth"][...] == 0.5 and file["root_depth_bounds"][:].tolist() == [0.0, 1.0]
        days = netCDF4.num2date(file["time_bounds"][0], file["time"].units)
        assert [str(day) for day in days] == ["2022-08-14 23:00:00", "2022-08-15 23:00:00"], "nine o'clock, 10 h ahead"
        assert file.Conventions == "CF-1.8" and file.trained_on == "all stations"


def test_the_cf_checker_has_no_complaint(make):
    """But one: that the bounds of a scalar coordinate have one dimension, as CF 7.1 has it."""
    suite = pytest.importorskip("compliance_checker.suite").CheckSuite()
    suite.load_all_available_checkers()
    _, path = make("int16")
    found, errors = suite.run_all(suite.load_dataset(str(path)), ["cf:1.8"])["cf:1.8"]
    complaints = [message for result in found if np.ptp(np.atleast_1d(result.value)) for message in result.msgs]
    assert len(found) > 20 and not errors
    assert [message for message in complaints if "should have at least two dimensions" not in message] == []


def test_a_lacking_map_is_named(tmp_path):
    with pytest.raises(RasterError, match="no such file"):
        write_netcdf(tmp_path / "map.tif", tmp_path / "map.nc", LAYERS, "00:00+00:00")
    assert not list(tmp_path.iterdir())
