"""What the config lets make the map."""

import copy

import pytest

from loam.config.mapped import held_out_file, map_systems, members_files
from loam.config.protocols import folds_of_all
from loam.config.settings import load_config
from loam.errors import ConfigError


@pytest.fixture
def mapped(default_config):
    """``mapped(model=..., rivals=[...])``: the settled default run with a day that is mapped so."""

    def load(rivals=("coarse", "boosted_trees_all"), **mapping):
        config = copy.deepcopy(default_config)
        config["evaluation"]["rivals"] = [*rivals]
        config["mapping"] |= {"dates": ["2022-08-15"], "scenario": None, "rivals": None, "members": None, **mapping}
        return load_config(config)

    return load


def names(config):
    return [(system["model"], system["scenario"]) for system in map_systems(config)]


def test_a_network_maps_by_its_members(mapped):
    config = mapped(model="mlp")
    (system,) = map_systems(config)
    assert names(config) == [("mlp", "transfer")] and not system["rival"]
    assert system["plugin"] == "loam.models.mlp:Network"
    assert held_out_file(config, system).endswith("leave_one_station_out/mlp/transfer/predictions.parquet")
    files = members_files([system], "all")
    assert files["weights"] == ["results/{run}/models/all/mlp/transfer/weights.safetensors"]


def test_a_rival_maps_by_a_regressor_of_both_domains(mapped):
    config = mapped(model="boosted_trees_all")
    (system,) = map_systems(config)
    assert (system["scenario"], config["mapping"]["scenario"], system["rival"]) == ("both", "both", True)
    assert held_out_file(config, system) == (
        "results/{run}/rivals/leave_one_station_out/boosted_trees_all/predictions.parquet"
    )
    assert members_files([system], "all") == {"weights": [], "card": []}
    quick = mapped(model="ridge", rivals=["ridge"], scenario="target")
    assert names(quick) == [("ridge", "target")] and "/quick/" in held_out_file(quick, map_systems(quick)[0])


def test_the_best_is_of_all_networks_and_rivals_that_can_map_the_default_network_first(mapped):
    config = mapped(model="best", rivals=["coarse", "kriging", "boosted_trees_all", "boosted_trees"])
    assert names(config) == [
        ("mlp_within", "both"), ("mlp", "transfer"), ("lstm", "transfer"), ("mlp_neighbours", "both"),
        ("boosted_trees_all", "both"),
    ]  # fmt: skip
    assert names(mapped(model="best", scenario="target"))[1:3] == [("mlp", "target"), ("lstm", "target")]
    assert names(mapped(model="best", scenario="target"))[0] == ("mlp_within", "both"), "it has no other scenario"


def test_each_network_that_may_be_the_best_has_as_many_members_as_asked_for(mapped):
    config = mapped(model="best", members="all", seeds=8)
    for name in config["training"]["models"]:
        config["training"][name]["seeds"] = 2 if name == "mlp" else 4
    assert folds_of_all(config) == {"folds": 4}
    config["mapping"]["model"] = "lstm"
    assert folds_of_all(config) == {"folds": 2}


def test_a_rival_that_maps_does_not_map_beside(mapped):
    assert mapped(model="mlp")["mapping"]["rivals"] == ["boosted_trees_all"]
    assert mapped(model="boosted_trees_all")["mapping"]["rivals"] == []


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"model": "kriging"}, "mapping.model.*'kriging' is not trained.*one of mlp, lstm, .*boosted_trees_all.*best"),
        ({"model": "ridge"}, "mapping.model.*ridge is not scored in this run.*add ridge to evaluation.rivals"),
        ({"model": "boosted_trees_all", "scenario": "transfer"}, "mapping.scenario.*'transfer'.*target, both"),
        ({"model": "best", "condition": "stations"}, "mapping.condition.*moves the map of a network.*mlp, lstm"),
        ({"model": "boosted_trees_all", "measurements": "measured.csv"}, "mapping.measurements.*of a network"),
    ],
)
def test_what_cannot_map_is_refused(mapped, mapping, words):
    with pytest.raises(ConfigError, match=f"(?s){words}"):
        mapped(**mapping)
