"""A config says its own facts only: what it gives, and what lacks where more is asked for."""

import pytest
import yaml
from snakemake.utils import update_config

from loam.config.parts import TITLES, block, demand, domains_of, makes, probe_domains
from loam.config.settings import load_config
from loam.errors import ConfigError

GRID = {"crs": "EPSG:28355", "bounds": [540000, 5340000, 548000, 5348000], "resolution": 80}
LOGGER = {"format": "logger", "path": "files", "description": "d.yaml", "stations": "s.csv"}
SCENE = {"sentinel1": {"dataset": "sentinel1", "back_end": "direct"}}
TERRAIN = {"terrain": {"dataset": "terrain_local", "back_end": "local"}, "local": {"terrain_local": "dem"}}
READ = {"features": {"static": ["elevation"]}}
RUNS = {
    "sandbox": {},
    "scene": {"acquire": SCENE | TERRAIN, "mapping": {"grid": GRID}},
    "probes": {"probes": {"target": LOGGER}},
    "covariates": {"probes": {"target": LOGGER}, "samples": {"target": "c.csv"}, **READ},
    "both": {"probes": {"target": LOGGER, "source": LOGGER}, "samples": {"target": "c.csv", "source": "c.csv"}, **READ},
    "table": {"samples": {"target": "t.csv"}, **READ},
    "cells": {
        "samples": {"from": "cube"}, "probes": {"target": LOGGER},
        "covariates": {"domains": {"source": "coarse_cells"}}, "acquire": SCENE | TERRAIN, "mapping": {"grid": GRID},
    },
    "mixed": {
        "samples": {"from": {"source": "table", "target": "probes"}, "source": "t.csv", "target": "c.csv"},
        "probes": {"target": LOGGER}, **READ,
    },
}  # fmt: skip


@pytest.fixture
def load(default_config):
    def load(overlay: dict) -> dict:
        update_config(default_config, overlay)
        return load_config(default_config)

    return load


@pytest.mark.parametrize(
    ("name", "made", "samples_from", "domains", "read"),
    [
        ("sandbox", "scores", "cube", ["source", "target"], ["source", "target"]),
        ("scene", "cube", "cube", ["target"], []),
        ("probes", "probes", "probes", ["target"], ["target"]),
        ("covariates", "scores", "probes", ["target"], ["target"]),
        ("both", "scores", "probes", ["source", "target"], ["source", "target"]),
        ("table", "scores", "table", ["target"], []),
        ("cells", "scores", "cube", ["source", "target"], ["target"]),
        ("mixed", "scores", {"source": "table", "target": "probes"}, ["source", "target"], ["target"]),
    ],
)
def test_a_run_makes_what_its_config_has_the_facts_for(load, name, made, samples_from, domains, read):
    config = load(RUNS[name])
    assert makes(config) == made and config["samples"]["from"] == samples_from
    assert domains_of(config) == domains and probe_domains(config) == read


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("sandbox", ["probes", "sentinel1", "sentinel2", "cube", "scores", "maps"]),
        ("scene", ["sentinel1", "cube"]),
        ("probes", ["probes"]),
        ("covariates", ["probes", "scores"]),
        ("both", ["probes", "scores"]),
        ("table", ["scores"]),
    ],
)
def test_a_part_is_refused_only_where_the_config_lacks_what_it_needs(load, name, parts):
    config, given = load(RUNS[name]), []
    for part in TITLES:
        try:
            demand(config, part)
            given.append(part)
        except ConfigError as error:
            assert yaml.safe_load(error.paste), "the block is YAML"
    assert [part for part in given if part not in ("fields", "scenes")] == parts


@pytest.mark.parametrize("part", ["sentinel1", "cube", "scores"])
def test_the_block_to_paste_gives_what_lacked(load, default_config, part):
    with pytest.raises(ConfigError) as error:
        demand(load(RUNS["probes"]), part)
    pasted = yaml.safe_load(error.value.paste)
    if part != "scores":
        pasted["mapping"]["grid"] = GRID
    demand(load(pasted), part)


def test_an_error_names_every_key_at_once(load):
    with pytest.raises(ConfigError, match="'acquire.sentinel1', 'acquire.terrain', 'mapping.grid.crs'"):
        demand(load({"run": "empty", "samples": {"from": "cube"}}), "sentinel1")


@pytest.mark.parametrize("asked", [READ, {"mapping": {"dates": ["2021-02-01"], "grid": {"like": "dem.tif"}}}])
def test_features_and_maps_that_probes_alone_cannot_have_are_not_passed_over(load, asked):
    config = load(RUNS["probes"] | asked)
    assert makes(config) == "scores"
    demand(config, "probes")
    with pytest.raises(ConfigError, match="'samples.target': lacks in run 'sandbox' for training") as error:
        demand(config, "scores")
    assert "samples: {target: my_data/target.csv}" in error.value.paste


def test_a_table_without_features_to_read_trains_nothing(load):
    with pytest.raises(ConfigError, match="'features.static': lacks") as error:
        demand(load({"samples": {"target": "t.csv"}}), "scores")
    demand(load({"samples": {"target": "t.csv"}, **yaml.safe_load(error.value.paste)}), "scores")


def test_land_cover_is_asked_for_only_where_a_feature_reads_it(load):
    run = {
        "acquire": {**SCENE, **TERRAIN, "period": {"target": ["2022-08-01", "2022-08-31"]}}, "mapping": {"grid": GRID},
        "probes": {"target": LOGGER},
        "features": {"static": ["elevation"], "daily": [{"name": "vv", "lags": [0, 0]}],
                     "sequence": {"variables": []}, "classes": []},
    }  # fmt: skip
    demand(load(run), "scores")
    with pytest.raises(ConfigError, match="key 'acquire.landcover': lacks"):
        demand(load({**run, "features": {"classes": [{"name": "landcover", "values": ["PAST", "FORE"]}]}}), "scores")


def test_products_of_ones_own_are_corrected_with_an_elevation_model_of_ones_own(load):
    own = {"acquire": {"sentinel1": {"dataset": "sentinel1", "back_end": "local"}, "local": {"sentinel1": "scenes"}}}
    with pytest.raises(ConfigError) as error:
        demand(load(own), "sentinel1", listing=True)
    pasted = yaml.safe_load(error.value.paste)
    assert pasted["acquire"]["terrain"] == {"dataset": "terrain_local", "back_end": "local"}
    assert set(pasted["acquire"]) == {"terrain", "local", "period"} and set(pasted["mapping"]["grid"]) == set(GRID)
    pasted["acquire"]["period"]["target"], pasted["mapping"]["grid"] = ["2022-08-01", "2022-08-31"], GRID
    demand(load(pasted), "sentinel1", listing=True)


def test_a_covariate_that_the_cube_has_not_names_the_nearest(load):
    features = {"static": ["elevation"], "daily": [{"name": "rian", "lags": [0, 1]}], "classes": []}
    with pytest.raises(ConfigError, match="no covariate 'rian'.* did you mean 'rain'"):
        demand(load({"features": features}), "scores")


def test_a_block_nests_its_keys():
    assert yaml.safe_load(block({"a.b": 1, "a.c": [2], "d": {"e": "f"}})) == {"a": {"b": 1, "c": [2]}, "d": {"e": "f"}}
