"""What a config says of protocols: names, settings, and files of the user's own."""

import pytest

from loam.config.code import code_version
from loam.config.protocols import (
    choose_protocols,
    default_protocol,
    folds_of_all,
    map_protocol,
    protocol_of,
    told,
)
from loam.errors import ConfigError
from loam.plugins import load


def chosen(protocols, groups=(), path=None, dates=(), members="folds", **settings):
    config = {
        "samples": {"groups": list(groups)},
        "mapping": {"dates": list(dates), "members": members, "model": "net", "seeds": 8},
        "training": {"protocols": protocols, "protocol_path": path, "net": {"seeds": 3},
                     "protocol_settings": {"leave_group_out": {"group": None}, "regional_boxes": {"boxes": {}}}},
    }  # fmt: skip
    config["training"]["protocol_settings"] |= settings
    choose_protocols(config)
    return config


@pytest.fixture
def own(tmp_path):
    (tmp_path / "halves.py").write_text("def halves(record, settings):\n    return 'mine'\n")
    return str(tmp_path)


def test_the_first_protocol_is_the_default_and_each_has_settings():
    config = chosen(["k_fold", "leave_one_station_out"], k_fold={"folds": 3})
    assert default_protocol(config) == "k_fold"
    settings = config["training"]["protocol_settings"]
    assert (settings["k_fold"], settings["leave_one_station_out"]) == ({"folds": 3}, {})


@pytest.mark.parametrize(
    ("protocols", "options", "words"),
    [
        (["k_flod"], {}, "no protocol 'k_flod'.*did you mean 'k_fold'"),
        (["leave_one_station_out"], {"k_flod": {}}, "protocol_settings.k_flod'.*did you mean 'k_fold'"),
        (["leave_group_out"], {}, "leave_group_out.group.*no group is named"),
        (["leave_group_out"], {"groups": ["soil"], "leave_group_out": {"group": "sol"}}, "did you mean 'soil'"),
        (["regional_boxes"], {}, "regional_boxes.boxes.*no box"),
        (["few_shot", "k_fold"], {"dates": ["2020-01-01"]}, "few_shot makes no map.*name another protocol first"),
    ],
)
def test_what_does_not_fit_is_named(protocols, options, words):
    with pytest.raises(ConfigError, match=words):
        chosen(protocols, **options)


def test_members_of_all_stations_make_the_map_whatever_the_protocol():
    config = chosen(["few_shot"], dates=["2020-01-01"], members="all")
    assert map_protocol(config) == "all" and default_protocol(config) == "few_shot"
    assert folds_of_all(config) == {"folds": 3}, "3 folds of 3 networks: at least 8"
    assert map_protocol(chosen(["k_fold"])) == "k_fold"
    with pytest.raises(ConfigError, match="'all' is the place of what is trained on every station"):
        chosen(["all"])


def test_a_protocol_of_one_s_own_is_found_loaded_and_hashed(own, tmp_path):
    chosen(["halves"], path=own, halves={"at": 146.0})
    plugin = protocol_of("halves", own)
    assert load(plugin)(None, {}) == "mine"
    before = code_version("draw_folds", plugin)
    assert before != code_version("draw_folds", protocol_of("k_fold", own))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "halves.py").write_text("def halves(record, settings):\n    return 'other'\n")
    assert code_version("draw_folds", protocol_of("halves", str(tmp_path / "other"))) != before


def test_a_file_without_the_function_and_the_place_of_the_source_are_refused(own, tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="empty.py.*has no function empty"):
        chosen(["empty"], path=own)
    (tmp_path / "source.py").write_text("def source(record, settings):\n    pass\n")
    with pytest.raises(ConfigError, match="'source' is the place of what is trained on the source domain"):
        chosen(["source"], path=own)


def test_only_what_flatters_is_marked():
    assert told("random_rows") == "random_rows (flatters)" and told("k_fold") == "k_fold"
