"""Licences of what maps are made from: those of others' data that are read, and none for what loam makes."""

import copy

import pytest
import yaml
from snakemake.utils import update_config

from loam.acquire.catalogue import dataset_of
from loam.acquire.credits import kinds_credited, kinds_read, licences_of
from loam.config.settings import load_config


@pytest.fixture
def tasmania(project, default_config):
    config = copy.deepcopy(default_config)
    update_config(config, yaml.safe_load((project / "config" / "tasmania.yaml").read_text(encoding="utf-8")))
    return config


def test_the_licences_of_what_is_read_are_told_once_a_dataset(tasmania):
    config = load_config(tasmania)
    told = licences_of(config)
    assert kinds_read(config) == ["coarse_moisture", "weather", "soil", "terrain", "landcover"]
    for dataset in (dataset_of(config["acquire"][kind]["dataset"]) for kind in kinds_read(config)):
        assert told.count(f"{dataset.title}: {dataset.licence}") == 1
    assert len(told) == 5


def test_a_synthetic_world_needs_nobodys_licence(default_config):
    config = load_config(default_config)
    assert "coarse_moisture" in kinds_read(config) and kinds_credited(config) == []
    assert licences_of(config) == ["synthetic data of loam: none needed"]


def test_what_is_fetched_and_not_read_has_no_part(tasmania):
    tasmania["acquire"]["sentinel2"] = {"dataset": "sentinel2", "back_end": "direct"}
    assert not any("Sentinel" in line for line in licences_of(load_config(tasmania)))


def test_a_run_from_tables_is_made_from_nothing_fetched(default_config):
    default_config["samples"].update({"source": "a.csv", "target": "b.csv"})
    default_config["features"]["static"] = ["clay"]
    default_config["acquire"]["weather"] = {"dataset": "era5_land", "back_end": "direct"}
    assert licences_of(load_config(default_config)) == []
