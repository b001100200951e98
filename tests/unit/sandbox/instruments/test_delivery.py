"""The sandbox leaves what acquire leaves: files, manifests and provenance of the same form."""

import json
from datetime import date

import make_sandbox_fields
import make_sandbox_maps
import make_sandbox_network
import make_sandbox_point_fields
import make_sandbox_point_maps
import make_sandbox_probes
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from probe_settings import probes_at

from loam.acquire.canonical.manifest import read_manifest
from loam.acquire.catalogue import dataset_of
from loam.acquire.region import geobox_of_run
from loam.errors import ConfigError
from loam.probes.formats import open_probes
from loam.raster.grid import Tile
from loam.sandbox.instruments.cell_means import overlaps_of
from loam.sandbox.instruments.coarse_moisture import GAIN, MIDDLE, fields_found
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import settings_of

SANDBOX = {
    "rows": 120, "columns": 120, "spin_up_days": 5, "target_stations": 3, "source_stations": 3, "long_records": 1,
    "period": {"source": ["2019-06-01", "2019-07-31"], "target": ["2021-06-01", "2021-07-31"]},
}  # fmt: skip
GRID = {"crs": "EPSG:28355", "bounds": [540000, 5350400, 549600, 5360000], "resolution": 80}
VALUES = {"seed": 4, "sandbox": SANDBOX, "grid": GRID, "threads": 1}
MAPS = [("sandbox_soil", "clay"), ("sandbox_terrain", "elevation"), ("sandbox_landcover", "sandbox_landcover")]
MONTHS = ["2021-06", "2021-07"]
STATES = ["final", "open 2021-07-20"]


def fields(folder, dataset, values=VALUES, spans=MONTHS, states=STATES):
    paths = {
        "fields": [folder / dataset / f"{span}.nc" for span in spans],
        "manifests": [folder / dataset / f"{span}.manifest.csv" for span in spans],
    }
    wanted = [{"dataset": dataset, "spans": spans, "states": states}]
    make_sandbox_fields.stage(paths, {**values, "fields": wanted})
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("resources")


@pytest.fixture(scope="module")
def moisture(folder):
    return fields(folder, "sandbox_moisture")


@pytest.fixture(scope="module")
def stations(folder):
    path = folder / "stations.parquet"
    names = {"station": [f"SANDBOX_S0{n}" for n in (1, 2, 3)], "latitude": -40.0, "longitude": 147.0}
    pd.DataFrame(names).to_parquet(path)
    return path


def test_the_maps_are_canonical(folder):
    maps = [{"dataset": dataset, "variable": variable, "grid": GRID} for dataset, variable in MAPS]
    paths = [folder / f"{variable}.tif" for _, variable in MAPS]
    make_sandbox_maps.stage({"maps": paths}, {**VALUES, "maps": maps})
    for (dataset, variable), path in zip(MAPS, paths, strict=True):
        item = dataset_of(dataset).variables[variable]
        with rasterio.open(path) as file:
            assert file.descriptions == item.bands and file.shape == (120, 120)
            assert file.tags()["dataset"] == dataset
        source = json.loads(path.with_name(f"{path.name}.provenance.json").read_text())["source"]
        assert source["back_end"] == "sandbox"
        assert not list(path.parent.glob(".*.parts"))


def test_the_months_of_moisture_say_what_each_day_is(moisture):
    first, second = (read_manifest(path) for path in moisture["manifests"])
    assert first["model_only"].sum() == 19 and set(first["state"]) <= {"complete", "partial"}
    late = second[second["state"] == "not_yet_published"]
    assert late["date"].dt.strftime("%d").tolist() == ["18", "19", "20"]  # three days of latency
    with xr.open_dataset(moisture["fields"][1]) as data:
        assert data.sizes["time"] == 20
        assert np.isnan(data["sm_surface"][17:]).all() and np.isfinite(data["sm_surface"][:17]).any()
        assert data["n_fields"][17:].sum() == 0
        assert data["sm_surface"].attrs["units"] == "m3 m-3"


def test_n_fields_counts_the_fields_of_a_day(moisture):
    with xr.open_dataset(moisture["fields"][0]) as data:
        days = [date.fromisoformat(str(day)[:10]) for day in data["time"].to_numpy()]
        np.testing.assert_array_equal(data["n_fields"], fields_found(4, days))


def test_a_cells_moisture_is_near_the_truth_of_its_pixels(moisture):
    settings = settings_of(4, SANDBOX)
    world, tile = World(settings), Tile(0, 0, 120, 120)
    with xr.open_dataset(moisture["fields"][0]) as data:
        seen, x, y = data["sm_rootzone"].to_numpy(), data["x"].to_numpy(), data["y"].to_numpy()
    step = x[1] - x[0]
    cells = GeoBox(seen.shape[1:], Affine(step, 0, x[0] - step / 2, 0, -step, y[0] + step / 2), "EPSG:6933")
    overlaps = overlaps_of(world.geobox, tile, cells)
    days = [date(2021, 6, day) for day in (1, 15, 30)]
    for day in world.run(days, tile):
        mean = overlaps.means(depth_mean(day.moisture, 0, 100))
        got = seen[day.day.day - 1]
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(mean))
        expected = MIDDLE + GAIN * (mean - MIDDLE) + 0.045
        assert np.nanmax(np.abs(got - expected)) < 0.09


def test_weather_is_there_on_every_day_wherever_the_region_reaches(folder):
    paths = fields(folder, "sandbox_weather")
    with xr.open_dataset(paths["fields"][0]) as data:
        known = np.isfinite(data["rain"].to_numpy())
        assert known.any(axis=(1, 2)).all() and (known == known[0]).all()
        assert float((data["tmax"] - data["tmin"]).min()) > 0
        assert float(data["rain"].min()) >= 0


def test_datasets_that_are_made_together_are_what_each_is_alone(folder, moisture, tmp_path):
    names = ["sandbox_weather", "sandbox_moisture"]
    wanted = [{"dataset": name, "spans": MONTHS, "states": STATES} for name in names]
    files = [tmp_path / name / month for name in names for month in MONTHS]
    paths = {"fields": [file.with_suffix(".nc") for file in files],
             "manifests": [file.with_suffix(".manifest.csv") for file in files]}  # fmt: skip
    make_sandbox_fields.stage(paths, {**VALUES, "fields": wanted})
    for name in ("fields", "manifests"):
        for one, other in zip(moisture[name], paths[name][2:], strict=True):
            assert one.read_bytes() == other.read_bytes()


def test_another_seed_is_another_world(moisture, tmp_path):
    other = fields(tmp_path, "sandbox_moisture", {**VALUES, "seed": 5}, MONTHS[:1], STATES[:1])
    with xr.open_dataset(other["fields"][0]) as one, xr.open_dataset(moisture["fields"][0]) as two:
        assert float(np.nanmax(np.abs(one["sm_surface"] - two["sm_surface"]))) > 0.02


def test_a_month_alone_is_the_month_among_others(moisture, tmp_path):
    alone = fields(tmp_path, "sandbox_moisture", spans=MONTHS[1:], states=STATES[1:])
    assert alone["fields"][0].read_bytes() == moisture["fields"][1].read_bytes()


def test_days_before_the_world_begins_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="the world begins on 2021-06-01"):
        fields(tmp_path, "sandbox_moisture", spans=["2021-05"], states=["final"])


def test_stations_have_maps_and_months(folder, stations):
    maps = [{"dataset": "sandbox_soil", "variables": ["clay", "soc"]}, {"dataset": "sandbox_landcover",
             "variables": ["sandbox_landcover"]}]  # fmt: skip
    tables = [folder / "soil.parquet", folder / "landcover.parquet"]
    make_sandbox_point_maps.stage({"stations": stations, "points": tables}, {**VALUES, "maps": maps})
    soil = pd.read_parquet(tables[0])
    assert list(soil.columns) == ["station", *(f"{name}_{band}" for name in ("clay", "soc") for band in (1, 2, 3, 4))]
    assert soil.notna().all(axis=None) and pd.read_parquet(tables[1])["sandbox_landcover"].between(1, 5).all()
    for dataset, variables in (("sandbox_moisture", ["sm_surface", "sm_rootzone"]), ("sandbox_weather", ["rain"])):
        paths = {"stations": stations, "points": [folder / f"{dataset}.parquet"],
                 "manifests": [folder / f"{dataset}.manifest.csv"]}  # fmt: skip
        values = {**VALUES, "fields": [{"dataset": dataset, "spans": ["2019-06"], "states": ["final"]}]}
        make_sandbox_point_fields.stage(paths, values)
        table = pd.read_parquet(paths["points"][0])
        assert len(table) == 3 * 30 and table[variables].notna().all(axis=None)
        assert (set(table.columns) >= {"n_fields", "model_only"}) == (dataset == "sandbox_moisture")


def test_an_unknown_station_is_refused(folder, tmp_path):
    path = tmp_path / "stations.parquet"
    pd.DataFrame({"station": ["Hill"], "latitude": [-40.0], "longitude": [147.0]}).to_parquet(path)
    with pytest.raises(ConfigError, match="no station 'Hill'"):
        make_sandbox_point_maps.stage(
            {"stations": path, "points": [tmp_path / "soil.parquet"]},
            {**VALUES, "maps": [{"dataset": "sandbox_soil", "variables": ["clay"]}]},
        )


def test_the_scripts_of_probes_write_what_the_readers_read(tmp_path):
    paths = {"files": tmp_path / "files", "description": tmp_path / "description.yaml",
             "stations": tmp_path / "stations.csv", "faults": tmp_path / "faults.csv"}  # fmt: skip
    make_sandbox_probes.stage(paths, VALUES)
    probes = open_probes(probes_at("logger", path=paths["files"], **{name: paths[name] for name in
                          ("description", "stations")}))  # fmt: skip
    inside = geobox_of_run(GRID).extent.to_crs("EPSG:4326").boundingbox
    assert probes.stations["longitude"].between(inside.left, inside.right).all()
    assert len(pd.concat(probes.readings)) > 1000
    make_sandbox_network.stage({"download": tmp_path / "download"}, VALUES)
    assert len(open_probes(probes_at("ismn", path=tmp_path / "download")).stations) == 3
