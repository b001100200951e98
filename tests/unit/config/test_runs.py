"""The runs that come with the project are valid overlays of the default one."""

from __future__ import annotations

import pytest
import yaml
from snakemake.utils import update_config

from loam.config.settings import load_config
from loam.covariates.features import feature_set


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
    assert config["training"]["epochs"] == 150 and config["training"]["models"] == ["mlp", "lstm"]
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
    assert len(config["mapping"]["inputs"]) == 9 and config["training"]["models"] == ["mlp"]


def test_the_example_of_the_how_to_is_complete(load):
    config = load("docs/how-to/bring-your-own-table.yaml")
    assert (config["samples"]["source"], config["samples"]["from"]) == ("my_data/source.csv", "table")
    assert config["mapping"]["inputs"] == [] and config["mapping"]["truth"] is None
