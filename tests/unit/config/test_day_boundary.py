"""A day is one thing in a run: passes, fields and probes are of the day that the config says, or the run is refused."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from loam.acquire.acquire_plan import check_samples, scenes_values
from loam.config.day_boundary import day_of, shift_of
from loam.config.settings import load_config
from loam.covariates.cube_plan import passes
from loam.errors import ConfigError


@pytest.fixture
def tasmania(project, default_config):
    from snakemake.utils import update_config

    update_config(default_config, yaml.safe_load((project / "config" / "tasmania.yaml").read_text(encoding="utf-8")))

    def build(boundary: str, lags: int = 0) -> dict:
        config = load_config({**default_config, "day_boundary": boundary})
        for item in config["features"]["daily"]:
            item["lags"] = [lags, max(lags, item["lags"][1])]
        config["features"]["sequence"]["lags"] = [lags, 7]
        return config

    return build


@pytest.mark.parametrize(
    ("boundary", "time", "day"),
    [
        ("00:00+00:00", "2022-08-14T19:24:10.000Z", date(2022, 8, 14)),
        ("00:00+10:00", "2022-08-14T19:24:10.000Z", date(2022, 8, 15)),
        ("00:00+10:00", "2022-08-14T13:59:59.000Z", date(2022, 8, 14)),
        ("09:00+10:00", "2022-08-14T22:59:00.000Z", date(2022, 8, 14)),
        ("00:00-06:00", "2022-08-15T01:00:00.000Z", date(2022, 8, 14)),
        ("00:00+10:00", "2022-08-15T05:24:10+10:00", date(2022, 8, 15)),
    ],
)
def test_an_instant_is_of_the_day_that_the_boundary_gives(boundary, time, day):
    assert day_of(time, shift_of(boundary)) == day


@pytest.mark.parametrize("text", ["10:00", "00:00+25:00", "24:00+00:00", "midnight"])
def test_what_is_no_boundary_is_refused(text):
    with pytest.raises(ConfigError, match="is not where a day begins"):
        shift_of(text)


def test_a_dawn_pass_is_of_the_local_day_and_never_of_the_one_that_ended(tasmania, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tasmania("00:00+10:00", lags=1)
    config["acquire"]["sentinel1"] = {"dataset": "sentinel1", "back_end": "direct"}
    table = Path("resources/scenes") / f"{config['run']}.csv"
    table.parent.mkdir(parents=True)
    row = {"scene": "S1A_x", "dataset": "sentinel1", "platform": "S1A", "relative_orbit": "118", "tile": ""}
    rows = [{**row, "scene": f"S1A_{hour}", "acquired": f"2022-08-14T{hour}:24:10.000Z"} for hour in ("08", "19")]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert passes(config, "sentinel1") == {"2022-08-14_118_S1A": ["S1A_08"], "2022-08-15_118_S1A": ["S1A_19"]}


@pytest.mark.parametrize("boundary", ["00:00+10:00", "00:00+01:00"])
def test_fields_of_days_in_utc_are_refused_where_the_day_ends_before_theirs(tasmania, boundary):
    with pytest.raises(ConfigError, match="samples would see hours after their day.*begin the lags at 1"):
        check_samples(tasmania(boundary))
    check_samples(tasmania(boundary, lags=1))


@pytest.mark.parametrize("boundary", ["00:00+00:00", "00:00-06:00", "12:00+10:00"])
def test_a_day_that_ends_with_or_after_that_of_utc_sees_nothing_that_comes_later(tasmania, boundary):
    check_samples(tasmania(boundary))


def test_scenes_are_listed_from_where_the_first_local_day_begins(tasmania):
    config = {name: tasmania(name, lags=1) for name in ("00:00+10:00", "00:00+00:00", "00:00-06:00")}
    for item in config.values():
        item["acquire"]["sentinel1"] = {"dataset": "sentinel1", "back_end": "direct"}
    found = {name: scenes_values(item)["scenes"] for name, item in config.items()}
    first, last = (date.fromisoformat(found["00:00+00:00"][key]) for key in ("first", "last"))
    assert date.fromisoformat(found["00:00+10:00"]["first"]) == first - timedelta(days=1)
    assert date.fromisoformat(found["00:00-06:00"]["last"]) == last + timedelta(days=1)
