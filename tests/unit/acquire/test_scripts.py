"""The scripts of the rules, with what the rules give them and sources that live in memory."""

import json
from datetime import UTC, date, datetime
from xml.etree import ElementTree

import fetch_fields
import fetch_maps
import fetch_orbit
import fetch_point_fields
import fetch_point_maps
import fetch_sentinel1
import fetch_sentinel2
import list_scenes
import merge_manifests
import pandas as pd
import pytest
import rasterio
import xarray as xr
from memory_sources import MemoryFields, MemoryMaps

from loam.acquire.canonical.manifest import build_manifest, state_of_day, write_manifest
from loam.acquire.canonical.origin import read_source
from loam.acquire.catalogue import dataset_of
from loam.acquire.scenes import scene_files
from loam.acquire.scenes.no_orbit import asked_in_vain
from loam.acquire.scenes.scene_table import in_form, read_scenes
from loam.acquire.source import SceneSource
from loam.errors import AcquireError, ConfigError, TableError
from loam.io.atomic import write_text

VALUES = {
    "acquire": {"earthengine": {"project": None, "high_volume": False}, "local": {}},
    "mapping": {"grid": {"crs": "EPSG:32755", "bounds": [500000, 5200000, 504000, 5203200], "resolution": 80}},
    "back_end": "direct", "area": "0123456789abcdef", "run": "small", "domain": "source", "threads": 1,
}  # fmt: skip
STATIONS = pd.DataFrame({"station": ["hobart", "perth"], "latitude": [-42.88, -31.95], "longitude": [147.33, 115.86]})


@pytest.fixture
def opened(monkeypatch):
    """What the scripts opened, one after another; all of it in memory."""
    sources = []

    def opens(kind):
        def open_source(name, back_end, access, workspace):
            sources.append(kind(dataset_of(name), workspace))
            sources[-1].given = access
            return sources[-1]

        return open_source

    for script, kind in (
        (fetch_maps, MemoryMaps), (fetch_point_maps, MemoryMaps), (fetch_fields, MemoryFields),
        (fetch_point_fields, MemoryFields),
    ):  # fmt: skip
        monkeypatch.setattr(script, "open_source", opens(kind))
    return sources


@pytest.fixture
def stations(tmp_path):
    STATIONS.to_parquet(tmp_path / "stations.parquet")
    return tmp_path / "stations.parquet"


def test_a_map_is_fetched_once_for_the_same_request(opened, tmp_path):
    values = {**VALUES, "dataset": "slga", "variable": "clay"}
    paths = {"map": tmp_path / "resources" / "slga" / "clay.tif"}
    fetch_maps.stage(paths, values)
    with rasterio.open(paths["map"]) as file:
        assert file.shape == (40, 50) and file.descriptions == ("0-5", "5-15", "15-30", "30-60")
    fetch_maps.stage(paths, values)
    assert len(opened) == 1
    finer = {**values, "mapping": {"grid": {**VALUES["mapping"]["grid"], "resolution": 40}}}
    fetch_maps.stage(paths, finer)
    with rasterio.open(paths["map"]) as file:
        assert len(opened) == 2 and file.shape == (80, 100)


def test_the_relief_is_the_elevation_on_finer_pixels_and_beyond_the_edge(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(MemoryMaps, "tile", 512)
    monkeypatch.setattr(MemoryMaps, "native_metres", lambda *_: 30.0)
    values, paths = {**VALUES, "dataset": "glo30", "variable": "relief"}, {"map": tmp_path / "relief.tif"}
    for _ in range(2):
        fetch_maps.stage(paths, values)
    with rasterio.open(paths["map"]) as file:
        assert file.descriptions == ("elevation",) and file.tags()["vertical_datum"] == "EGM2008"
        assert file.bounds == (490_000, 5_190_000, 514_000, 5_213_200) and file.width == 24_000 / 80 * 3
    assert len(opened) == 1 and opened[0].smooth


def test_a_map_that_was_changed_by_hand_is_fetched_again(opened, tmp_path):
    values, paths = {**VALUES, "dataset": "slga", "variable": "clay"}, {"map": tmp_path / "clay.tif"}
    fetch_maps.stage(paths, values)
    paths["map"].write_bytes(b"II*\x00 spoilt")
    fetch_maps.stage(paths, values)
    assert len(opened) == 2


def test_a_grid_given_by_a_raster_is_refused(opened, tmp_path):
    grid = dict.fromkeys(("crs", "bounds", "resolution"))
    with pytest.raises(ConfigError, match="crs, bounds and resolution"):
        fetch_maps.stage(
            {"map": tmp_path / "clay.tif"}, {**VALUES, "dataset": "slga", "variable": "clay", "mapping": {"grid": grid}}
        )


def test_a_month_is_fetched_again_when_its_state_changes(opened, tmp_path):
    values = {**VALUES, "dataset": "silo", "span": "2020-01"}
    paths = {"fields": tmp_path / "2020-01.nc", "manifest": tmp_path / "2020-01.manifest.csv"}
    for state in ("open 2020-01-10", "open 2020-01-10", "provisional", "final", "final"):
        fetch_fields.stage(paths, {**values, "state": state})
    assert len(opened) == 3
    with xr.open_dataset(paths["fields"]) as data:
        assert data.sizes["time"] == 31
    assert opened[0].given.asked_on == date(2020, 1, 10) and opened[2].given.asked_on is None
    paths["manifest"].unlink()
    fetch_fields.stage(paths, {**values, "state": "final"})
    assert len(opened) == 4 and paths["manifest"].exists()


def test_points_are_kept_while_the_stations_stay_and_are_newer_than_them(opened, stations, tmp_path):
    values = {**VALUES, "dataset": "silo", "span": "2020-01", "state": "final"}
    paths = {
        "stations": stations,
        "points": tmp_path / "2020-01.parquet",
        "manifest": tmp_path / "2020-01.manifest.csv",
    }
    fetch_point_fields.stage(paths, values)
    asked = len(opened)
    STATIONS.assign(days=3).to_parquet(stations)
    fetch_point_fields.stage(paths, values)
    assert len(opened) == asked and paths["points"].stat().st_mtime >= stations.stat().st_mtime
    STATIONS.assign(latitude=[-42.0, -31.0]).to_parquet(stations)
    fetch_point_fields.stage(paths, values)
    assert len(opened) == asked + 1
    assert len(pd.read_parquet(paths["points"])) == 2 * 31


def test_maps_at_stations_are_of_the_runs_resolution_and_of_the_variables_asked_for(opened, stations, tmp_path):
    paths = {"stations": stations, "points": tmp_path / "maps.parquet"}
    fetch_point_maps.stage(paths, {**VALUES, "dataset": "slga", "variables": ["clay", "soc"]})
    table = pd.read_parquet(paths["points"])
    assert table.columns.tolist() == ["station", *(f"{name}_{n}" for name in ("clay", "soc") for n in range(1, 5))]
    assert read_source(paths["points"])["request"]["resolution"] == 80
    fetch_point_maps.stage(paths, {**VALUES, "dataset": "slga", "variables": ["clay", "soc"]})
    assert len(opened) == 1
    degrees = {"crs": "EPSG:4326", "bounds": [146, -43, 147, -42], "resolution": 0.01}
    fetch_point_maps.stage(paths, {**VALUES, "dataset": "slga", "variables": ["clay"], "mapping": {"grid": degrees}})
    assert read_source(paths["points"])["request"]["resolution"] == pytest.approx(1111, abs=2)


def test_manifests_merge_and_a_failed_day_ends_the_run(tmp_path):
    for month, found in ((1, 1), (2, 0)):
        row = state_of_day(date(2020, month, 1), found=found, expected=1)
        write_manifest(build_manifest([row]), tmp_path / f"2020-0{month}.manifest.csv")
    paths = {"manifests": [tmp_path / "2020-01.manifest.csv"], "manifest": tmp_path / "all.csv"}
    merge_manifests.stage(paths, {})
    assert pd.read_csv(paths["manifest"])["file"].tolist() == [str(tmp_path / "2020-01")]
    paths = {"manifests": sorted(tmp_path.glob("2020*.csv")), "manifest": tmp_path / "both.csv"}
    with pytest.raises(AcquireError, match=r"2020-02: 2020-02-01"):
        merge_manifests.stage(paths, {})
    assert not paths["manifest"].exists()


class Listed(SceneSource):
    """A provider of scenes."""

    rows: list[dict] = []
    asked: list[tuple] = []

    def clients(self):
        return {"memory": "1"}

    def list_scenes(self, bounds, first, last):
        self.asked.append((bounds, first, last, self.access))
        return in_form(pd.DataFrame([row for row in self.rows if row["dataset"] == self.dataset.name]))

    def fetch_scene(self, scene, path):
        self.asked.append((scene["scene"], self.access))
        if path.suffix == ".json":
            write_text("band", path.parent / "B04.tif")
            write_text(json.dumps({"assets": {"B04": {"href": "./B04.tif"}, "meta": {"href": "https://x/y"}}}), path)
        else:
            write_text("product", path)
        return {"provider": "memory"}


def scene(name, day, dataset="sentinel2", **changes):
    corners = [[146.5, -43.5], [147.5, -43.5], [147.5, -42.5], [146.5, -42.5], [146.5, -43.5]]
    return {
        "scene": name, "dataset": dataset, "back_end": "direct", "platform": name[:3], "acquired": f"{day}T00:02:41Z",
        "tile": "55GEN" if dataset == "sentinel2" else "", "version": "05.09", "cloud_cover": 10.0,
        "url": f"https://x/{name}", "footprint": {"type": "Polygon", "coordinates": [corners]},
    } | changes  # fmt: skip


@pytest.fixture
def provider(monkeypatch):
    """Scenes in memory."""
    Listed.rows, Listed.asked = [], []
    for module in (list_scenes, scene_files):
        monkeypatch.setattr(
            module, "open_scenes", lambda name, back_end, access: Listed(dataset_of(name), access)
        )  # fmt: skip
    return Listed


CHOICE = {"dataset": "sentinel2", "back_end": "direct", "cloud_cover": 80}
SCENES = {"sentinel1": None, "sentinel2": CHOICE, "first": "2020-01-01", "last": "2020-01-31"}


def test_the_list_of_scenes_grows_and_an_unchanged_one_is_the_same_bytes(provider, tmp_path):
    paths, values = {"scenes": tmp_path / "small.csv"}, {**VALUES, "scenes": SCENES}
    provider.rows = [scene("S2A_55GEN_20200105_0_L2A", "2020-01-05"), scene("S2B_55GEN_20200110_0_L2A", "2020-01-10")]
    list_scenes.stage(paths, values)
    before = paths["scenes"].read_bytes()
    (west, south, east, north), first, last, access = provider.asked[0]
    assert 146.99 < west < east < 147.1 and -43.4 < south < north < -43.3
    assert (first, last) == (date(2020, 1, 1), date(2020, 1, 31)) and access.choice.plain() == CHOICE
    provider.rows = provider.rows[::-1]
    list_scenes.stage(paths, values)
    assert paths["scenes"].read_bytes() == before
    provider.rows = [scene("S2A_55GEN_20200115_0_L2A", "2020-01-15")]
    list_scenes.stage(paths, values)
    assert [name[10:18] for name in read_scenes(paths["scenes"])["scene"]] == ["20200105", "20200110", "20200115"]


@pytest.mark.parametrize(
    ("choice", "changes"),
    [
        ({"last": "2020-01-09"}, {}),
        ({"sentinel2": {**CHOICE, "cloud_cover": 5}}, {}),
        ({"sentinel2": {**CHOICE, "back_end": "earthengine"}}, {}),
        ({}, {"bounds": [296000, 5400000, 300000, 5404000]}),
    ],
)
def test_what_the_run_no_longer_asks_for_leaves_the_list(provider, tmp_path, choice, changes):
    paths = {"scenes": tmp_path / "small.csv"}
    provider.rows = [scene("S2B_55GEN_20200110_0_L2A", "2020-01-10")]
    list_scenes.stage(paths, {**VALUES, "scenes": SCENES})
    provider.rows = []
    values = {**VALUES, "mapping": {"grid": {**VALUES["mapping"]["grid"], **changes}}, "scenes": {**SCENES, **choice}}
    list_scenes.stage(paths, values)
    assert read_scenes(paths["scenes"]).empty


def test_a_run_without_scenes_has_an_empty_list(provider, tmp_path):
    list_scenes.stage({"scenes": tmp_path / "small.csv"}, {**VALUES, "scenes": {"sentinel1": None, "sentinel2": None}})
    assert read_scenes(tmp_path / "small.csv").empty and provider.asked == []


@pytest.fixture
def scenes(provider, tmp_path):
    radar = "S1A_IW_GRDH_1SDV_20200105T190312_20200105T190337_030678_03840B_9F3C"
    provider.rows = [scene("S2A_55GEN_20200105_0_L2A", "2020-01-05"), scene(radar, "2020-01-05", "sentinel1")]
    both = {**SCENES, "sentinel1": {"dataset": "sentinel1", "back_end": "direct"}}
    list_scenes.stage({"scenes": tmp_path / "small.csv"}, {**VALUES, "scenes": both})
    provider.asked.clear()
    return tmp_path / "small.csv"


def test_a_product_is_fetched_once_and_says_where_from(provider, scenes, tmp_path):
    name = read_scenes(scenes)["scene"][0]
    values = {**VALUES, "scene": name, "sentinel1": {"dataset": "sentinel1", "back_end": "direct"}}
    paths = {"scenes": scenes, "product": tmp_path / "sentinel1" / f"{name}.zip"}
    fetch_sentinel1.stage(paths, values)
    fetch_sentinel1.stage(paths, values)
    assert [asked[0] for asked in provider.asked] == [name]
    source = read_source(paths["product"])
    assert source["product"] == {"provider": "memory"} and source["request"]["scene"] == name


def test_an_item_is_fetched_again_when_a_band_beside_it_is_gone_or_the_grid_it_is_cut_to_changes(
    provider, scenes, tmp_path
):
    name = "S2A_55GEN_20200105_0_L2A"
    values = {**VALUES, "scene": name, "sentinel2": {**CHOICE, "crop": True}}
    paths = {"scenes": scenes, "product": tmp_path / "sentinel2" / name / f"{name}.json"}
    fetch_sentinel2.stage(paths, values)
    fetch_sentinel2.stage(paths, values)
    assert len(provider.asked) == 1
    (paths["product"].parent / "B04.tif").unlink()
    fetch_sentinel2.stage(paths, values)
    assert len(provider.asked) == 2
    wider = {**VALUES["mapping"]["grid"], "bounds": [500000, 5200000, 508000, 5203200]}
    fetch_sentinel2.stage(paths, {**values, "mapping": {"grid": wider}})
    assert len(provider.asked) == 3


def test_a_scene_that_is_not_listed_is_named(scenes, tmp_path):
    values = {**VALUES, "scene": "S2A_nowhere", "sentinel2": CHOICE}
    with pytest.raises(TableError, match="no scene 'S2A_nowhere' of sentinel2; run `snakemake scenes`"):
        fetch_sentinel2.stage({"scenes": scenes, "product": tmp_path / "x.json"}, values)


def test_a_restituted_orbit_gives_way_to_the_precise_one(scenes, tmp_path, monkeypatch):
    from loam.acquire.scenes import orbits

    kinds = ["restituted", "precise"]
    asked = []

    def fetch(scene, path, *, prefer):
        asked.append((scene["scene"], prefer))
        write_text("orbit", path)
        return {"kind": kinds[len(asked) - 1], "file": "S1A_OPER_AUX.EOF", "provider": "memory"}

    monkeypatch.setattr(orbits, "fetch_orbit", fetch)
    name = read_scenes(scenes)["scene"][0]
    values = {**VALUES, "scene": name, "sentinel1": {"dataset": "sentinel1", "back_end": "direct"}, "orbit": "best"}
    for _ in range(3):
        fetch_orbit.stage({"scenes": scenes, "orbit": tmp_path / "orbit.EOF"}, values)
    assert asked == [(name, "best")] * 2
    assert read_source(tmp_path / "orbit.EOF")["product"]["kind"] == "precise"


def test_where_no_orbit_is_published_a_record_says_so_until_one_is(scenes, tmp_path, monkeypatch, caplog):
    from loam.acquire.scenes import orbits

    answers = [None, None, AcquireError("no server"), "restituted", None]

    def fetch(scene, path, *, prefer):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            write_text("an orbit", path)
            return {"kind": answer, "file": "S1A_OPER_AUX.EOF", "provider": "memory"}
        return None

    monkeypatch.setattr(orbits, "fetch_orbit", fetch)
    name, path = read_scenes(scenes)["scene"][0], tmp_path / "orbit.EOF"
    values = {**VALUES, "scene": name, "sentinel1": {"dataset": "sentinel1", "back_end": "direct"}, "orbit": "best"}
    paths, today = {"scenes": scenes, "orbit": path}, datetime.now(UTC).date()
    for _ in range(2):
        caplog.clear()
        fetch_orbit.stage(paths, values)
        assert f"{name}: no orbit is published on {today}, {(today - date(2020, 1, 5)).days} days" in caplog.text
        assert f"add `-R {path}`" in caplog.text
        assert asked_in_vain(ElementTree.parse(path).getroot()) == today.isoformat()
        assert read_source(path)["product"]["kind"] == "none"
    with pytest.raises(AcquireError, match="no server"):
        fetch_orbit.stage(paths, values)
    assert read_source(path)["product"]["kind"] == "none"
    for _ in range(2):  # what is no longer listed is not lost
        fetch_orbit.stage(paths, values)
        assert read_source(path)["product"]["kind"] == "restituted" and path.read_text() == "an orbit"
