"""Grids that users hold: found by name, read in any CRS and unit, and refused by name."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from loam.acquire.access import Access
from loam.acquire.canonical.canonical import checked_fields
from loam.acquire.catalogue import dataset_of
from loam.acquire.local.local_source import LocalSource
from loam.acquire.steps.fetch_maps import fetch_map
from loam.errors import ConfigError, RasterError

GRID = GeoBox((20, 20), Affine(80, 0, 500_000, 0, -80, 5_300_000), "EPSG:28355")
PLACE = from_origin(499_000, 5_301_000, 90, 90)
LAYERS = ["0-5", "5-15", "15-30", "30-60"]
BOX = (147.02, -42.48, 147.08, -42.42)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def source(name, folder):
    return LocalSource(dataset_of(name), Access(folders={name: str(folder)}), folder.parent / "work")


def tif(path, values, *, crs="EPSG:28355", transform=PLACE, names=(), units=None, **more):
    values = np.asarray(values)
    with rasterio.open(
        path, "w", driver="GTiff", count=values.shape[0], height=values.shape[1], width=values.shape[2],
        dtype=values.dtype, crs=crs, transform=transform, **more,
    ) as file:  # fmt: skip
        file.write(values)
        if names:
            file.descriptions = tuple(names)
        if units:
            file.units = (units,) * values.shape[0]


def layers(*values, dtype=np.float32):
    return np.stack([np.full((40, 40), value, dtype) for value in values])


# Maps


def test_four_bands_in_one_file_are_the_layers_in_their_order(folder):
    tif(folder / "clay.tif", layers(10, 20, 30, 40))
    values = source("soil_grids_local", folder).read_map("clay", GRID)
    assert values.shape == (4, 20, 20) and values.dtype == np.float32
    assert values[:, 5, 5].tolist() == [10, 20, 30, 40]


def test_bands_with_names_are_taken_by_name(folder):
    tif(folder / "clay.tif", layers(40, 30, 20, 10, 99), names=[*LAYERS[::-1], "60-100"])
    assert source("soil_grids_local", folder).read_map("clay", GRID)[:, 5, 5].tolist() == [10, 20, 30, 40]


def test_a_file_for_each_layer_will_do_and_each_may_be_in_another_crs(folder):
    for layer, value, crs in zip(LAYERS, (10, 20, 30, 40), ("EPSG:28355", "EPSG:4326") * 2, strict=True):
        place = PLACE if crs == "EPSG:28355" else from_origin(146.99, -42.43, 0.001, 0.001)
        tif(folder / f"clay_{layer}.tif", layers(value), crs=crs, transform=place)
    assert source("soil_grids_local", folder).read_map("clay", GRID)[:, 5, 5].tolist() == [10, 20, 30, 40]


def test_a_south_up_raster_is_read_right_side_up(folder):
    rows = np.arange(40, dtype=np.float32)[:, np.newaxis].repeat(40, axis=1)  # grows to the north
    south_up = Affine(90, 0, 499_000, 0, 90, 5_301_000 - 40 * 90)
    tif(folder / "elevation.tif", rows[np.newaxis], transform=south_up)
    values = source("terrain_local", folder).read_map("elevation", GRID)[0]
    assert (np.diff(values[:, 0]) <= 0).all() and values[0, 0] > values[-1, 0]


@pytest.mark.parametrize(
    ("given", "pixel", "expected"), [("g kg-1", 250, 25), ("%", 25, 25), ("kg kg-1", 0.25, 25), (None, 25, 25)]
)
def test_units_of_the_file_become_percent(folder, given, pixel, expected):
    tif(folder / "clay.tif", layers(*[pixel] * 4), units=given)
    assert source("soil_grids_local", folder).read_map("clay", GRID)[0, 5, 5] == pytest.approx(expected)


def test_the_layout_names_units_nodata_and_crs(folder):
    (folder / "layout.yaml").write_text(
        "names: {clay: CLY_mean}\nunits: {clay: g kg-1}\nnodata: {clay: -1}\ncrs: EPSG:28355\n", encoding="utf-8"
    )
    values = layers(250, 250, 250, 250, dtype=np.int16)
    values[:, :, :20] = -1
    tif(folder / "CLY_mean.tif", values, crs=None)
    found = source("soil_grids_local", folder).read_map("clay", GRID)[0]
    assert np.isnan(found[5, 0]) and found[5, 19] == pytest.approx(25)


def test_the_files_own_scale_comes_before_the_unit(folder):
    tif(folder / "clay.tif", layers(2500, 2500, 2500, 2500, dtype=np.int16), units="g kg-1")
    with rasterio.open(folder / "clay.tif", "r+") as file:
        file.scales = (0.1,) * 4
    assert source("soil_grids_local", folder).read_map("clay", GRID)[0, 5, 5] == pytest.approx(25)


def test_heights_in_feet_on_a_grid_in_feet_become_metres(folder):
    x, y = pyproj.Transformer.from_crs("EPSG:32610", "EPSG:2226", always_xy=True).transform(642_000, 4_271_000)
    place = from_origin(x - 1000, y + 1000, 300, 300)
    tif(folder / "elevation.tif", layers(1000), crs="EPSG:2226", transform=place, units="ft")
    grid = GeoBox((10, 10), Affine(80, 0, 642_000, 0, -80, 4_271_000), "EPSG:32610")
    assert np.allclose(source("terrain_local", folder).read_map("elevation", grid), 304.8)


@pytest.mark.parametrize(
    ("tag", "layout", "kept"),
    [("EGM96", None, "EGM96"), ("AHD", "EGM2008", "EGM2008"), (None, "AHD", "AHD"), (None, None, None)],
)
def test_an_elevation_model_keeps_the_datum_that_its_owner_names(folder, tmp_path, tag, layout, kept):
    path = folder / "elevation.tif"
    tif(path, layers(250))
    if tag:
        with rasterio.open(path, "r+") as file:
            file.update_tags(vertical_datum=tag)
    if layout:
        (folder / "layout.yaml").write_text(f"vertical_datum: {layout}\n")
    given = source("terrain_local", folder)
    given.workspace = tmp_path / "work"
    fetch_map(given, "elevation", GRID, tmp_path / "out" / "elevation.tif", {"dataset": "terrain_local"})
    with rasterio.open(tmp_path / "out" / "elevation.tif") as file:
        assert file.tags().get("vertical_datum") == kept and (file.read(1) == 250).all()


def test_land_cover_keeps_its_classes(folder):
    values = layers(543, dtype=np.int16)
    values[:, :, 20:] = 110
    tif(folder / "landcover.tif", values, nodata=0)
    found = source("landcover_local", folder).read_map("landcover", GRID)
    assert found.dtype.kind == "u" and set(np.unique(found).tolist()) == {110, 543}


def test_a_map_elsewhere_is_all_missing(folder):
    tif(folder / "clay.tif", layers(10, 20, 30, 40), transform=from_origin(0, 0, 90, 90))
    assert np.isnan(source("soil_grids_local", folder).read_map("clay", GRID)).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: None, r"there is no clay.tif; expected it, with bands 0-5, .* like clay_0-5.tif"),
        (lambda path: tif(path, layers(1, 2)), r"clay.tif: has 2 bands; expected 4"),
        (lambda path: tif(path, layers(1, 2, 3, 4), crs=None), r"clay.tif: has no coordinate reference"),
        (lambda path: tif(path, layers(1, 2, 350, 4)), r"clay.tif: clay is 350 %; expected 0 to 100 %"),
        (lambda path: tif(path, layers(1, 2, 3, 4), units="hPa"), r"clay has the unit 'hPa'; expected"),
        (lambda path: path.write_text("<html>"), r"clay.tif: cannot be read as a raster"),
        (lambda path: tif(path.with_name("clay_0-5.tif"), layers(1)), r"clay_5-15.tif, .* lack"),
    ],
    ids=["none", "bands", "crs", "range", "unit", "html", "layer"],
)  # fmt: skip
def test_what_is_wrong_with_a_map_is_said_with_file_and_variable(folder, make, text):
    make(folder / "clay.tif")
    with pytest.raises(RasterError, match=text):
        source("soil_grids_local", folder).read_map("clay", GRID)


def test_two_files_that_could_be_the_map_are_refused(folder):
    tif(folder / "clay.tif", layers(1, 2, 3, 4))
    tif(folder / "clay_0-5.tif", layers(1))
    with pytest.raises(RasterError, match=r"clay.tif: clay could also be clay_0-5.tif"):
        source("soil_grids_local", folder).read_map("clay", GRID)


def test_a_map_cut_short_is_an_error_not_zeros(folder):
    tif(folder / "clay.tif", 10 + np.random.default_rng(0).random((4, 40, 40)).astype(np.float32))
    data = (folder / "clay.tif").read_bytes()
    (folder / "clay.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(RasterError, match=r"clay.tif: cannot be read"):
        source("soil_grids_local", folder).read_map("clay", GRID)


@pytest.mark.parametrize(
    ("folders", "text"),
    [
        ({}, "acquire.local.soil_grids_local': no folder is given"),
        ({"soil_grids_local": "/nowhere"}, "there is no folder /nowhere"),
    ],
)
def test_a_folder_that_is_not_given_or_not_there_is_a_config_error(tmp_path, folders, text):
    with pytest.raises(ConfigError, match=text):
        LocalSource(dataset_of("soil_grids_local"), Access(folders=folders), tmp_path).read_map("clay", GRID)


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("unit: {clay: g kg-1}", "holds unit; expected names, units, nodata, crs"),
        ("units: {silt: g kg-1}", "units names 'silt'; expected one of awc, soc"),
        ("nodata: {clay: none}", "nodata of clay is 'none'; expected a number"),
        ("- clay", "expected names, units, nodata, crs"),
        ("units: {clay", "cannot be read as YAML"),
    ],
)
def test_a_layout_that_says_something_unknown_is_a_config_error(folder, layout, text):
    (folder / "layout.yaml").write_text(layout, encoding="utf-8")
    with pytest.raises(ConfigError, match=text):
        source("soil_grids_local", folder).read_map("clay", GRID)


def test_the_provenance_tells_the_folder_and_how_it_was_read(folder):
    (folder / "layout.yaml").write_text("units: {clay: g kg-1}", encoding="utf-8")
    assert source("soil_grids_local", folder).notes == {"folder": str(folder), "layout": {"units": {"clay": "g kg-1"}}}


# Weather

LONGITUDE, LATITUDE = np.arange(146.9, 147.2, 0.05), np.arange(-42.3, -42.6, -0.05)
UNITS = {"rain": "mm d-1", "tmin": "degC", "tmax": "degC"}
VALUES = {"rain": 2.0, "tmin": 5.0, "tmax": 15.0}


def weather(
    path, first, last, *, values=VALUES, units=UNITS, attributes=None, coords=None, step="D", growth=0.01, **more
):  # fmt: skip
    """A file of fields that are the same everywhere and grow by ``growth`` a day."""
    time = pd.date_range(first, last, freq=step)
    coords = coords or {"latitude": LATITUDE, "longitude": LONGITUDE}
    shape = len(time), *(len(axis) for axis in coords.values())
    grown = np.arange(len(time))[:, np.newaxis, np.newaxis] * growth
    data = xr.Dataset(coords={"time": time, **coords})
    for name, value in values.items():
        given = {"units": units[name], **(attributes or {}).get(name, {})}
        data[name] = (("time", *coords), np.full(shape, value) + grown, given)
    for name, value in more.items():
        data[name] = value
    data.to_netcdf(path)


def days(first, count):
    return [date.fromisoformat(first) + timedelta(days=step) for step in range(count)]


def crs_of(fields):
    return pyproj.CRS.from_user_input(fields.data.attrs["crs"]).to_epsg()


def read(folder, first="2020-01-01", count=3, box=BOX):
    where = source("weather_grids", folder)
    wanted = days(first, count)
    fields = where.read_fields(box, wanted)
    return checked_fields(fields, where.dataset, wanted, "test")


def test_a_month_of_all_variables_is_read_by_day(folder):
    weather(folder / "2020-01.nc", "2020-01-01", "2020-01-31")
    fields = read(folder, "2020-01-02", 2)
    assert fields.data.rain.dims == ("time", "latitude", "longitude") and crs_of(fields) == 4326
    assert np.allclose(fields.data.rain[:, 0, 0], [2.01, 2.02])
    assert np.allclose(fields.data.tmax[:, 0, 0], [15.01, 15.02])
    assert fields.found.tolist() == [1, 1] and fields.published_until == date(2020, 1, 31)


def test_the_cells_cover_the_box_with_one_to_spare(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-12-31")
    data = read(folder).data
    west, south, east, north = BOX
    assert west - 0.1 < data.longitude.min() - 0.025 < west - 0.0499 and east + 0.0499 < data.longitude.max() + 0.025
    assert south - 0.1 < data.latitude.min() - 0.025 < south - 0.0499 and north + 0.0499 < data.latitude.max() + 0.025


def test_a_file_a_variable_and_year_will_do(folder):
    for name in VALUES:
        weather(folder / f"{name}_2020.nc", "2020-01-01", "2020-12-31", values={name: VALUES[name]})
    assert np.allclose(read(folder).data.tmin[:, 0, 0], [5, 5.01, 5.02])


def test_the_more_special_file_counts(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-12-31")
    weather(folder / "rain_2020-01.nc", "2020-01-01", "2020-01-31", values={"rain": 7.0})
    data = read(folder).data
    assert data.rain[0, 0, 0] == 7 and data.tmin[0, 0, 0] == 5


def test_the_last_day_is_that_of_the_more_special_file(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-10")
    for name in VALUES:
        weather(folder / f"{name}_2020.nc", "2020-01-01", "2020-01-20", values={name: VALUES[name]})
    assert read(folder, "2020-01-19", 2).published_until == date(2020, 1, 20)


def test_axes_may_come_in_any_order_and_one_level_is_no_axis(folder):
    weather(folder / "whole.nc", "2020-01-01", "2020-01-31")
    with xr.open_dataset(folder / "whole.nc") as data:
        data = data.load()
    data["rain"] = data.rain + data.longitude - 147
    data.expand_dims("height").transpose("longitude", "height", "latitude", "time").to_netcdf(folder / "2020.nc")
    rain = read(folder).data.rain
    assert np.allclose(rain[0], 2 + rain.longitude - 147, atol=1e-5)


def test_days_on_both_sides_of_new_year_come_from_two_files(folder):
    weather(folder / "2019.nc", "2019-01-01", "2019-12-31", values={**VALUES, "rain": 1.0})
    weather(folder / "2020.nc", "2020-01-01", "2020-12-31")
    assert np.allclose(read(folder, "2019-12-31", 2).data.rain[:, 0, 0], [1 + 3.64, 2])


@pytest.mark.parametrize(
    ("unit", "rain"), [("mm", 4), ("m", 0.004), ("kg m-2 s-1", 4 / 86400), ("kg m-2", 4), ("mm/day", 4)]
)
def test_rain_is_told_apart_by_its_unit(folder, unit, rain):
    scale = rain / 4 * 0.01
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", values={**VALUES, "rain": 0}, units={**UNITS, "rain": unit})
    with xr.open_dataset(folder / "2020.nc") as data:
        data = data.load()
    data["rain"] = data.rain / 0.01 * scale + rain
    data.rain.attrs["units"] = unit
    data.to_netcdf(folder / "2020.nc")
    assert np.allclose(read(folder).data.rain[:, 0, 0], [4, 4.01, 4.02], atol=1e-4)


def test_kelvin_becomes_degrees(folder):
    values = {"rain": 2.0, "tmin": 278.15, "tmax": 288.15}
    weather(
        folder / "2020.nc", "2020-01-01", "2020-01-31", values=values, units={"rain": "mm", "tmin": "K", "tmax": "K"}
    )
    data = read(folder).data
    assert data.tmin[0, 0, 0] == pytest.approx(5) and data.tmax[0, 0, 0] == pytest.approx(15)


def test_variables_are_found_by_their_standard_names(folder):
    weather(
        folder / "2020.nc", "2020-01-01", "2020-01-31", values={"pr": 2.0, "tn": 5.0, "tx": 15.0},
        units={"pr": "mm", "tn": "degC", "tx": "degC"},
        attributes={
            "pr": {"standard_name": "precipitation_amount"},
            "tn": {"standard_name": "air_temperature", "cell_methods": "time: minimum"},
            "tx": {"standard_name": "air_temperature", "cell_methods": "time: maximum within days"},
        },
    )  # fmt: skip
    data = read(folder).data
    assert [float(data[name][0, 0, 0]) for name in ("rain", "tmin", "tmax")] == [2, 5, 15]


def test_variables_are_found_by_the_names_of_the_layout(folder):
    (folder / "layout.yaml").write_text(
        "names: {rain: daily_rain, tmin: min_temp, tmax: max_temp}\nunits: {rain: mm}\nnodata: {rain: -99}\n"
    )
    values = {"daily_rain": -99.0, "min_temp": 5.0, "max_temp": 15.0}
    units = {"daily_rain": "millimetres of water", "min_temp": "Celsius", "max_temp": "Celsius"}
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", values=values, units=units, growth=0)
    data = read(folder).data
    assert np.isnan(data.rain[0, 0, 0]) and data.rain.shape == data.tmin.shape
    assert data.tmax[0, 0, 0] == 15


def test_packed_values_and_fill_values_are_unpacked(folder):
    weather(folder / "whole.nc", "2020-01-01", "2020-01-31")
    with xr.open_dataset(folder / "whole.nc") as data:
        data = data.load()
    data["rain"] = data.rain.where(data.latitude < -42.32)
    packing = {"dtype": "i2", "scale_factor": 0.1, "add_offset": 0.0, "_FillValue": -32767}
    data.to_netcdf(folder / "2020.nc", encoding={"rain": packing})
    found = read(folder, box=(147.02, -42.48, 147.08, -42.31)).data.rain[0]
    assert np.isnan(found[0]).all() and np.allclose(found[2:], 2)


def test_longitudes_from_0_to_360_and_rising_latitudes_are_the_same_place(folder):
    coords = {"latitude": LATITUDE[::-1], "longitude": np.array([-73.1, -73.0, -72.9, -72.8]) % 360}
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", coords=coords)
    data = read(folder, box=(-72.96, -42.48, -72.93, -42.42)).data
    assert data.longitude.min() > -73.2 and np.allclose(data.rain[0], 2)
    assert (np.diff(data.latitude) > 0).all()


def test_a_projected_grid_keeps_its_crs(folder):
    coords = {"y": np.arange(5_300_000, 5_280_000, -2000.0), "x": np.arange(495_000, 515_000, 2000.0)}
    mapping = xr.DataArray(0, attrs=pyproj.CRS.from_epsg(28355).to_cf())
    attributes = {name: {"grid_mapping": "crs"} for name in VALUES}
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", coords=coords, attributes=attributes, crs=mapping)
    fields = read(folder)
    assert fields.data.rain.dims == ("time", "y", "x") and crs_of(fields) == 28355
    assert fields.data.x.min() < 501_600 < fields.data.x.max()


def test_days_after_the_last_one_there_are_not_yet_published(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-10")
    fields = read(folder, "2020-01-09", 4)
    assert fields.found.tolist() == [1, 1, 0, 0] and fields.published_until == date(2020, 1, 10)
    assert np.isnan(fields.data.rain[2:]).all() and np.isfinite(fields.data.rain[:2]).all()


def test_a_month_after_the_last_day_is_all_missing_on_the_same_cells(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-10")
    fields = read(folder, "2020-02-01", 2)
    assert fields.found.tolist() == [0, 0] and np.isnan(fields.data.tmin).all()


def without(path, day):
    with xr.open_dataset(path) as data:
        data = data.load()
    data.sel(time=data.time != np.datetime64(day)).to_netcdf(path)


def spoil(path, name, **attributes):
    with xr.open_dataset(path) as data:
        data = data.load()
    data[name].attrs = {key: value for key, value in {**data[name].attrs, **attributes}.items() if value is not None}
    data.to_netcdf(path)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: without(path, "2020-01-02"), r"2020.nc: has no rain of 2020-01-02; expected every day"),
        (lambda path: spoil(path, "tmin", units="K"), r"2020.nc: tmin is -268.15 degC; expected -90 to 60 degC; check"),
        (lambda path: spoil(path, "rain", units="mm s-1"), r"2020.nc: rain is 172800 mm d-1; expected 0 to 1900"),
        (lambda path: spoil(path, "rain", units="hPa"), r"2020.nc: rain has the unit 'hPa'; expected one of mm d-1"),
        (lambda path: spoil(path, "rain", units=None), r"2020.nc: rain has no units"),
        (lambda path: path.write_text("<html>"), r"2020.nc: cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), r"2020.nc: cannot be read"),
        (lambda path: path.unlink(), r"holds no weather; expected files <yyyy-mm>.nc"),
        (lambda path: path.rename(path.with_name("2021.nc")), r"no file with rain of 2020-01-01.* expected 2020-01.nc"),
    ],
    ids=["day", "kelvin", "seconds", "pressure", "no unit", "html", "cut", "none", "year"],
)  # fmt: skip
def test_what_is_wrong_with_weather_is_said_with_file_and_variable(folder, make, text):
    last = "2020-12-31"
    weather(folder / "2020.nc", "2020-01-01", last)
    make(folder / "2020.nc")
    with pytest.raises(RasterError, match=text):
        read(folder)


def test_a_missing_variable_is_an_error_that_names_those_there(folder):
    weather(
        folder / "2020.nc",
        "2020-01-01",
        "2020-01-31",
        values={"rain": 2.0, "tmin": 5.0, "humidity": 50.0},
        units={**UNITS, "humidity": "%"},
    )
    with pytest.raises(
        RasterError, match=r"2020.nc: none of its variables \(rain, tmin, humidity\) is tmax by standard"
    ):
        read(folder)


def test_hourly_files_are_refused(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-03", step="h")
    with pytest.raises(RasterError, match=r"has several fields of rain on 2020-01-01; expected one a day"):
        read(folder)


def test_variables_on_different_cells_are_refused(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31")
    coords = {"latitude": LATITUDE + 0.02, "longitude": LONGITUDE}
    weather(folder / "tmax_2020.nc", "2020-01-01", "2020-01-31", values={"tmax": 15.0}, coords=coords)
    with pytest.raises(RasterError, match=r"tmax_2020.nc: the cells of tmax are others"):
        read(folder)


def test_swapped_temperatures_are_found(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", values={"rain": 2.0, "tmin": 15.0, "tmax": 5.0})
    with pytest.raises(RasterError, match="tmin is above tmax"):
        read(folder)


def test_a_projected_grid_without_a_crs_is_refused(folder):
    coords = {"y": np.arange(5_300_000, 5_280_000, -2000.0), "x": np.arange(495_000, 515_000, 2000.0)}
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", coords=coords)
    with pytest.raises(RasterError, match=r"2020.nc: has no coordinate reference system"):
        read(folder)


def test_a_region_outside_the_files_is_refused(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31")
    with pytest.raises(RasterError, match=r"2020.nc: does not cover the region"):
        read(folder, box=(10, 40, 11, 41))


def test_rain_just_below_zero_is_none(folder):
    weather(folder / "2020.nc", "2020-01-01", "2020-01-31", values={**VALUES, "rain": -0.03})
    assert (read(folder).data.rain >= 0).all()


@pytest.mark.parametrize("code", [-999.0, 1e20])
def test_a_code_for_missing_does_not_hide_in_the_mean_of_a_pixel(folder, code):
    fine = np.full((4, 400, 400), 30.0, np.float32)
    fine[0, 200, 200] = code
    tif(folder / "clay.tif", fine, transform=from_origin(499_000, 5_301_000, 8, 8))
    with pytest.raises(RasterError, match=r"clay\.tif: clay is .*expected 0 to 100 %"):
        source("soil_grids_local", folder).read_map("clay", GRID)
