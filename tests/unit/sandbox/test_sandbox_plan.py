"""What the sandbox makes is what the run asks acquire for, in the same places."""

import csv

import pytest

from loam.acquire.acquire_plan import manifest_files, map_files, relief_files
from loam.config.settings import load_config
from loam.sandbox.sandbox_plan import (
    kinds_made,
    manifests_beside,
    sandbox_fields,
    sandbox_fields_values,
    sandbox_map_values,
    sandbox_maps,
    sandbox_orbits,
    sandbox_point_fields,
    sandbox_point_map_values,
    sandbox_point_maps,
    sandbox_products,
    truth_values,
    world_values,
)

SCENES = {"sentinel1": "S1A_IW_GRDH_1SDV_20220801T191602_20220801T191607_044375_056AB9_9F10", "sentinel2": "S2B_A"}


@pytest.fixture
def config(default_config):
    return load_config(default_config)


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A folder with a list of the run's scenes, one of each kind."""
    (tmp_path / "config" / "scenes").mkdir(parents=True)
    with (tmp_path / "config" / "scenes" / "sandbox.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["scene", "dataset"], *((scene, kind) for kind, scene in SCENES.items())])
    monkeypatch.chdir(tmp_path)


def test_every_file_that_the_run_needs_of_the_sandbox_is_made(config):
    fields, maps = ["coarse_moisture", "weather"], ["soil", "terrain", "landcover"]
    assert kinds_made(config) == [*fields, *maps, "sentinel1", "sentinel2"]
    assert sandbox_maps(config) == [file for kind in maps for file in map_files(config, kind)] + relief_files(config)
    made = [*sandbox_fields(config), *sandbox_point_fields(config)]
    assert set(manifests_beside(made)) == set(manifest_files(config))
    assert all("/sandbox_" in file for file in [*sandbox_maps(config), *made, *sandbox_point_maps(config)])


def test_values_stand_in_the_order_of_the_files(config):
    for file, item in zip(sandbox_maps(config), sandbox_map_values(config)["maps"], strict=True):
        assert file.startswith(f"resources/{item['dataset']}/") and file.endswith(f"/{item['variable']}.tif")
    for file, item in zip(sandbox_point_maps(config), sandbox_point_map_values(config)["maps"], strict=True):
        assert file.startswith(f"resources/{item['dataset']}/points/")
    for domain, files in (("target", sandbox_fields(config)), ("source", sandbox_point_fields(config))):
        fields = sandbox_fields_values(config, domain)["fields"]
        months = [(item["dataset"], span) for item in fields for span in item["spans"]]
        assert [(file.split("/")[1], file.rsplit("/", 1)[1].split(".")[0]) for file in files] == months


def test_the_last_month_of_moisture_is_open_and_the_others_are_final(config):
    moisture, weather = sandbox_fields_values(config, "target")["fields"]
    assert moisture["states"][-1] == "open 2022-12-31" and set(moisture["states"][:-1]) == {"final"}
    assert weather["dataset"] == "sandbox_weather" and len(weather["states"]) == 36


def test_the_relief_is_made_for_a_run_that_takes_sentinel1_and_for_no_other(config):
    assert [item["variable"] for item in sandbox_map_values(config)["maps"]].count("relief") == 1
    assert len(sandbox_map_values(config)["maps"]) == len(sandbox_maps(config))
    config["acquire"]["sentinel1"] = None
    assert not [file for file in sandbox_maps(config) if "relief" in file]
    assert len(sandbox_map_values(config)["maps"]) == len(sandbox_maps(config))


def test_shares_of_land_cover_are_made_on_finer_pixels(config):
    config["covariates"]["landcover"] = "shares"
    sizes = {item["dataset"]: item["grid"]["resolution"] for item in sandbox_map_values(config)["maps"]}
    assert sizes == {"sandbox_soil": 80, "sandbox_terrain": 80, "sandbox_landcover": 20}


def test_scenes_do_not_change_the_world_nor_mapped_days_the_maps(config):
    assert "scenes" not in world_values(config)["sandbox"] and "scenes" not in sandbox_map_values(config)["sandbox"]
    assert "mapping" not in sandbox_map_values(config)
    assert truth_values(config) == {**world_values(config), "mapping": {"dates": config["mapping"]["dates"]}}


def test_products_are_those_of_the_list(config, listed):
    assert sandbox_products(config, "sentinel1") == [f"resources/sentinel1/{SCENES['sentinel1']}.zip"]
    assert sandbox_orbits(config) == [f"resources/orbits/{SCENES['sentinel1']}.EOF"]
    assert sandbox_products(config, "sentinel2") == ["resources/sentinel2/S2B_A/S2B_A.json"]


def test_gridded_backscatter_takes_the_place_of_products(default_config, listed):
    default_config["sandbox"]["scenes"]["sentinel1"]["gridded"] = True
    config = load_config(default_config)
    (file,) = sandbox_products(config, "sentinel1")
    assert file.startswith("resources/sentinel1/sandbox_") and file.endswith(f"/{SCENES['sentinel1']}.tif")
    assert sandbox_orbits(config) == []


def test_without_a_list_and_without_scenes_there_are_no_products(default_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sandbox_products(load_config(default_config), "sentinel1") == []
    default_config["sandbox"]["scenes"] = {"sentinel1": None, "sentinel2": None}
    config = load_config(default_config)
    assert "sentinel1" not in kinds_made(config) and sandbox_products(config, "sentinel2") == []
