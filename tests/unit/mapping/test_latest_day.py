"""The latest day that can be mapped."""

from __future__ import annotations

import copy

import pytest
import yaml

from loam.acquire.acquire_plan import fields_files, period_of
from loam.acquire.catalogue import dataset_of
from loam.config.settings import load_config
from loam.errors import ConfigError
from loam.mapping.latest_day import latest_day


@pytest.fixture
def tasmania(project, default_config):
    """Tasmania's run, asked on a day of 2022."""
    over = yaml.safe_load((project / "config" / "tasmania.yaml").read_text(encoding="utf-8"))
    config = copy.deepcopy(default_config)
    for key, value in over.items():
        config[key] = {**config[key], **value} if isinstance(config.get(key), dict) else value
    config["acquire"] = {**config["acquire"], "as_of": "2022-08-20"}
    return load_config(config)


@pytest.fixture
def files(default_config, tmp_path, monkeypatch):
    """A run that maps from files of its own, and a way to lay them down."""
    monkeypatch.chdir(tmp_path)
    config = copy.deepcopy(default_config)
    config["samples"]["from"] = {"source": "table", "target": "table"}
    sequence = {**config["features"]["sequence"], "variables": []}
    read = {"static": ["dem"], "daily": [{"name": "tmin", "lags": [0, 1]}], "classes": [], "sequence": sequence}
    config["features"] = {**config["features"], **read}
    config["mapping"]["inputs"] = [
        {"feature": "dem", "file": "my/dem.tif", "date": None},
        {"feature": "tmin", "file": "my/{year}/tmin_{date}.tif", "date": None},
    ]

    def lay(*days):
        for day in days:
            path = tmp_path / "my" / day[:4] / f"tmin_{day}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return config

    return lay


def test_it_is_the_day_of_asking_less_the_longest_latency(tasmania):
    assert dataset_of("era5_land").latency_days == 8 > dataset_of("smap_l4").latency_days
    assert latest_day(tasmania) == "2022-08-12"


def test_it_is_no_later_than_the_period(tasmania):
    config = copy.deepcopy(tasmania)
    config["acquire"]["period"]["target"][1] = "2022-03-31"
    assert latest_day(config) == "2022-03-31"


def test_days_that_were_late_when_last_asked_for_are_left_out(tasmania, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    last = fields_files(tasmania, "coarse_moisture", *period_of(tasmania, "target"))[-1]
    manifest = tmp_path / last.replace(".nc", ".manifest.csv")
    manifest.parent.mkdir(parents=True)
    rows = [f"2022-08-{day},{'not_yet_published' if day > 11 else 'complete'}" for day in range(10, 14)]
    manifest.write_text("\n".join(["date,state", *rows]), encoding="utf-8")
    assert latest_day(tasmania) == "2022-08-11"


def test_a_period_that_is_not_published_yet_is_refused(tasmania):
    config = copy.deepcopy(tasmania)
    config["acquire"] |= {
        "as_of": "2009-01-01",
        "period": {**config["acquire"]["period"], "target": ["2015-01-01", "2022-12-31"]},
    }
    with pytest.raises(ConfigError, match="no day from .* on is published yet"):
        latest_day(config)


def test_files_of_ones_own_tell_the_last_day_of_which_all_are_there(files):
    config = files("2021-12-31", "2022-01-01", "2022-01-02", "2022-01-05")
    assert latest_day(config) == "2022-01-02", "the 5th lacks the day before it"


def test_files_that_tell_no_day_are_refused(files, tmp_path):
    with pytest.raises(ConfigError, match="there is no day with every file"):
        latest_day(files())
    config = files("2022-01-01")
    config["mapping"]["inputs"][1]["file"] = "my/all.nc"
    with pytest.raises(ConfigError, match="no day to map can be told from the files"):
        latest_day(config)
