from datetime import date

import numpy as np
import pandas as pd
import pyproj
import pytest
from memory_sources import (
    CLASSES,
    CLAY,
    MOISTURE,
    MemoryFields,
    MemoryMaps,
    cell_value,
    dataset,
    map_values,
    model_only,
)

from loam.acquire.canonical.manifest import manifest_path, read_manifest
from loam.acquire.canonical.origin import is_current
from loam.acquire.source import Fields
from loam.acquire.station_places import boxes_of, pixel_at, read_stations
from loam.acquire.steps.fetch_points import fetch_point_fields, fetch_point_maps
from loam.acquire.steps.fetched_parts import open_parts, parts_folder
from loam.errors import AcquireError, TableError
from loam.raster.grid import cells_at, project

STATIONS = pd.DataFrame(
    {
        "station": ["hobart", "perth", "yanco", "cobar"],
        "latitude": [-42.88, -31.95, -34.62, -31.49],
        "longitude": [147.33, 115.86, 146.42, 145.84],
    }
)
MONTH = [date(2020, 2, day) for day in range(1, 30)]
WEATHER = dataset()
SOIL = dataset("soil_made_up", CLAY, kind="soil", form="maps")
REQUEST = {"dataset": "made up"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "points" / "2020-02.parquet"


def fetch(path, entry=WEATHER, *, state="final", kind=MemoryFields, stations=STATIONS, **told):
    source = kind(entry, open_parts(path, REQUEST), **told)
    fetch_point_fields(source, stations, "2020-02", state, path, manifest_path(path), REQUEST)
    return source


def fetch_maps(path, entry=SOIL, *, kind=MemoryMaps, stations=STATIONS, **answers):
    source = kind(entry, open_parts(path, REQUEST), **answers)
    fetch_point_maps(source, stations, list(entry.variables), 80.0, path, REQUEST)
    return source


def test_a_field_is_that_of_the_cell_whose_centre_is_nearest(path, files_in):
    fetch(path)
    table = pd.read_parquet(path)
    assert table.columns.tolist() == ["station", "date", "rain", "tmin"]
    assert len(table) == 4 * 29 and table["station"].unique().tolist() == STATIONS["station"].tolist()
    for place in STATIONS.itertuples():
        x, y = (np.floor(np.array([degrees]) / 0.1) * 0.1 + 0.05 for degrees in (place.longitude, place.latitude))
        rows = table[table["station"] == place.station]
        assert rows["date"].dt.date.tolist() == MONTH
        assert np.allclose(rows["rain"], [cell_value("rain", day, x, y)[0, 0] for day in MONTH], atol=1e-6)
    assert is_current(path, REQUEST)
    assert files_in(path.parent) == ["2020-02.manifest.csv", "2020-02.parquet", "2020-02.parquet.provenance.json"]


def test_on_a_projected_grid_it_is_the_cell_that_a_map_would_take(path):
    source = fetch(path, size=9008.0, crs="EPSG:6933")
    table = pd.read_parquet(path)
    for place in STATIONS.itertuples():
        data = source.read_fields((place.longitude, place.latitude, place.longitude, place.latitude), MONTH[:1]).data
        x, y = project(np.array([place.longitude]), np.array([place.latitude]), pyproj.CRS("EPSG:4326"), "EPSG:6933")
        nearest = data["tmin"].sel(x=x[0], y=y[0], method="nearest").item()
        found = table[(table["station"] == place.station) & (table["date"] == "2020-02-01")]["tmin"].item()
        assert found == pytest.approx(nearest, abs=1e-6)


def test_a_continent_of_stations_is_read_in_boxes(path):
    source = fetch(path)
    assert len(source.asked) == 4
    for (west, south, east, north), _ in source.asked:
        assert east - west < 2.1 and north - south < 2.1


def test_neighbours_share_a_box_and_every_station_is_in_one():
    rng = np.random.default_rng(1)
    places = pd.DataFrame({"longitude": rng.uniform(140, 150, 200), "latitude": rng.uniform(-40, -30, 200)})
    boxes = boxes_of(places, 2.0)
    assert sorted(np.concatenate(boxes)) == list(range(200))
    assert all(np.ptp(places.iloc[box][["longitude", "latitude"]].to_numpy(), axis=0).max() <= 2 for box in boxes)
    assert len(boxes) < 60
    assert len(boxes_of(places, 360.0)) == 1


class Samples(MemoryFields):
    """A server that samples; cobar has no value."""

    def sample_fields(self, stations, days):
        table = pd.DataFrame([(name, day, 0.1, 5.0) for name in stations["station"][:3] for day in days][::-1])
        table.columns = ["station", "date", "rain", "tmin"]
        times = pd.DataFrame(index=pd.DatetimeIndex(days, name="time")).to_xarray()
        return table, Fields(times, np.ones(len(days), int), published_until=days[-1])


def test_a_server_that_samples_is_asked_to(path, caplog):
    source = fetch(path, kind=Samples)
    table = pd.read_parquet(path)
    assert source.asked == [] and len(table) == 4 * 29
    assert table.loc[table["station"] == "cobar", "rain"].isna().all() and table["rain"].notna().sum() == 3 * 29
    assert "no rain at station cobar" in caplog.text


def test_moisture_carries_the_number_of_fields_and_the_flag(path):
    entry = dataset(
        "smap", MOISTURE, kind="coarse_moisture", step_hours=3, known_gaps=(model_only(MONTH[20], MONTH[25]),)
    )
    fetch(path, entry, fewer={MONTH[3]: 5})
    table = pd.read_parquet(path)
    assert table.columns.tolist() == ["station", "date", "sm_surface", "n_fields", "model_only"]
    assert table[table["date"] == "2020-02-04"]["n_fields"].tolist() == [5] * 4
    assert table.groupby("station")["model_only"].sum().tolist() == [6] * 4
    assert read_manifest(path)["state"].tolist() == ["complete"] * 3 + ["partial"] + ["complete"] * 25


def test_days_not_yet_published_are_rows_without_values(path):
    fetch(path, state="open 2020-02-12", lacking=MONTH[8:], published_until=MONTH[7])
    table = pd.read_parquet(path)
    assert len(table) == 4 * 12 and table["rain"].isna().sum() == 4 * 4
    assert read_manifest(path)["state"].value_counts().to_dict() == {"complete": 8, "not_yet_published": 4}


def test_a_failed_day_leaves_no_table(path, files_in):
    with pytest.raises(AcquireError, match="failed: 2020-02-05"):
        fetch(path, lacking=[MONTH[4]])
    assert [name for name in files_in(path.parent) if not name.startswith(".")] == []
    assert len(fetch(path).asked) == 4


class Breaks(MemoryFields):
    """The server is gone after two boxes."""

    def read_fields(self, bounds, days):
        if len(self.asked) == 2:
            raise AcquireError("the connection failed", where="loopback")
        return super().read_fields(bounds, days)


def test_a_rerun_asks_for_the_boxes_that_lack(path):
    with pytest.raises(AcquireError, match="the connection failed"):
        fetch(path, kind=Breaks)
    source = fetch(path)
    assert len(source.asked) == 2
    whole = path.with_name("whole.parquet")
    fetch(whole)
    pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(whole))


def test_values_missing_at_every_station_are_an_error(path):
    def sea(data):
        data["tmin"][:] = np.nan
        return data

    with pytest.raises(AcquireError, match="tmin is missing at every station"):
        fetch(path, change=sea)


def test_a_map_is_a_pixel_of_the_runs_size_around_the_station(path):
    source = fetch_maps(path)
    table = pd.read_parquet(path)
    assert table.columns.tolist() == ["station", "clay_1", "clay_2"]
    pixel = pixel_at(147.33, -42.88, 80.0)
    assert table.loc[0, ["clay_1", "clay_2"]].tolist() == pytest.approx(
        map_values(CLAY["clay"], pixel)[:, 0, 0].tolist()
    )
    assert len(source.asked) == 4


@pytest.mark.parametrize(("longitude", "latitude"), [(147.33, -42.88), (-105.2, 40.1), (179.99, -45.0), (20.0, 85.0)])
def test_the_pixel_is_square_in_metres_and_the_station_its_centre(longitude, latitude):
    pixel = pixel_at(longitude, latitude, 80.0)
    x, y = project(np.array([longitude]), np.array([latitude]), pyproj.CRS("EPSG:4326"), pixel.crs.proj)
    assert np.allclose(pixel.transform @ (0.5, 0.5), (x[0], y[0]))
    assert [rows.tolist() for rows in cells_at(pixel, x, y)] == [[0], [0]]
    corners = [pixel.transform @ corner for corner in ((0, 0), (1, 0), (0, 1))]
    lon, lat = project(*np.array(corners).T, pixel.crs.proj, "EPSG:4326")
    _, _, sides = pyproj.Geod(ellps="WGS84").inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
    assert np.allclose(sides, 80, rtol=7e-3)


def test_classes_of_stations_are_whole_numbers_and_may_lack(path):
    entry = dataset("cover_made_up", CLASSES, kind="landcover", form="maps", nodata=0)

    def no_perth(geobox):
        code = 0 if geobox.crs.epsg == 32750 else 4
        return np.full((1, 1, 1), code, np.uint8)

    fetch_maps(path, entry, every=no_perth)
    table = pd.read_parquet(path)
    assert table["cover"].dtype == "Int32" and table["cover"].isna().tolist() == [False, True, False, False]
    assert table["cover"].dropna().tolist() == [4, 4, 4]


class SampledMap(MemoryMaps):
    def sample_map(self, variable, stations, resolution):
        assert resolution == 80.0
        return np.array([[20.0, 30.0], [21.0, 31.0], [np.nan, np.nan], [22.0, 32.0]])


def test_a_server_that_samples_maps_is_asked_to(path, caplog):
    source = fetch_maps(path, kind=SampledMap)
    table = pd.read_parquet(path)
    assert source.asked == [] and table["clay_2"].dropna().tolist() == [30, 31, 32]
    assert "no clay_1 at station yanco" in caplog.text


class WrongStations(MemoryMaps):
    def sample_map(self, variable, stations, resolution):
        return np.ones((3, 2))


class InThousandths(MemoryMaps):
    def sample_map(self, variable, stations, resolution):
        return np.full((4, 2), 250.0)


class Nothing(MemoryMaps):
    def sample_map(self, variable, stations, resolution):
        return np.full((4, 2), np.nan)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (WrongStations, r"\(3, 2\) values; expected \(4, 2\)"),
        (InThousandths, "clay is 250 at station 'hobart'.*per thousand"),
        (Nothing, "clay_1 is missing at every station"),
    ],
)
def test_sampled_maps_that_cannot_be_are_refused(kind, words, path, files_in):
    with pytest.raises(AcquireError, match=words):
        fetch_maps(path, kind=kind)
    assert not path.exists() and not list(parts_folder(path).glob("*.npy"))


class BreaksAtPixel(MemoryMaps):
    def read_map(self, variable, geobox):
        if len(self.asked) == 30:
            raise AcquireError("the connection failed", where="loopback")
        return super().read_map(variable, geobox)


def test_a_rerun_asks_for_the_stations_whose_batch_lacks(path):
    many = pd.DataFrame(
        {"station": [f"s{n}" for n in range(40)], "latitude": -40.0, "longitude": 140 + np.arange(40) / 10}
    )
    with pytest.raises(AcquireError, match="the connection failed"):
        fetch_maps(path, kind=BreaksAtPixel, stations=many)
    assert parts_folder(path).is_dir() and not path.exists()
    assert len(fetch_maps(path, stations=many).asked) == 15


def test_stations_without_coordinates_are_left_out_and_named(tmp_path, caplog):
    frame = STATIONS.assign(elevation=1.0)
    frame.loc[1, "latitude"] = np.nan
    frame.to_parquet(tmp_path / "stations.parquet")
    stations = read_stations(tmp_path / "stations.parquet")
    assert stations["station"].tolist() == ["hobart", "yanco", "cobar"] and "station perth" in caplog.text
    frame["latitude"] = np.nan
    frame.to_parquet(tmp_path / "stations.parquet")
    with pytest.raises(TableError, match="no station has coordinates"):
        read_stations(tmp_path / "stations.parquet")
