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


def test_the_quick_job_predicts_what_is_named_and_what_a_mix_needs(changed):
    named = ["ridge", "boosted_trees"]
    assert rivals_of("quick", changed(named)) == ["ridge"]
    assert rivals_of("quick", changed(named, {"with": "climatology", "models": ["mlp"]})) == ["ridge", "climatology"]
    assert rivals_of("boosted_trees", changed(named)) == ["boosted_trees"]
    assert plugins_of("quick", changed(named)) == [RIVALS["ridge"]]
