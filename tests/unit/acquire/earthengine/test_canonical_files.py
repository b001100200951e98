"""From Earth Engine to canonical files: the real client, a server on this machine, whole files or none."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.manifest import manifest_path, read_manifest
from loam.acquire.canonical.origin import read_source
from loam.acquire.steps.fetch_fields import fetch_fields
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetch_points import fetch_point_fields
from loam.acquire.steps.fetched_parts import open_parts, parts_folder
from loam.errors import AcquireError

SMAP, SLGA = "NASA/SMAP/SPL4SMGP/008", "CSIRO/SLGA"
GRID = GeoBox.from_bbox((500000, 5200000, 504000, 5203200), "EPSG:28355", resolution=80)
REQUEST = {"dataset": "made up"}


@pytest.fixture
def smap(engine, listed):
    """SMAP L4 until 20 January 2020, the day before yesterday of whoever asks on the 22nd."""
    days = [date(2020, 1, 1) + timedelta(days=step) for step in range(20)]
    engine.collections[SMAP] = []
    for day in days:
        for hour in range(0, 24, 3):
            start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            begins, ends = (f"{when:%Y-%m-%dT%H:%M:%SZ}" for when in (start, start + timedelta(hours=3)))
            entry = listed(f"{start:%Y%m%d_%H%M}", begins, ["sm_surface", "sm_rootzone"], collection=SMAP)
            engine.collections[SMAP].append({**entry, "endTime": ends})
    engine.bands["*"] = lambda grid, name: 0.1 + int(name[-2:]) / 100
    return engine


@pytest.fixture
def clay(engine, listed):
    """SLGA's clay."""
    names = ["CLY_000_005_EV", "CLY_005_015_EV", "CLY_015_030_EV", "CLY_030_060_EV"]
    engine.collections[SLGA] = [
        listed("CLY", None, names, collection=SLGA, properties={"attribute_code": "CLY"})
    ]  # fmt: skip
    engine.bands["*"] = 31.5
    return engine


def moisture(engine, path, state):
    source = engine.source("smap_l4")
    source.workspace = open_parts(path, REQUEST)
    fetch_fields(source, GRID, "2020-01", state, path, manifest_path(path), REQUEST)


def soil(engine, path, tile=16):
    source = engine.source("slga")
    source.workspace, source.tile = open_parts(path, REQUEST), tile
    fetch_map(source, "clay", GRID, path, REQUEST)


def test_an_open_month_is_one_request_for_pixels_and_says_what_is_not_published(smap, tmp_path):
    path = tmp_path / "2020-01.nc"
    moisture(smap, path, "open 2020-01-22")
    assert len(smap.pixels()) == 1
    with xr.open_dataset(path) as data:
        assert data.sizes["time"] == 22 and data["n_fields"].values.tolist() == [8] * 20 + [0] * 2
        assert np.allclose(data["sm_surface"][4], 0.15) and np.isnan(data["sm_rootzone"][20:]).all()
    assert read_manifest(path)["state"].value_counts().to_dict() == {"complete": 20, "not_yet_published": 2}
    source = read_source(path)
    assert source["back_end"] == "earthengine" and "earthengine-api" in source["clients"]


def test_a_day_that_the_collection_lost_ends_the_month_without_a_file(smap, tmp_path, files_in):
    smap.collections[SMAP] = [entry for entry in smap.collections[SMAP] if "20200107" not in entry["id"]]
    with pytest.raises(AcquireError, match="smap_l4 from earthengine, 2020-01: failed: 2020-01-07"):
        moisture(smap, tmp_path / "2020-01.nc", "open 2020-01-22")
    assert [name for name in files_in(tmp_path) if not name.startswith(".")] == []


def test_moisture_in_percent_is_told_for_what_it_is(smap, tmp_path):
    smap.bands["*"] = 25.0
    with pytest.raises(AcquireError, match="sm_surface is 25 at 2020-01-01.*percent"):
        moisture(smap, tmp_path / "2020-01.nc", "open 2020-01-22")


def test_stations_are_sampled_on_the_server(smap, tmp_path):
    stations = pd.DataFrame({"station": ["a", "b"], "latitude": [-42.0, -34.0], "longitude": [147.0, 146.0]})
    days = [date(2020, 1, 1) + timedelta(days=step) for step in range(20)]
    bands = [f"sm_{layer}_{day:%Y%m%d}" for layer in ("surface", "rootzone") for day in days]
    smap.features = lambda body, positions: [
        {"position": place, **dict.fromkeys(bands, 0.2 + place / 10)} for place in positions
    ]
    path, source = tmp_path / "2020-01.parquet", smap.source("smap_l4")
    source.workspace = open_parts(path, REQUEST)
    fetch_point_fields(source, stations, "2020-01", "open 2020-01-22", path, manifest_path(path), REQUEST)
    table = pd.read_parquet(path)
    assert smap.pixels() == [] and len(table) == 2 * 22
    values = table.groupby("station")["sm_surface"]
    assert values.count().tolist() == [20, 20] and values.mean().tolist() == pytest.approx([0.2, 0.3])


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"truncate": 64}, {"stall": True},
        {"reset": 64},
    ],
)  # fmt: skip
def test_a_fault_that_passes_ends_in_the_whole_map(clay, tmp_path, fault):
    path = tmp_path / "clay.tif"
    clay.fail(**fault)
    soil(clay, path)
    with rasterio.open(path) as file:
        assert file.shape == GRID.shape and (file.read() == 31.5).all()
    assert not parts_folder(path).exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"html": "Sorry"}, "HTML page"),
        ({"wrong": b"\x93NUMPY nonsense"}, "read|array|NumPy"),
        ({"status": 403}, "403|access|refuse|permission"),
        ({"status": 400}, "injected"),
    ],
)
def test_a_fault_that_stays_ends_in_one_line_and_no_file(clay, tmp_path, files_in, fault, words):
    clay.fail(times=200, **fault)
    with pytest.raises(AcquireError, match=words) as raised:
        soil(clay, tmp_path / "clay.tif")
    assert "\n" not in str(raised.value)
    assert [name for name in files_in(tmp_path) if name.endswith((".tif", ".json"))] == []


def test_a_map_without_any_value_is_an_error(clay, tmp_path):
    clay.bands["*"] = -9999.0
    with pytest.raises(AcquireError, match="every pixel of band 0-5 is missing"):
        soil(clay, tmp_path / "clay.tif")
    assert not (tmp_path / "clay.tif").exists()
