"""What the config names of rivals and level mixes."""

import copy

import pytest

from loam.config.rivals import RIVALS, plugins_of, rivals_of
from loam.config.settings import load_config
from loam.errors import ConfigError


@pytest.fixture
def changed(default_config):
    """``changed(rivals, mix)``: the settled default run with them."""

    def load(rivals=None, mix=None):
        config = copy.deepcopy(default_config)
        if rivals is not None:
            config["evaluation"]["rivals"] = rivals
        config["level"]["mix"] |= mix or {}
        return load_config(config)

    return load


def test_a_rival_that_there_is_not_is_named_with_the_nearest(changed):
    with pytest.raises(ConfigError, match=r"evaluation.rivals.*boosted_tree'.*any of coarse.*boosted_trees"):
        changed(["coarse", "boosted_tree"])


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ({"with": "tree"}, "no 'tree'.*level.mix.with|level.mix.with.*no 'tree'"),
        ({"models": ["convlstm"]}, "level.mix.models.*'convlstm'"),
    ],
)
def test_a_mix_of_what_there_is_not_is_refused(changed, mix, words):
    with pytest.raises(ConfigError, match=words):
        changed(mix=mix)


def stacked(default_config, models=("mlp",), **more):
    config = copy.deepcopy(default_config)
    config["level"]["stack"] |= {"models": [*models], **more}
    return config


def test_a_stack_brings_its_rivals_and_nested_predicts_no_others(default_config):
    config = load_config(stacked(default_config, of=["climatology", "boosted_trees_all"]))
    assert "climatology" in rivals_of("quick", config) and "inverse_distance" in rivals_of("quick", config)
    assert rivals_of("quick", config, "nested") == ["climatology"]


def test_stacks_and_conditioning_of_what_there_is_not_or_in_another_protocol_are_refused(default_config):
    with pytest.raises(ConfigError, match="level.stack.of.*'tree'"):
        load_config(stacked(default_config, of=["tree"]))
    with pytest.raises(ConfigError, match="level.stack.models.*'convlstm'"):
        load_config(stacked(default_config, ["convlstm"]))
    config = copy.deepcopy(default_config)
    config["evaluation"]["conditioned"] = ["convlstm"]
    with pytest.raises(ConfigError, match="evaluation.conditioned.*'convlstm'"):
        load_config(config)
    config = stacked(default_config)
    config["training"]["protocols"] = ["k_fold"]
    with pytest.raises(ConfigError, match=r"level.stack.models.*leave_one_station_out.*k_fold is the run's first"):
        load_config(config)


def test_a_conditioned_map_is_of_a_network_that_is_scored_so(default_config):
    config = copy.deepcopy(default_config)
    config["mapping"]["condition"] = "stations"
    with pytest.raises(ConfigError, match=r"mapping.condition.*is not scored conditioned"):
        load_config(config)
    config["evaluation"]["conditioned"] = [load_config(default_config)["mapping"]["model"]]
    assert load_config(config)["mapping"]["condition"] == "stations"
    config["mapping"]["measurements"] = "measured.csv"
    with pytest.raises(ConfigError, match="shifted by mapping.measurements already"):
        load_config(config)


def test_the_quick_job_predicts_what_is_named_and_what_a_mix_needs(changed):
    named = ["ridge", "boosted_trees"]
    assert rivals_of("quick", changed(named)) == ["ridge"]
    assert rivals_of("quick", changed(named, {"with": "climatology", "models": ["mlp"]})) == ["ridge", "climatology"]
    assert rivals_of("boosted_trees", changed(named)) == ["boosted_trees"]
    assert plugins_of("quick", changed(named)) == [RIVALS["ridge"]]
