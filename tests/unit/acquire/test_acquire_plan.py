"""What a run acquires is known before any job starts."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.acquire_plan import (
    check_acquire,
    check_samples,
    fields_files,
    fields_values,
    manifest_files,
    map_files,
    period_of,
    point_files,
    point_map_values,
    relief_files,
)
from loam.acquire.catalogue import dataset_of
from loam.acquire.file_spans import days_of, spans, state_of
from loam.acquire.run_grid import area_of, class_area_of, grid_of
from loam.config.settings import load_config
from loam.errors import ConfigError
from loam.raster.grid import Grid


def overlay(below: dict, above: dict) -> dict:
    """``above`` laid over ``below`` as Snakemake does it."""
    return {
        **below,
        **{
            key: overlay(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
            for key, value in above.items()
        },
    }


@pytest.fixture
def tasmania(project, default_config):
    text = (project / "config" / "tasmania.yaml").read_text(encoding="utf-8")
    return load_config(overlay(default_config, yaml.safe_load(text)))


def changed(config: dict, **acquire) -> dict:
    return overlay(config, {"acquire": acquire})


def test_the_hash_in_a_files_name_is_the_grids_own(tasmania, tmp_path):
    grid = grid_of(tasmania["mapping"]["grid"])
    geobox = GeoBox(tuple(grid["shape"]), Affine(*grid["transform"]), grid["crs"])
    assert Grid(geobox, tmp_path, 512, ()).hash == area_of(tasmania)


def test_two_regions_never_share_a_file(tasmania):
    moved = overlay(tasmania, {"mapping": {"grid": {"bounds": [296080, 5160000, 620080, 5512000]}}})
    day = date(2020, 1, 1)
    assert not set(fields_files(tasmania, "weather", day, day)) & set(fields_files(moved, "weather", day, day))
    assert not set(map_files(tasmania, "soil")) & set(map_files(moved, "soil"))


def test_two_copies_of_a_dataset_never_share_a_file(tasmania):
    direct = changed(tasmania, coarse_moisture={"dataset": "smap_l4", "back_end": "direct"})
    day = date(2020, 1, 1)
    assert not set(fields_files(tasmania, "coarse_moisture", day, day)) & set(
        fields_files(direct, "coarse_moisture", day, day)
    )
    assert not set(point_files(tasmania, "coarse_moisture", "source")) & set(
        point_files(direct, "coarse_moisture", "source")
    )


def test_shares_of_classes_are_read_from_finer_pixels(tasmania):
    shares = overlay(tasmania, {"covariates": {"landcover": "shares"}})
    assert class_area_of(tasmania) == area_of(tasmania)
    assert class_area_of(shares) != area_of(shares) == area_of(tasmania)
    assert map_files(shares, "landcover") != map_files(tasmania, "landcover")
    assert map_files(shares, "terrain") == map_files(tasmania, "terrain")


def test_the_relief_of_a_run_lies_beside_its_elevation_where_sentinel1_is_taken(tasmania):
    assert relief_files(tasmania) == []
    tasmania["acquire"]["sentinel1"] = {"dataset": "sentinel1", "back_end": "direct"}
    assert relief_files(tasmania) == [map_files(tasmania, "terrain")[0].replace("elevation", "relief")]
    tasmania["acquire"]["terrain"] = None
    assert relief_files(tasmania) == []


def test_a_grid_of_a_broken_number_of_pixels_is_refused():
    with pytest.raises(ConfigError, match=r"12\.5 x 10 pixels.*whole number"):
        grid_of({"crs": "EPSG:28355", "bounds": [0, 0, 1000, 800], "resolution": 80})


def test_the_data_begin_before_the_period_by_the_longest_window(tasmania):
    assert period_of(tasmania, "target") == (date(2015, 12, 25), date(2022, 12, 31))
    daily = [{"name": "rain_90", "lags": [0, 0]}]
    sums = overlay(tasmania, {"covariates": {"rain_sums": {"days": [30, 90]}}, "features": {"daily": daily}})
    assert period_of(sums, "target")[0] == date(2015, 10, 4)


def test_nothing_is_asked_for_beyond_the_day_it_is_asked_on(tasmania):
    early = changed(tasmania, as_of="2016-02-10")
    assert fields_files(early, "weather", *period_of(early, "target"))[-1].endswith("/2016-02.nc")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2019, 12, 31), date(2020, 2, 1), ["2019-12", "2020-01", "2020-02"]),
        (date(2020, 2, 29), date(2020, 2, 29), ["2020-02"]),
        (date(2014, 1, 1), date(2015, 4, 1), ["2015-03", "2015-04"]),  # SMAP begins on 2015-03-31
        (date(2014, 1, 1), date(2014, 4, 1), []),
    ],
)
def test_months_that_a_period_touches(first, last, expected):
    assert spans(dataset_of("smap_l4"), first, last) == expected


def test_composites_come_by_the_year():
    assert spans(dataset_of("modis_ndvi"), date(2019, 12, 31), date(2021, 1, 1)) == ["2019", "2020", "2021"]


def test_a_leap_february_has_29_days():
    assert len(days_of("2020-02")) == 29
    assert len(days_of("2021-02")) == 28
    assert (days_of("2020-12")[-1], len(days_of("2020"))) == (date(2020, 12, 31), 366)


def test_a_month_is_open_then_provisional_then_final():
    era5 = dataset_of("era5_land")
    assert state_of(era5, "2026-10", date(2026, 10, 20)) == "open 2026-10-20"
    assert state_of(era5, "2026-10", date(2026, 11, 9)) == "provisional"
    assert state_of(era5, "2026-10", date(2027, 2, 4)) == "final"
    assert state_of(dataset_of("smap_l4"), "2026-10", date(2026, 11, 9)) == "final"  # nothing provisional in it


def test_only_the_open_month_depends_on_the_day_it_is_asked_on(tasmania):
    today, tomorrow = (changed(tasmania, as_of=day) for day in ("2022-08-20", "2022-08-21"))
    for span, same in (("2022-08", False), ("2022-01", True)):
        values = [fields_values(config, "smap_l4", span, "no such file") for config in (today, tomorrow)]
        assert (values[0] == values[1]) is same


def test_a_manifest_for_every_file_of_days_and_no_other(tasmania):
    files = manifest_files(tasmania)
    points = [file for file in files if "/points/" in file]
    assert len(points) == 2 * 61  # two datasets, December 2015 to December 2020
    assert len(files) - len(points) == 2 * 85
    assert len(set(files)) == len(files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"soil": {"dataset": "slgaa", "back_end": "earthengine"}}, "no dataset 'slgaa'"),
        ({"soil": {"dataset": "era5_land", "back_end": "earthengine"}}, "'era5_land' is weather; expected one"),
        ({"weather": {"dataset": "silo", "back_end": "earthengine"}}, "'silo'.*expected one of direct"),
        ({"weather": {"dataset": "weather_grids", "back_end": "local"}}, "no folder of dataset 'weather_grids'"),
        ({"period": {"source": ["2020-01-02", "2020-01-01"]}}, "first day after last day"),
        ({"period": {"target": ["2020-02-30", "2020-03-01"]}}, "'2020-02-30' is not a day"),
        ({"as_of": "2020-13-01"}, "'2020-13-01' is not a day"),
    ],
)  # fmt: skip
def test_what_cannot_be_fetched_is_said_before_any_job(tasmania, change, message):
    with pytest.raises(ConfigError, match=message):
        check_acquire(load_config(changed(tasmania, **change)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period": {"target": None}}, "'acquire.period.target': lacks in run 'tasmania' for training and scores"),
        ({"soil": None}, r"'acquire.soil': lacks .* values of your own:\n\nacquire:\n  soil: \{dataset: slga"),
        ({"period": {"target": ["2016-01-01", "2017-12-31"]}}, "2022-08-15 is outside the target domain's period"),
    ],
)
def test_what_samples_lack_is_said_when_they_are_asked_for(tasmania, change, message):
    config = changed(tasmania, **change)
    check_acquire(config)
    with pytest.raises(ConfigError, match=message):
        check_samples(config)


def test_the_runs_of_the_house_can_be_fetched(tasmania, default_config):
    for config in (tasmania, load_config(default_config)):
        check_acquire(config)
        check_samples(config)


@pytest.mark.parametrize(
    ("static", "files"), [(["clay_1", "clay_3"], ["clay"]), (["sand_2"], ["sand"]), (["elevation"], [])]
)
def test_only_the_soils_that_features_name_are_fetched(tasmania, static, files):
    tasmania["features"] = {**tasmania["features"], "static": static}
    assert [file.rsplit("/", 1)[1] for file in map_files(tasmania, "soil")] == [f"{name}.tif" for name in files]
    assert point_map_values(tasmania, "slga")["variables"] == files


def test_a_composite_s_year_begins_with_the_days_that_the_first_one_stands_for(tasmania):
    tasmania["acquire"]["evapotranspiration"] = {"dataset": "modis_et", "back_end": "earthengine"}
    tasmania["features"]["daily"] = [{"name": "modis_et", "lags": [0, 0]}]
    first, last = period_of(tasmania, "target")
    assert (date(2016, 1, 1) - first).days == 16
    assert [file.rsplit("/", 1)[1] for file in fields_files(tasmania, "evapotranspiration", first, last)][:2] == [
        "2015.nc", "2016.nc"]  # fmt: skip
