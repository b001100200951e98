import pytest

from loam.config.read import checked, picked
from loam.config.sections.mapping import Mapping
from loam.config.sections.sentinel1 import Sentinel1
from loam.config.sections.training import Training
from loam.errors import ConfigError


def test_a_section_has_its_values_and_the_defaults_of_the_rest():
    section = checked(Sentinel1, {"orbit": "precise", "speckle": {"looks": 1}})
    assert (section.orbit, section.thermal_noise) == ("precise", True)
    assert (section.speckle.looks, section.speckle.window) == (1, 7)


def test_a_whole_number_stays_one_and_nothing_can_be_changed():
    section = checked(Sentinel1, {"speckle": {"looks": 1}})
    assert repr(section.speckle.looks) == "1"
    with pytest.raises(ValueError, match="frozen"):
        section.orbit = "best"


def test_a_key_that_a_rule_did_not_pick_cannot_be_read():
    training = picked(Training, {"epochs": 3, "scaling": {"target": "source"}})
    assert training.epochs == 3 and training.scaling.target == "source"
    for unread in (lambda: training.patience, lambda: training.mlp, lambda: training.scaling.transfer):
        with pytest.raises(AttributeError):
            unread()
    assert training.epochs == 3 and Training().patience == 5


def test_what_may_be_left_out_is_null_where_it_is_picked():
    mapping = picked(Mapping, {"inputs": [{"feature": "rain", "file": "rain.nc"}]})
    assert mapping.inputs[0].unit is None


def test_a_wrong_value_names_its_key():
    with pytest.raises(ConfigError, match="config key 'speckle.looks': -1 is not a number above 0"):
        checked(Sentinel1, {"speckle": {"looks": -1}})
    with pytest.raises(ConfigError, match="my.yaml speckle: 2 things|my.yaml: 2 things are wrong"):
        checked(Sentinel1, {"orbit": 1, "geoid": 2}, whole="my.yaml")
