"""Fields: the days of a month as bands of one request, on the native cells, in canonical units."""

import logging
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.catalogue import dataset_of
from loam.acquire.earthengine.day_bands import Splice, splices_of
from loam.acquire.earthengine.listing import SINUSOIDAL, Native, list_images
from loam.acquire.source import Fields
from loam.errors import AcquireError

SMAP = "NASA/SMAP/SPL4SMGP/008"
ERA5 = "ECMWF/ERA5_LAND/DAILY_AGGR"
NLDAS = "NASA/NLDAS/FORA0125_H002"
TASMANIA = (144.0, -44.0, 149.0, -40.0)


def month(first: date, count: int) -> list[date]:
    return [first + timedelta(days=step) for step in range(count)]


def every(hours: int, days: list[date], listed, collection: str, bands: list[str], **more) -> list[dict]:
    """An image every so many hours, which ends when the next begins."""
    found = []
    for day in days:
        for hour in range(0, 24, hours):
            start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            entry = listed(f"{start:%Y%m%d_%H%M}", _text(start), bands, collection=collection, **more)
            found.append({**entry, "endTime": _text(start + timedelta(hours=hours))})
    return found


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def smap(engine, listed):
    """SMAP L4 of January 2020 and the first of February."""
    days = [*month(date(2020, 1, 1), 31), date(2020, 2, 1)]
    engine.collections[SMAP] = every(3, days, listed, SMAP, ["sm_surface", "sm_rootzone"])
    engine.bands["*"] = 0.25
    return engine


def test_a_month_is_one_request_with_its_days_as_bands(smap, graph):
    days = month(date(2020, 1, 1), 31)
    fields = smap.source("smap_l4").read_fields(TASMANIA, days)
    (body,) = smap.pixels()
    assert body["bandIds"] == [f"{name}_{day:%Y%m%d}" for name in ("sm_surface", "sm_rootzone") for day in days]
    expression = graph(body)
    assert expression.ids() == {SMAP}
    ranges = {(call["start"], call["end"]) for call in expression.calls("DateRange")}
    assert ranges == {(str(day), str(day + timedelta(days=1))) for day in days}
    assert len(expression.calls("reduce.mean")) == 62
    assert {tuple(call["bandSelectors"]) for call in expression.calls("Image.select")} == {
        ("sm_surface",), ("sm_rootzone",)
    }  # fmt: skip
    assert expression.calls("Image.constant") == [{"value": -9999}]
    assert isinstance(fields, Fields)
    assert (fields.data["sm_surface"] == 0.25).all()
    assert fields.data["sm_surface"].dtype == np.float32
    assert fields.data["sm_surface"].attrs["units"] == "m3 m-3"
    assert list(fields.data.indexes["time"].date) == days


def test_the_last_day_of_a_month_is_listed_whole(smap):
    """An image that ends at midnight ends not before it, which is what the server's filter asks."""
    fields = smap.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 31))
    assert fields.found.tolist() == [8] * 31
    assert fields.data["n_fields"].values.tolist() == [8] * 31
    assert fields.published_until == date(2020, 1, 31)


def test_the_cells_cover_the_region_with_one_to_spare(smap):
    fields = smap.source("smap_l4").read_fields((147.02, -42.48, 147.18, -42.32), [date(2020, 1, 1)])
    (body,) = smap.pixels()
    affine = body["grid"]["affineTransform"]
    assert (affine["scaleX"], affine["scaleY"], body["grid"]["crsCode"]) == (0.1, -0.1, "EPSG:4326")
    assert np.isclose(affine["translateX"], 146.9)
    assert np.isclose(affine["translateY"], -42.2)
    assert body["grid"]["dimensions"] == {"width": 4, "height": 4}
    assert np.allclose(fields.data["longitude"], [146.95, 147.05, 147.15, 147.25])
    assert np.allclose(fields.data["latitude"], [-42.25, -42.35, -42.45, -42.55])
    assert fields.data["sm_surface"].dims == ("time", "latitude", "longitude")
    assert fields.data.attrs["crs"] == "EPSG:4326"


def test_days_that_are_not_yet_there_are_missing_and_said(engine, listed):
    engine.collections[SMAP] = every(3, month(date(2020, 1, 1), 3), listed, SMAP, ["sm_surface", "sm_rootzone"])[:-3]
    engine.bands["*"] = 0.3
    fields = engine.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 5))
    assert fields.found.tolist() == [8, 8, 5, 0, 0]
    assert fields.published_until == date(2020, 1, 3)
    assert np.isnan(fields.data["sm_surface"].values[3:]).all()
    assert np.isfinite(fields.data["sm_surface"].values[:3]).all()


def test_a_hole_in_what_is_published_is_no_end_of_it(smap):
    smap.collections[SMAP] = [entry for entry in smap.collections[SMAP] if "20200131" not in entry["id"]]
    fields = smap.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 31))
    assert fields.found[-1] == 0
    assert fields.published_until == date(2020, 1, 31)


def test_a_month_of_the_future_has_cells_and_no_values(smap):
    fields = smap.source("smap_l4").read_fields(TASMANIA, month(date(2021, 6, 1), 30))
    assert smap.pixels() == []
    assert fields.found.tolist() == [0] * 30
    assert fields.published_until == date(2021, 5, 31)
    assert np.isnan(fields.data["sm_surface"].values).all()
    assert fields.data.sizes["latitude"] == 42


def test_an_empty_collection_is_said(engine):
    engine.collections[SMAP] = []
    with pytest.raises(AcquireError, match=f"{SMAP}: no image is listed.*another back end"):
        engine.source("smap_l4").read_fields(TASMANIA, [date(2020, 1, 1)])
    assert engine.pixels() == []


def test_a_listing_of_many_pages_is_read_to_its_end(smap):
    smap.page = 50
    fields = smap.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 31))
    assert fields.found.sum() == 248
    assert len(smap.lists()) == 6


def test_a_listing_that_gives_the_same_page_again_ends(engine):
    engine.loopback.serve("/v1/projects/*:listAssets", {"assets": [], "nextPageToken": "again"})
    with pytest.raises(AcquireError, match="same page again and again"):
        list_images(engine.client(), SMAP)


@pytest.mark.parametrize("fault", [{"html": "busy"}, {"wrong": b"no list"}, {"truncate": 20}, {"status": 503}], ids=str)
def test_a_listing_that_fails_is_asked_again(smap, fault):
    source = smap.source("smap_l4")
    assert source.client
    smap.fail(f"/v1/projects/earthengine-public/assets/{SMAP}:listAssets", **fault)
    assert source.read_fields(TASMANIA, [date(2020, 1, 1)]).found.tolist() == [8]


def test_a_field_that_is_all_missing_is_nan_and_warned_of(smap, caplog):
    smap.bands["*"] = -9999
    fields = smap.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 2))
    assert np.isnan(fields.data["sm_surface"].values).all()
    assert "every value of sm_surface, sm_rootzone is missing" in caplog.text


def test_another_shape_of_a_month_is_an_error(smap):
    smap.page = 1000
    source = smap.source("smap_l4")
    assert source.client
    smap.fail(wrong=b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".ljust(117) + b"\n" + bytes(16))  # fmt: skip # noqa: E501
    with pytest.raises(AcquireError, match=r"sent \(2, 2\) pixels"):
        source.read_fields(TASMANIA, [date(2020, 1, 1)])


def test_a_region_that_the_data_do_not_reach_is_said(engine, listed, degree_grid):
    america = degree_grid(-125, 53, 0.125, 464, 224)
    engine.collections[NLDAS] = every(1, [date(2020, 1, 1)], listed, NLDAS, ["total_precipitation"], grid=america)
    with pytest.raises(AcquireError, match="do not reach the region"):
        engine.source("nldas2").read_fields(TASMANIA, [date(2020, 1, 1)])


def test_weather_comes_in_millimetres_and_degrees(engine, listed, graph):
    bands = ["total_precipitation_sum", "temperature_2m_min", "temperature_2m_max"]
    engine.collections[ERA5] = every(24, month(date(2020, 2, 28), 2), listed, ERA5, bands)
    engine.bands |= {"rain_20200228": 0.0125, "rain_20200229": -1e-7}
    engine.bands |= {f"{name}_202002{day}": 283.15 for name in ("tmin", "tmax") for day in (28, 29)}
    fields = engine.source("era5_land").read_fields(TASMANIA, month(date(2020, 2, 28), 2))
    assert np.allclose(fields.data["rain"].values[0], 12.5)
    assert (fields.data["rain"].values[1] == 0).all()  # small negative rain is none
    assert np.allclose(fields.data["tmin"], 10, atol=1e-4)
    assert "n_fields" not in fields.data
    (body,) = engine.pixels()
    chosen = {tuple(call["bandSelectors"]) for call in graph(body).calls("Image.select")}
    assert chosen == {(band,) for band in bands}


def test_days_that_the_provider_will_replace_are_provisional(engine, listed):
    engine.collections[ERA5] = every(24, month(date(2020, 1, 1), 5), listed, ERA5, ["total_precipitation_sum"])
    engine.bands["*"] = 280
    days = month(date(2020, 1, 1), 5)
    fields = engine.source("era5_land", asked_on=date(2020, 4, 7)).read_fields(TASMANIA, days)
    final = dataset_of("era5_land").final_days
    assert fields.provisional == {day for day in days if date(2020, 4, 7) <= day + timedelta(days=final)}
    assert 0 < len(fields.provisional) < 5


def test_hourly_rain_is_summed_and_an_incomplete_day_has_none(engine, listed, graph, degree_grid):
    america = degree_grid(-125, 53, 0.125, 464, 224)
    bands = ["total_precipitation", "temperature"]
    engine.collections[NLDAS] = every(1, month(date(2020, 1, 1), 2), listed, NLDAS, bands, grid=america)[:-1]
    engine.bands["*"] = 4.0
    fields = engine.source("nldas2").read_fields((-100, 40, -99, 41), month(date(2020, 1, 1), 2))
    assert fields.found.tolist() == [24, 23]
    (body,) = engine.pixels()
    assert body["bandIds"] == ["rain_20200101", "tmin_20200101", "tmax_20200101"]
    expression = graph(body)
    assert [len(expression.calls(f"reduce.{name}")) for name in ("sum", "min", "max", "mean")] == [1, 1, 1, 0]
    assert np.isnan(fields.data["rain"].values[1]).all()
    assert (fields.data["rain"].values[0] == 4).all()


def test_overpasses_are_averaged_where_their_flag_is_good(engine, listed, graph):
    bands = ["soil_moisture_am", "soil_moisture_pm", "retrieval_qual_flag_am", "retrieval_qual_flag_pm"]
    old, new = "NASA/SMAP/SPL3SMP_E/005", "NASA/SMAP/SPL3SMP_E/006"
    for collection, days in ((old, month(date(2023, 12, 1), 5)), (new, month(date(2023, 12, 3), 4))):
        engine.collections[collection] = [
            listed(f"{day:%Y%m%d}", f"{day}T12:00:00Z", bands, collection=collection) for day in days
        ]
    engine.bands["*"] = 0.2
    fields = engine.source("smap_l3e").read_fields(TASMANIA, month(date(2023, 12, 2), 4))
    assert fields.found.tolist() == [2, 2, 2, 2]
    (body,) = engine.pixels()
    expression = graph(body)
    assert expression.ids() == {old, new}
    by_collection = {old: set(), new: set()}
    for call in expression.calls("Collection.filter"):
        collection = expression.value(call["collection"])["functionInvocationValue"]["arguments"]["id"]
        dates = expression.value(expression.value(call["filter"])["functionInvocationValue"]["arguments"]["leftValue"])
        by_collection[expression.value(collection)].add(
            expression.value(dates["functionInvocationValue"]["arguments"]["start"])
        )
    assert by_collection == {old: {"2023-12-02", "2023-12-03"}, new: {"2023-12-04", "2023-12-05"}}
    remaps = expression.calls("Image.remap")
    assert remaps
    assert all((call["from"], call["to"], call["defaultValue"]) == ([0, 8], [1, 1], 0) for call in remaps)
    flags = {call["bandSelectors"][0] for call in expression.calls("Image.select")}
    assert flags == set(bands)
    assert expression.calls("Image.updateMask")
    assert expression.calls("ImageCollection.merge")


def test_a_sum_over_a_composite_is_the_mean_of_its_days_and_fills_are_missing(engine, listed):
    """The last composite of a year has 5 days, in a leap year 6; 32761 to 32767 stand for what has no value."""
    collection, days = "MODIS/061/MOD16A2", [date(2023, 12, 19), date(2023, 12, 27), date(2024, 12, 26)]
    engine.collections[collection] = [
        listed(f"{day:%Y_%m_%d}", f"{day}T00:00:00Z", ["ET"], collection=collection) for day in days
    ]
    engine.dtype["*"] = "i2"
    bounds = (147.0, -42.1, 147.05, -42.05)
    engine.bands |= {"et_20231219": 200, "et_20231227": 200, "et_20241226": 200}
    fields = engine.source("modis_et").read_fields(bounds, days)
    assert np.allclose(fields.data["et"].values.mean((1, 2)), [20 / 8, 20 / 5, 20 / 6])
    assert fields.data["et"].attrs["units"] == "mm d-1"
    for fill in (32761, 32766, 32767):
        engine.bands["et_20231219"] = fill
        assert np.isnan(engine.source("modis_et").read_fields(bounds, days[:1]).data["et"].values).all(), fill


def test_composites_of_both_satellites_lie_beside_each_other(engine, listed, graph):
    grid = {
        "crsCode": "SR-ORG:6974", "dimensions": {"width": 172800, "height": 86400},
        "affineTransform": {
            "scaleX": 231.65635826395825, "translateX": -20015109.354, "scaleY": -231.65635826395834,
            "translateY": 10007554.677003,
        },
    }  # fmt: skip
    terra, aqua = "MODIS/061/MOD13Q1", "MODIS/061/MYD13Q1"
    engine.collections[terra] = [
        listed(f"{day:%Y_%m_%d}", f"{day}T00:00:00Z", ["NDVI"], collection=terra, grid=grid)
        for day in (date(2020, 1, 1), date(2020, 1, 17))
    ]
    engine.collections[aqua] = [
        listed("2020_01_09", "2020-01-09T00:00:00Z", ["NDVI"], collection=aqua, grid=grid),
        listed("2020_01_25", "2020-01-25T00:00:00Z", ["NDVI"], collection=aqua, grid=grid),
    ]
    engine.dtype["*"] = "i2"
    engine.bands |= {"ndvi_20200101": 5000, "ndvi_20200109": -3000, "ndvi_20200117": 7000, "ndvi_20200125": -2000}
    days = [date(2020, 1, 1) + timedelta(days=8 * step) for step in range(4)]
    fields = engine.source("modis_ndvi").read_fields((147.0, -42.1, 147.05, -42.05), days)
    assert fields.found.tolist() == [1, 1, 1, 1]
    assert fields.data["ndvi"].dims == ("time", "y", "x")
    values = fields.data["ndvi"].values
    assert np.allclose(values[[0, 2, 3]].mean((1, 2)), [0.5, 0.7, -0.2])
    assert np.isnan(values[1]).all()
    (body,) = engine.pixels()
    assert body["grid"]["crsCode"] == "SR-ORG:6974"
    expression = graph(body)
    assert expression.ids() == {
        f"{terra}/2020_01_01",
        f"{terra}/2020_01_17",
        f"{aqua}/2020_01_09",
        f"{aqua}/2020_01_25",
    }
    assert expression.calls("Image.constant") == [{"value": -3000}]
    assert expression.calls("Image.toInt16")
    assert "Sinusoidal" in fields.data.attrs["crs"]


def test_cells_of_a_projected_grid_cover_the_corners_of_the_region():
    """Lines of longitude are curved there, so that the corners of the box do not bound it."""
    native = Native(
        GeoBox((86400, 172800), Affine(231.656358, 0, -20015109.354, 0, -231.656358, 10007554.677), SINUSOIDAL)
    )
    part = native.cover((146.0, -44.0, 149.0, -40.0)).geobox
    west, south, east, north = part.geographic_extent.boundingbox.bbox
    assert west <= 146
    assert east >= 149
    assert south <= -44
    assert north >= -40


def test_a_collection_serves_the_days_of_its_splice():
    first, second = splices_of(dataset_of("smap_l3e").back_end("earthengine"))
    days = month(date(2023, 12, 2), 4)
    assert first.days(days) == days[:2]
    assert second.days(days) == days[2:]
    assert Splice("any").days(days) == days


def test_the_log_counts_days_and_images(smap, caplog):
    caplog.set_level(logging.INFO, "loam")
    smap.source("smap_l4").read_fields(TASMANIA, month(date(2020, 1, 1), 2))
    assert "smap_l4: 2 of 2 days have images, 16 images" in caplog.text
