"""The runs that come with the project are valid overlays of the default one."""

from __future__ import annotations

import copy

import pytest
import yaml
from snakemake.utils import update_config

from loam.acquire.acquire_plan import scenes_file
from loam.acquire.scenes.scene_names import scene_rows
from loam.config.settings import load_config
from loam.covariates.features import feature_set
from loam.sandbox.sandbox_plan import sandbox_fields, sandbox_maps, sandbox_point_maps


@pytest.fixture
def load(project, default_config):
    """Merge as Snakemake does (mappings key by key, lists whole) and check."""

    def load(path: str) -> dict:
        update_config(default_config, yaml.safe_load((project / path).read_text(encoding="utf-8")))
        return load_config(default_config)

    return load


def test_murrumbidgee_reads_eight_days_of_three_stores(load):
    config = load("config/murrumbidgee.yaml")
    assert config["samples"]["from"] == "probes"
    assert config["samples"]["source"] == "results/murrumbidgee/covariates/murrumbidgee.parquet"
    assert config["probes"]["target"]["include"] == ["Y*"] and config["probes"]["quality"]["maximum"] == 0.65
    assert "repeats_depth" in config["probes"]["quality"]["exclude"]
    assert feature_set(config["features"]).shape == (5, 8, 3)
    assert config["training"]["epochs"] == 150 and config["training"]["models"] == [
        "mlp",
        "lstm",
        "mlp_within",
        "mlp_neighbours",
    ]
    assert config["mapping"]["dates"] == []


def test_uscrn_parts_the_contiguous_states_at_100_degrees_west(load):
    config = load("config/uscrn.yaml")
    assert config["probes"]["source"]["bounds"][0] == config["probes"]["target"]["bounds"][2] == -100
    assert feature_set(config["features"]).shape == (9, 8, 3)
    assert config["training"]["validation"]["by"] == "stations" and config["mapping"]["dates"] == []


def test_yanco_reads_nine_numbers_and_maps_one_day(load):
    config = load("config/yanco.yaml")
    assert feature_set(config["features"]).shape == (9, 0, 0)
    assert config["mapping"]["grid"]["like"] == "data/yanco/rasters/DEM_100m_resampled.tif"
    assert len(config["mapping"]["inputs"]) == 9 and config["training"]["models"] == [
        "mlp",
        "mlp_within",
        "mlp_neighbours",
    ]


def test_the_example_of_the_how_to_is_complete(load):
    config = load("docs/how-to/bring-your-own-table.yaml")
    assert (config["samples"]["source"], config["samples"]["from"]) == ("my_data/source.csv", "table")
    assert config["mapping"]["inputs"] == [] and config["mapping"]["truth"] is None


def test_the_demo_is_a_smaller_world_and_shares_no_file_with_the_default_run(load, default_config, project):
    sandbox, demo = load_config(copy.deepcopy(default_config)), load("config/demo.yaml")
    assert (sandbox["run"], demo["run"]) == ("sandbox", "demo")
    assert demo["sandbox"]["rows"] * demo["sandbox"]["columns"] < 0.2 * sandbox["sandbox"]["rows"] ** 2
    for kind in ("sentinel1", "sentinel2"):
        listed = [{row["scene"] for row in scene_rows(project / scenes_file(run), kind)} for run in (demo, sandbox)]
        assert all(listed) and not listed[0] & listed[1]
    for files in (sandbox_maps, sandbox_fields, sandbox_point_maps):
        assert not set(files(demo)) & set(files(sandbox))
    assert demo["probes"]["target"]["path"] == "resources/probes/demo/target/files"


def test_a_list_of_scenes_is_a_product_unless_it_is_kept_under_version_control(project, default_config):
    world, other = load_config(default_config), load_config(default_config | {"run": "far_and_dry"})
    assert scenes_file(world) == "config/scenes/sandbox.csv" and (project / scenes_file(world)).is_file()
    assert scenes_file(other) == "resources/scenes/far_and_dry.csv"
    kept = load_config(
        default_config | {"run": "mine", "acquire": {**default_config["acquire"], "scenes": "config/scenes"}}
    )
    assert scenes_file(kept) == "config/scenes/mine.csv"
