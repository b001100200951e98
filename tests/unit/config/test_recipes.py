"""Recipes: which models they train, what a section of a model overrules, and choices that do not go together."""

from __future__ import annotations

import pytest

from loam.config.models import choose_models, network_of, resolve_model
from loam.config.recipes import MADE, models_of
from loam.config.run import Run
from loam.config.settings import load_config
from loam.errors import ConfigError

SHARED = {"learning_rate": 1.0e-4, "batch_size": 128, "epochs": 150, "patience": 5, "scenarios": ["transfer"]}
BATCH = {"stations": 4, "rows": 8}


def resolve(name, **own):
    return resolve_model(name, SHARED | {name: own})


def test_recipes_name_models_each_of_a_network_s_file():
    assert models_of(["paper"], sequence=True) == ["mlp", "lstm"]
    assert models_of(["paper", "ours"], sequence=False) == ["mlp", "mlp_within", "mlp_neighbours"]
    assert {made["network"] for made in MADE.values()} == {"mlp", "lstm"}
    assert network_of("mlp_neighbours") == "loam.models.mlp:Network"


def test_ours_is_chosen_by_name_and_overruled_key_by_key():
    chosen = resolve("mlp_within", level_weight=0.1, hidden=[32])
    assert (chosen["loss"], chosen["level_weight"], chosen["seeds"]) == ("within_station", 0.1, 4)
    assert chosen["settings"]["hidden"] == [32] and chosen["settings"]["activation"] == "silu"
    assert chosen["learning_rate"] == 3e-3 and chosen["scenarios"] == ["both"]
    assert not chosen["neighbours"] and resolve("mlp_neighbours")["neighbours"]
    paper = resolve("mlp")
    assert (paper["loss"], paper["batch"], paper["seeds"]) == ("concordance", None, 1)
    assert paper["learning_rate"] == 1e-4 and paper["scenarios"] == ["transfer"]


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [("mlp_within", None, "all"), ("mlp", None, "folds"), ("mlp_within", "folds", "folds"), ("mlp", "all", "all")],
)
def test_the_map_of_ours_is_by_networks_of_all_stations_unless_told_otherwise(default_config, model, given, expected):
    config = load_config({**default_config, "training": {"models": [model]}, "mapping": {"members": given}})
    assert (config["mapping"]["model"], config["mapping"]["members"]) == (model, expected)


def test_a_network_by_another_name_has_choices_of_its_own():
    chosen = resolve("shallow", network="mlp", hidden=[8], frozen=0, loss="mse")
    assert chosen["plugin"] == "loam.models.mlp:Network"
    assert (chosen["settings"]["hidden"], chosen["loss"], chosen["validation"]) == ([8], "mse", "fold")
    turned = resolve("mlp_within", network="lstm")
    assert turned["plugin"] == "loam.models.lstm:Network" and turned["loss"] == "concordance"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"loss": "within_station"}, r"mlp\.batch'.*needs batches of whole stations.*stations: 8, rows: 16"),
        ({"loss": "within_station_nll"}, r"mlp\.batch'.*needs batches of whole stations"),
        ({"batch": BATCH}, r"mlp\.steps'.*batch and steps go together.*steps: 500"),
        ({"steps": 100}, r"mlp\.steps'.*batch and steps go together"),
        ({"validation": "none"}, r"mlp\.validation'.*early stopping needs rows that validate.*stop: last"),
        ({"batch": {"stations": 1}}, r"mlp\.batch\.stations'.*1 is not a whole number of at least 2"),
        ({"batch": {"station": 8}}, r"mlp\.batch'.*unknown key.*did you mean 'stations'"),
        ({"batch": {"target_share": 1.5}}, r"target_share'.*1\.5 is above 1"),
        ({"batch": 128}, r"mlp\.batch'.*128 does not fit.*rows: 16"),
        ({"betas": [0.9]}, r"mlp\.betas'.*two numbers, like \[0\.9, 0\.98\]"),
        ({"level_weight": "rmle"}, r"mlp\.level_weight'; or reml.*'rmle' is not a number"),
        ({"level_weight": -1}, r"level_weight'; or reml.*-1 is not a number of at least 0"),
        ({"seeds": 0}, r"mlp\.seeds'.*0 is not a whole number of at least 1"),
        ({"scaling": "log"}, r"mlp\.scaling'.*'log' is not one of standard, limits, log_skewed"),
        ({"scenarios": "both"}, r"mlp\.scenarios'.*both is no list.*\[both\]"),
        ({"neighbours": "yes"}, r"mlp\.neighbours'.*'yes' is not true or false"),
        ({"network": 5}, r"mlp\.network'.*5 is no name.*lstm"),
        ({"network": "mpl"}, r"no model 'mpl'.*did you mean 'mlp'"),
    ],
)
def test_what_does_not_fit_is_told_in_words(own, words):
    with pytest.raises(ConfigError, match=f"(?s){words}"):
        resolve("mlp", **own)


@pytest.mark.parametrize(("domains", "expected"), [(["source", "target"], ["both"]), (["target"], ["target"])])
def test_a_run_without_a_source_domain_trains_on_the_target(domains, expected, monkeypatch):
    monkeypatch.setattr("loam.config.models.domains_of", lambda config: domains)
    config = Run().plain()
    config["training"]["models"] = ["mlp_within"]
    choose_models(config)
    assert config["training"]["mlp_within"]["scenarios"] == expected
