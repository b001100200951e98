"""Scenes of Sentinel-1 and Sentinel-2: listed as the table wants them, fetched as the later stages read them."""

import json
from datetime import date

import numpy as np
import pytest
import rasterio

from loam.acquire.access import CHOICES
from loam.acquire.scenes.scene_table import SCENES
from loam.errors import AcquireError, ConfigError

S1, S2 = "COPERNICUS/S1_GRD", "COPERNICUS/S2_SR_HARMONIZED"
BOUNDS = (146.9, -42.6, 147.1, -42.4)
GRID = {"crs": "EPSG:32755", "bounds": [499000, 5290000, 503000, 5294000], "resolution": 80}
NAMES = [
    "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030672_0383F2_1B2C",
    "S1A_IW_GRDH_1SDV_20200117T190311_20200117T190336_030847_038A0E_5D6E",
]
TILE = {
    "crsCode": "EPSG:32755", "dimensions": {"width": 5490, "height": 5490},
    "affineTransform": {"scaleX": 20, "translateX": 499980, "scaleY": -20, "translateY": 5300020},
}  # fmt: skip


def ring(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.fixture
def radar(engine, listed):
    engine.collections[S1] = [
        listed(
            name, f"{day}T19:03:12.345Z", ["VV", "VH", "angle"], collection=S1,
            geometry={"type": "LinearRing", "coordinates": ring(146, -43.5, 148.9, -41.8)},
            properties={
                "instrumentMode": "IW", "resolution": "H", "platform_number": "A", "relativeOrbitNumber_start": orbit,
                "orbitProperties_pass": "DESCENDING", "transmitterReceiverPolarisation": ["VV", "VH"],
                "GRD_Post_Processing_software_version": "3.61",
            },
        )
        for name, day, orbit in zip(NAMES, ("2020-01-05", "2020-01-17"), (147, 45), strict=True)
    ]  # fmt: skip
    return engine


@pytest.fixture
def optical(engine, listed):
    engine.collections[S2] = [
        listed(
            "20200103T000239_20200103T000240_T55GEN", "2020-01-03T00:06:41.250Z", ["B4", "B8A", "B12", "SCL"],
            collection=S2, grid=TILE, geometry={"type": "Polygon", "coordinates": [ring(147, -43.2, 148.3, -42.2)]},
            properties={
                "MGRS_TILE": "55GEN", "CLOUDY_PIXEL_PERCENTAGE": 12.5, "PROCESSING_BASELINE": "05.00",
                "SPACECRAFT_NAME": "Sentinel-2A", "SENSING_ORBIT_NUMBER": 30, "SENSING_ORBIT_DIRECTION": "DESCENDING",
            },
        )
    ]  # fmt: skip
    return engine


def scenes(engine, dataset, **options):
    return engine.scenes(
        dataset, grid=GRID, choice=CHOICES[dataset](dataset=dataset, back_end="earthengine", **options)
    )


def test_radar_scenes_are_listed_as_the_table_wants_them(radar):
    table = scenes(radar, "sentinel1").list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 31))
    SCENES.validate(table)
    assert table["scene"].tolist() == NAMES
    row = table.iloc[0]
    assert row["acquired"] == "2020-01-05T19:03:12.345Z"
    assert (row["platform"], row["relative_orbit"], row["direction"]) == ("S1A", 147, "descending")
    assert (row["polarisations"], row["version"], row["back_end"]) == ("VV+VH", "003.61", "earthengine")
    assert row["footprint"].startswith("POLYGON ((")
    assert row["url"] == f"ee://{S1}/{NAMES[0]}"


def test_what_is_asked_for_is_mode_place_and_time(radar):
    scenes(radar, "sentinel1").list_scenes(BOUNDS, date(2019, 12, 20), date(2020, 1, 10))
    first, second = (query["filter"][0] for query in radar.lists())
    assert 'properties.instrumentMode = "IW"' in first
    assert "intersects" in first
    assert "[146.9, -42.6]" in first
    assert 'startTime >= "2019-12-20T00:00:00Z"' in first
    assert 'startTime >= "2020-01-01T00:00:00Z"' in second


def test_a_scene_after_the_last_day_is_left_out(radar):
    table = scenes(radar, "sentinel1").list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 16))
    assert table["scene"].tolist() == NAMES[:1]


def test_only_the_orbits_wanted_are_listed(radar):
    table = scenes(radar, "sentinel1", relative_orbits=[45]).list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 31))
    assert table["relative_orbit"].tolist() == [45]


def test_a_list_longer_than_a_page_is_read_to_its_end(radar):
    radar.page = 1
    table = scenes(radar, "sentinel1").list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 31))
    assert len(table) == 2
    assert len(radar.lists()) == 2


def test_no_scenes_are_an_empty_table(radar):
    table = scenes(radar, "sentinel1").list_scenes(BOUNDS, date(2021, 1, 1), date(2021, 1, 31))
    SCENES.validate(table)
    assert table.empty


def test_optical_scenes_are_listed_as_the_table_wants_them(optical):
    table = scenes(optical, "sentinel2").list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 31))
    SCENES.validate(table)
    (row,) = table.to_dict("records")
    assert (row["platform"], row["tile"], row["cloud_cover"], row["version"]) == ("S2A", "55GEN", 12.5, "05.00")
    assert (row["relative_orbit"], row["acquired"]) == (30, "2020-01-03T00:06:41.250Z")


def test_backscatter_is_averaged_as_power_on_the_run_s_grid(radar, graph, tmp_path):
    radar.bands |= {"vv": 0.1, "vh": 0.02, "ellipsoidal_incidence": 38.5}
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    path = tmp_path / "scene.tif"
    note = source.fetch_scene(row, path)
    with rasterio.open(path) as file:
        assert file.descriptions == ("vv", "vh", "ellipsoidal_incidence")
        assert file.shape == (50, 50)
        assert tuple(file.bounds) == (499000, 5290000, 503000, 5294000)
        assert file.crs.to_epsg() == 32755
        assert np.allclose(file.read().mean((1, 2)), [0.1, 0.02, 38.5])
    assert note["asset"] == f"{S1}/{NAMES[0]}"
    expression = graph(radar.pixels()[0])
    assert expression.ids() == {f"{S1}/{NAMES[0]}"}
    (power,) = expression.calls("Image.exp")
    assert power  # 10 ** (dB / 10) before the mean
    assert np.isclose(expression.calls("Image.multiply")[0]["image2"]["functionInvocationValue"]["arguments"]["value"][
        "constantValue"], np.log(10) / 10)  # fmt: skip
    (reduced,) = expression.calls("Image.reduceResolution")
    assert "Image.exp" in json.dumps(reduced)
    assert "angle" not in json.dumps(reduced)


def test_a_scene_is_cut_to_what_it_reaches_of_the_grid(radar, tmp_path):
    radar.bands["*"] = 0.1
    radar.collections[S1][0]["geometry"]["coordinates"] = ring(146, -43.5, 147.012, -41.8)
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    source.fetch_scene(row, tmp_path / "scene.tif")
    with rasterio.open(tmp_path / "scene.tif") as file:
        assert file.shape == (50, 25)
        assert file.bounds.left == 499000


def test_a_scene_without_a_value_is_an_error_and_leaves_no_file(radar, tmp_path, files_in):
    radar.bands["*"] = -9999
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    with pytest.raises(AcquireError, match="every pixel of vv, vh, ellipsoidal_incidence is missing"):
        source.fetch_scene(row, tmp_path / "scene.tif")
    assert files_in(tmp_path) == []


def test_a_server_gone_half_way_leaves_no_file(radar, tmp_path, files_in, monkeypatch):
    monkeypatch.setattr("loam.acquire.earthengine.scene_pixels.STRIP", 20)
    radar.bands["*"] = 0.1
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    radar.too_large = lambda size: radar.fail(times=9, reset=10)  # from the second strip on
    with pytest.raises(AcquireError, match="after 4 attempts"):
        source.fetch_scene(row, tmp_path / "scene.tif")
    assert len(radar.pixels()) == 5
    assert files_in(tmp_path) == []


def test_a_scene_that_is_withdrawn_says_what_to_do(radar, tmp_path):
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    radar.collections[S1].clear()
    with pytest.raises(AcquireError, match="does not have it.*snakemake scenes"):
        source.fetch_scene(row, tmp_path / "scene.tif")


def test_backscatter_is_no_zip(radar, tmp_path):
    source = scenes(radar, "sentinel1")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 10)).iloc[0].to_dict()
    with pytest.raises(ConfigError, match=r"ends in \.tif"):
        source.fetch_scene(row, tmp_path / "scene.zip")


def test_an_optical_scene_is_a_product_that_the_sentinel2_stage_opens(optical, graph, tmp_path):
    from loam.sentinel2.deliveries import open_product

    optical.dtype |= {"B04": "u2", "B8A": "u2", "B12": "u2", "SCL": "u1"}
    optical.bands |= {"B04": 600, "B8A": 3000, "B12": 1500, "SCL": 4}
    source = scenes(optical, "sentinel2")
    row = source.list_scenes(BOUNDS, date(2020, 1, 1), date(2020, 1, 31)).iloc[0].to_dict()
    path = tmp_path / row["scene"] / f"{row['scene']}.json"
    source.fetch_scene(row, path)
    product = open_product(path)
    assert (product.tile, product.level, product.baseline) == ("55GEN", "L2A", (5, 0))
    assert (product.bands["B04"].scale, product.bands["B04"].offset, product.bands["B04"].nodata) == (0.0001, 0, 0)
    for band in ("B04", "B8A", "B12"):
        with rasterio.open(product.bands[band].raster) as file:
            assert file.dtypes == ("uint16",)
            assert file.res == (20, 20)
            assert file.bounds.left == 499980  # the tile's own pixels, no further than it reaches
            assert file.bounds.top >= 5294000
    with rasterio.open(product.classes) as file:
        assert (file.read() == 4).all()
    red, nir, _, _ = (graph(body) for body in optical.pixels())
    assert red.calls("Reducer.mean")  # of 10 m pixels
    assert not nir.calls("Reducer.mean")
    assert nir.calls("Image.select")[0]["bandSelectors"] == ["B8A"]
