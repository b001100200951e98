"""What the config may ask of a synthetic world, and what it may not."""

from datetime import date

import numpy as np
import pytest

from loam.config.sections.sandbox import Periods, Scenes
from loam.errors import ConfigError
from loam.sandbox.land.relief import draw_relief
from loam.sandbox.land.station_sites import draw_sites
from loam.sandbox.world_settings import WorldSettings, settings_of

RADAR = {
    "period": ["2021-03-01", "2021-03-31"],
    "incidence": 38,
    "direction": "ascending",
    "every": 1,
    "looks": 4.4,
    "gridded": False,
}
SECTION = {
    "rows": 50, "columns": 60, "corner": [540_000, 5_360_000], "coast": "corner",
    "period": {"source": ["2016-01-01", "2017-12-31"], "target": ["2020-02-01", "2021-10-31"]},
    "drought_year": 2020, "wet_year": 2021, "spin_up_days": 30, "source_stations": 5, "target_stations": 6,
    "long_records": 2, "domain_distance": 1.5,
    "scenes": {"sentinel1": RADAR, "sentinel2": {"period": ["2020-02-01", "2021-10-31"], "every_days": 10}},
}  # fmt: skip


def test_settings_are_read_from_the_config():
    assert settings_of(3, SECTION) == WorldSettings(
        seed=3, rows=50, columns=60, corner=[540_000, 5_360_000], coast="corner", period=Periods(**SECTION["period"]),
        drought_year=2020, wet_year=2021, spin_up_days=30, target_stations=6, source_stations=5, long_records=2,
        domain_distance=1.5, scenes=Scenes(sentinel1=None, sentinel2=None),
    )  # fmt: skip
    days = [date(2020, 2, 1), date(2021, 10, 31), date(2016, 1, 1), date(2017, 12, 31)]
    world = settings_of(3, SECTION)
    assert [world.first_day, world.last_day, world.source_first_day, world.source_last_day] == days
    assert settings_of(3, SECTION).geobox.shape == (50, 60)


def test_scenes_do_not_change_the_world():
    assert settings_of(3, {**SECTION, "scenes": {"sentinel1": None, "sentinel2": None}}) == settings_of(3, SECTION)


def test_a_year_may_be_neither_dry_nor_wet():
    settings = settings_of(3, {**SECTION, "drought_year": None, "wet_year": None})
    assert (settings.drought_year, settings.wet_year) == (None, None)


def radar(**changed):
    return {"scenes": {"sentinel1": {**RADAR, **changed}, "sentinel2": None}}


@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        ({"period": {"target": ["2020-02-01", "2020-01-31"]}}, "period.target", "2020-01-31]: first day after last"),
        ({"period": {"source": ["2017-01-01", "2016-12-31"]}}, "period.source", "2016-12-31]: first day after last"),
        ({"period": {"target": ["2021-02-29", "2021-03-31"]}}, "period.target.0", "not a day"),
        ({"drought_year": 2019}, "drought_year", "2019 is no year of sandbox.period.target; expected 2020 to 2021"),
        ({"wet_year": 2022}, "wet_year", "2022 is no year"),
        ({"wet_year": 2020}, "wet_year", "2020 is the drought year too"),
        ({"spin_up_days": -1}, "spin_up_days", "-1 is not a whole number of 0 or more"),
        ({"long_records": 7}, "long_records", "is 7; expected at most sandbox.target_stations, 6"),
        ({"corner": [5_360_000, 540_000]}, "corner", "where EPSG:28355 is not used"),
        ({"corner": [1_200_000, 5_360_000]}, "corner", "143 and 151 degrees east"),
        ({"corner": [540_000, -5_360_000]}, "corner", "where EPSG:28355 is not used"),
        ({"columns": 9000}, "corner", "where EPSG:28355 is not used"),
        (radar(period=["2020-01-31", "2020-03-01"]), "scenes.sentinel1.period", "not within sandbox.period.target"),
        (radar(period=["2021-03-31", "2021-03-01"]), "scenes.sentinel1.period", "first day after last"),
        ({"scenes": {"sentinel1": None, "sentinel2": {"period": ["2021-10-01", "2021-11-01"], "every_days": 5}}},
         "scenes.sentinel2.period", "not within"),
        (radar(incidence=29.9), "scenes.sentinel1.incidence", "29.9 is not a number from 30 to 45"),
        (radar(incidence=45.5), "scenes.sentinel1.incidence", "45.5 is not a number from 30 to 45"),
    ],
)  # fmt: skip
def test_what_no_world_can_have_is_refused_by_its_key(changed, key, says):
    with pytest.raises(ConfigError) as refused:
        settings_of(3, {**SECTION, **changed})
    text = str(refused.value)
    assert text.startswith(f"config key 'sandbox.{key}': ")
    assert says in text


def test_a_region_takes_as_many_stations_as_it_says_and_no_more():
    def draw(count):
        settings = WorldSettings(seed=5, rows=24, columns=24, target_stations=count)
        return draw_sites(settings, draw_relief(5, "target", (24, 24), "corner"))

    with pytest.raises(ConfigError, match=r"'sandbox\.target_stations': 500 stations find no place") as refused:
        draw(500)
    fit = int(str(refused.value).split("at most ")[1].split(";")[0])
    stations = draw(fit)
    assert 20 < len(stations) == fit
    apart = np.hypot(*(stations[axis].to_numpy()[:, None] - stations[axis].to_numpy() for axis in ("row", "col")))
    assert apart[~np.eye(fit, dtype=bool)].min() >= 3
