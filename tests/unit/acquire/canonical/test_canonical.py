from datetime import date

import numpy as np
import pandas as pd
import pytest
from memory_sources import CLASSES, CLAY, MOISTURE, WEATHER, MemoryFields, dataset
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import (
    Extremes,
    bounds_of,
    cells_of,
    check_range,
    checked_fields,
    checked_samples,
    checked_tile,
    looks_like,
)
from loam.acquire.catalogue import Variable, catalogue
from loam.acquire.source import Fields
from loam.errors import AcquireError
from loam.raster.grid import project

TILE = GeoBox.from_bbox((500000, 5200000, 500320, 5200320), "EPSG:32755", resolution=80)
DAYS = [date(2020, 1, day) for day in (1, 2, 3)]
BULK = Variable("bulk_density", "g cm-3", 0.02, 2.65, "bulk density", ("0-5",))
NDVI = Variable("ndvi", "1", -0.2, 1, "vegetation index")
ELEVATION = Variable("elevation", "m", -500, 9000, "height", ("elevation",))


@pytest.mark.parametrize(
    ("variable", "values", "words"),
    [
        (WEATHER["tmin"], [280.1, 290.3, 301.0], "Kelvin"),
        (WEATHER["tmin"], [-32.0, 101.0, 253.0], "tenths of a degree"),
        (WEATHER["tmin"], [5.0, 12.0, -9999.0], "a fill value that was not masked"),
        (MOISTURE["sm_surface"], [12.0, 25.3, 41.0], "percent"),
        (MOISTURE["sm_surface"], [120.0, 253.0, 410.0], "millimetres of water"),
        (MOISTURE["sm_surface"], [0.2, 0.3, 3.4e38], "a fill value that was not masked"),
        (CLAY["clay"], [120.0, 253.0, 410.0], "per thousand"),
        (BULK, [120.0, 140.0], "hundredths"),
        (BULK, [1200.0, 1400.0], "kg m-3"),
        (NDVI, [2500.0, 7000.0], "10000 for 1"),
        (ELEVATION, [10.0, -32768.0], "a fill value that was not masked"),
    ],
)
def test_values_in_another_unit_are_told_for_what_they_are(variable, values, words):
    with pytest.raises(AcquireError, match=words) as raised:
        check_range(np.array(values), variable, where="weather, tmin", place=lambda index: f"pixel {index[0]}")
    assert "weather, tmin" in str(raised.value) and variable.units in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_single_spike_is_not_taken_for_another_unit():
    values = np.full(1000, 0.3)
    values[7] = 42.0
    assert looks_like(values, MOISTURE["sm_surface"]) is None
    with pytest.raises(AcquireError, match=r"sm_surface is 42 at cell 7 \(1 of 1000 values are out of range\)"):
        check_range(values, MOISTURE["sm_surface"], where="smap", place=lambda index: f"cell {index[0]}")


def test_missing_values_and_single_precision_pass_every_variable_of_the_catalogue():
    for entry in catalogue().values():
        for variable in entry.variables.values():
            ends = np.array([variable.low, variable.high, np.nan], np.float32)
            check_range(ends, variable, where=entry.name, place=str)


def test_an_infinite_value_is_out_of_range():
    with pytest.raises(AcquireError, match="fill value"):
        check_range(np.array([0.2, np.inf]), MOISTURE["sm_surface"], where="smap", place=str)


def test_rain_in_metres_and_clay_as_a_share_are_possible_but_warned_of(caplog):
    rain, clay = Extremes(), Extremes()
    values = np.full(500, 0.02)
    rain.add(values, values == values)
    rain.report(WEATHER["rain"], "era5_land")
    clay.add(values, values == values)
    clay.report(CLAY["clay"], "slga")
    assert "does it come in metres?" in caplog.text and "share of 1" in caplog.text


def test_a_tile_names_the_pixel_that_cannot_be():
    values = np.full((2, 4, 4), 30.0, np.float32)
    values[1, 2, 3] = 130.0
    with pytest.raises(AcquireError, match=r"clay is 130 at pixel \(500280, 5200120\) of band 5-15"):
        checked_tile(values, CLAY["clay"], dataset(variables=CLAY), TILE, "slga")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 4, 5), np.float32), "holds 2 x 4 x 5; expected 2 x 4 x 4"),
        (np.zeros((1, 4, 4), np.float32), "holds 1 x 4 x 4"),
        (np.zeros((2, 4, 4), np.int16), "of type int16"),
    ],
)
def test_a_tile_of_another_shape_or_type_is_refused(values, words):
    with pytest.raises(AcquireError, match=words):
        checked_tile(values, CLAY["clay"], dataset(variables=CLAY), TILE, "slga")


def test_classes_keep_their_nodata_and_fit_the_smallest_type():
    entry = dataset(variables=CLASSES, nodata=0)
    values = np.array([[0, 1], [2, 255]], np.int32)[None]
    tile = checked_tile(values, CLASSES["cover"], entry, TILE[:2, :2], "cover")
    assert tile.dtype == np.uint8 and tile.tolist() == [[[0, 1], [2, 255]]]
    with pytest.raises(AcquireError, match="cover is 300"):
        checked_tile(np.full((1, 2, 2), 300), CLASSES["cover"], entry, TILE[:2, :2], "cover")


def test_fields_are_brought_to_the_order_of_dimensions_and_single_precision(tmp_path):
    entry = dataset()
    given = MemoryFields(
        entry, tmp_path, change=lambda data: data.transpose("longitude", "time", "latitude").astype(float)
    )
    fields = checked_fields(given.read_fields((147, -43, 147.5, -42.5), DAYS), entry, DAYS, "weather")
    assert fields.data["rain"].dims == ("time", "latitude", "longitude")
    assert fields.data["rain"].dtype == np.float32


def spoil(name, index, value):
    def change(data):
        data[name][index] = value
        return data

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.drop_vars("tmin"), "has no tmin"),
        (lambda data: data.isel(time=slice(0, 2)), "has 2 days"),
        (lambda data: data.isel(time=[0, 2, 1]), "has 3 days, 2020-01-01 to 2020-01-02"),
        (lambda data: data.isel(latitude=[0]), "1 cells along latitude"),
        (lambda data: data.isel(latitude=[0, 1, 3]), "not evenly spaced along latitude"),
        (lambda data: data.rename(latitude="row"), "dimensions"),
        (lambda data: data.assign_attrs(crs=None).drop_attrs(), "names no coordinate reference system"),
        (spoil("tmin", (1, 0, 0), 290.0), r"tmin is 290 at 2020-01-02, cell \(146.95, -42.45\)"),
        (spoil("rain", (0, 1, 1), -5.0), "rain is -5 at 2020-01-01"),
    ],
)
def test_fields_that_are_not_what_was_asked_for_are_refused(change, words, tmp_path):
    entry = dataset()
    given = MemoryFields(entry, tmp_path, change=change).read_fields((147, -43, 147.5, -42.5), DAYS)
    with pytest.raises(AcquireError, match=words):
        checked_fields(given, entry, DAYS, "weather from direct")


def test_samples_of_a_server_are_put_in_the_order_of_stations_and_days():
    entry = dataset(variables=MOISTURE)
    table = pd.DataFrame(
        {"station": ["b", "a", "a"], "date": [DAYS[0], DAYS[2], DAYS[0]], "sm_surface": [0.3, 0.2, 0.1]}
    )
    fields = times_only([1, 1, 1])
    values = checked_samples(table, fields, entry, ["a", "b"], DAYS, "smap")
    assert np.allclose(values, [[[0.1, np.nan, 0.2], [0.3, np.nan, np.nan]]], equal_nan=True)


@pytest.mark.parametrize(
    ("station", "day", "words"),
    [("c", DAYS[1], "station 'c'"), ("a", date(2021, 1, 1), "not asked for"), ("a", DAYS[0], "twice")],
)
def test_samples_that_were_not_asked_for_are_refused(station, day, words):
    table = pd.DataFrame({"station": ["a", station], "date": [DAYS[0], day], "sm_surface": [0.3, 0.2]})
    with pytest.raises(AcquireError, match=words):
        checked_samples(table, times_only([1, 1, 1]), dataset(variables=MOISTURE), ["a", "b"], DAYS, "smap")


def test_the_extent_in_degrees_holds_every_pixel_of_a_projected_grid():
    grid = GeoBox.from_bbox((-2.0e6, -5.0e6, 2.5e6, -1.0e6), "EPSG:3577", resolution=50000)  # Australian Albers
    west, south, east, north = bounds_of(grid)
    rows, cols = np.meshgrid(np.arange(grid.shape[0]), np.arange(grid.shape[1]), indexing="ij")
    x, y = grid.transform @ (cols.ravel() + 0.5, rows.ravel() + 0.5)
    longitude, latitude = project(x, y, grid.crs.proj, "EPSG:4326")
    assert west < longitude.min() and longitude.max() < east
    assert south < latitude.min() and latitude.max() < north
    corners = grid.extent.to_crs("EPSG:4326").boundingbox
    assert north > corners[3] - 1e-6  # the northern edge bends above its corners


def test_cells_have_their_coordinates_at_the_centres(tmp_path):
    fields = MemoryFields(dataset(), tmp_path).read_fields((147, -43, 147.5, -42.5), DAYS)
    cells = cells_of(fields.data, "weather")
    centre = cells.transform @ (0.5, 0.5)
    assert np.allclose(centre, (float(fields.data.longitude[0]), float(fields.data.latitude[0])))


def times_only(found):
    return Fields(pd.DataFrame(index=pd.DatetimeIndex(DAYS, name="time")).to_xarray(), np.array(found))
