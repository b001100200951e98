"""Values at stations: every station and day is accounted for, and none is taken for another."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from loam.errors import AcquireError

SMAP, SLGA = "NASA/SMAP/SPL4SMGP/008", "CSIRO/SLGA"
STATIONS = pd.DataFrame({
    "station": ["Yanco 1", "b", "c"], "latitude": [-34.6, -34.9, -35.1], "longitude": [146.1, 146.3, 146.2]
})  # fmt: skip
DAYS = [date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 3)]


@pytest.fixture
def smap(engine, listed):
    engine.collections[SMAP] = [
        listed(f"{day:%Y%m%d}_{hour:02d}", f"{day}T{hour:02d}:00:00Z", ["sm_surface", "sm_rootzone"], collection=SMAP)
        for day in DAYS[:2]
        for hour in range(0, 24, 3)
    ]
    engine.features = lambda body, positions: [
        {
            "position": place,
            "sm_surface_20200101": 0.1 * (place + 1), "sm_surface_20200102": 0.1 * (place + 1) + 0.01,
            "sm_rootzone_20200101": 0.3, "sm_rootzone_20200102": None if place == 1 else 0.31,
        }
        for place in reversed(positions)
    ]  # fmt: skip
    return engine


def test_fields_at_stations_have_every_station_on_every_day(smap):
    table, fields = smap.source("smap_l4").sample_fields(STATIONS, DAYS)
    assert list(table.columns) == ["station", "date", "sm_surface", "sm_rootzone"]
    assert table["station"].tolist() == [name for name in STATIONS["station"] for _ in DAYS]
    assert table["date"].tolist() == [pd.Timestamp(day) for day in DAYS] * 3
    surface = table.pivot(index="station", columns="date", values="sm_surface").loc[STATIONS["station"]].to_numpy()
    assert np.allclose(surface, [[0.1, 0.11, np.nan], [0.2, 0.21, np.nan], [0.3, 0.31, np.nan]], equal_nan=True)
    rootzone = table["sm_rootzone"].to_numpy().reshape(3, 3)
    assert np.isnan(rootzone[1, 1])
    assert fields.found.tolist() == [8, 8, 0]
    assert list(fields.data.variables) == ["time"]


def test_a_field_s_value_is_that_of_the_native_cell_that_holds_the_station(smap, graph):
    smap.source("smap_l4").sample_fields(STATIONS, DAYS)
    (body,) = smap.tables()
    assert smap.pixels() == []
    expression = graph(body)
    assert expression.ids() == {SMAP}
    (regions,) = expression.calls("Image.reduceRegions")
    assert regions["crsTransform"][0] == 0.1
    assert regions["crsTransform"][4] == -0.1
    assert "EPSG:4326" in str(regions["crs"])
    assert expression.calls("Reducer.first")
    points = [call["coordinates"] for call in expression.calls("GeometryConstructors.Point")]
    assert points == [[146.1, -34.6], [146.3, -34.9], [146.2, -35.1]]
    assert not expression.calls("Image.unmask")  # a value that is missing has no property


def test_pages_of_features_are_read_to_their_end(smap):
    smap.page = 2
    table, _ = smap.source("smap_l4").sample_fields(STATIONS, DAYS)
    assert table["sm_surface"].notna().sum() == 6
    assert [body.get("pageToken") for body in smap.tables()] == [None, "2"]


def test_many_stations_are_asked_for_in_batches(smap, monkeypatch):
    monkeypatch.setattr("loam.acquire.earthengine.ee_points.BATCH", 2)
    table, _ = smap.source("smap_l4").sample_fields(STATIONS, DAYS)
    assert len(smap.tables()) == 2
    assert np.allclose(table["sm_surface"].to_numpy().reshape(3, 3)[:, 0], [0.1, 0.2, 0.3])


def test_a_batch_is_smaller_where_there_are_many_bands(smap, monkeypatch):
    monkeypatch.setattr("loam.acquire.earthengine.ee_points.VALUES", 4)
    smap.source("smap_l4").sample_fields(STATIONS, DAYS)
    assert len(smap.tables()) == 3


def test_a_page_that_fails_is_asked_again_and_no_station_comes_twice(smap):
    smap.page = 2
    source = smap.source("smap_l4")
    assert source.client
    smap.fail("/v1/projects/a-project/table:computeFeatures", truncate=30)
    smap.fail("/v1/projects/a-project/table:computeFeatures", status=429)
    smap.fail("/v1/projects/a-project/table:computeFeatures", html="busy")
    table, _ = source.sample_fields(STATIONS, DAYS)
    assert len(smap.tables()) == 5
    assert len(table) == 9


def test_a_station_that_does_not_come_back_is_an_error(smap):
    given = smap.features
    smap.features = lambda body, positions: given(body, positions)[1:]
    with pytest.raises(AcquireError, match="1 of 3 stations did not come back"):
        smap.source("smap_l4").sample_fields(STATIONS, DAYS)


@pytest.mark.parametrize("position", [0, 7, None])
def test_a_station_that_comes_twice_or_from_nowhere_is_an_error(smap, position):
    given = smap.features
    smap.features = lambda body, positions: [*given(body, positions), {"position": position}]
    with pytest.raises(AcquireError, match="for no station that was asked for"):
        smap.source("smap_l4").sample_fields(STATIONS, DAYS)


def test_one_variable_on_one_day_keeps_its_name(engine, listed, graph):
    """A reducer over one band calls its result ``first``."""
    collection = "MODIS/061/MOD13Q1"
    engine.collections |= {collection: [listed("2020_01_01", "2020-01-01T00:00:00Z", ["NDVI"], collection=collection)]}
    engine.collections["MODIS/061/MYD13Q1"] = []
    engine.features = lambda body, positions: [{"position": place, "ndvi_20200101": 5000} for place in positions]
    table, _ = engine.source("modis_ndvi").sample_fields(STATIONS, DAYS[:1])
    assert np.allclose(table["ndvi"], 0.5)
    assert graph(engine.tables()[0]).calls("Reducer.setOutputs")[0]["outputs"] == ["ndvi_20200101"]


def test_days_without_images_ask_for_nothing(smap):
    days = [date(2020, 2, 1) + timedelta(days=step) for step in range(2)]
    table, fields = smap.source("smap_l4").sample_fields(STATIONS, days)
    assert smap.tables() == []
    assert table["sm_surface"].isna().all()
    assert len(table) == 6
    assert fields.published_until == date(2020, 1, 31)


@pytest.fixture
def slga(engine, listed):
    engine.collections[SLGA] = [listed("CLY", None, [], collection=SLGA, properties={"attribute_code": "CLY"})]
    engine.features = lambda body, positions: [
        {
            "position": place,
            "clay_1": 20 + place,
            "clay_2": 30.0,
            "clay_3": 40.0,
            **({} if place == 2 else {"clay_4": 50}),
        }
        for place in reversed(positions)
    ]
    return engine


def test_a_map_at_stations_is_the_mean_of_a_pixel_of_the_run(slga, graph):
    found = slga.source("slga").sample_map("clay", STATIONS, 80.0)
    assert np.allclose(found[:, 0], [20, 21, 22])
    assert np.allclose(found[:, 3], [50, 50, np.nan], equal_nan=True)
    (body,) = slga.tables()
    expression = graph(body)
    assert expression.ids() == {"CSIRO/SLGA/CLY"}
    (regions,) = expression.calls("Image.reduceRegions")
    assert regions["scale"] == 80
    assert expression.calls("Reducer.mean")
    squares = [np.array(call["coordinates"][0]) for call in expression.calls("GeometryConstructors.Polygon")]
    assert len(squares) == 3
    height = np.ptp(squares[0][:, 1]) * 110_930  # metres a degree of latitude at 34.6 south
    width = np.ptp(squares[0][:, 0]) * 91_700
    assert np.allclose([height, width], 80, rtol=0.01)
    assert np.allclose(squares[0][:-1].mean(0), [146.1, -34.6], atol=1e-7)


def test_classes_at_stations_are_the_most_frequent(engine, graph):
    engine.features = lambda body, positions: [{"position": place, "corine_1": 231} for place in positions]
    found = engine.source("corine").sample_map("corine", STATIONS, 80.0)
    assert (found == 231).all()
    expression = graph(engine.tables()[0])
    assert expression.calls("Reducer.mode")
    assert expression.calls("Reducer.setOutputs")[0]["outputs"] == ["corine_1"]


def test_units_at_stations_are_canonical(engine):
    engine.features = lambda body, positions: [
        {"position": place, **{f"soc_{number}": 250 for number in (1, 2, 3, 4)}} for place in positions
    ]
    assert np.allclose(engine.source("soilgrids").sample_map("soc", STATIONS, 80.0), 2.5)


def test_a_sum_over_a_composite_is_the_mean_of_its_days(engine, listed):
    collection, day = "MODIS/061/MOD16A2", date(2023, 12, 27)
    engine.collections[collection] = [listed("2023_12_27", f"{day}T00:00:00Z", ["ET"], collection=collection)]
    given = {0: 200, 1: 32764}
    engine.features = lambda body, positions: [{"position": at, "et_20231227": given.get(at, 100)} for at in positions]
    table, _ = engine.source("modis_et").sample_fields(STATIONS, [day])
    assert np.allclose(table["et"].iloc[[0]], 4.0) and np.isnan(table["et"].iloc[1])
