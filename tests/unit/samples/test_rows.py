"""Samples are complete, dated and counted; tables that cannot be learned from are refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from build_samples import stage
from samples import NO_GAPS
from snakemake.utils import update_config
from tables import write_tables

from loam.config.settings import load_config, pick
from loam.covariates.features import feature_set
from loam.errors import ConfigError, TableError
from loam.io.tables import read_table
from loam.samples.rows import DROPPED, sample_schema

LAYERS = [{"name": "surface", "column": "sm_0_30"}, {"name": "subsurface", "column": "sm_30_60"}]
COLUMNS = {name: name for name in ("station", "date", "latitude", "longitude")}
FEATURES = {
    "static": ["clay"],
    "daily": [{"name": "rain", "lags": [0, 1]}],
    "sequence": {"variables": ["coarse"], "lags": [0, 2]},
    "classes": [{"name": "cover", "values": ["crop", "grass", "forest"]}],
    "day_of_year": True,
}

MORE = {"gaps": NO_GAPS, "teachers": []}
COVARIATES = {
    "landcover": "majority", "cell_index": "nearest",
    "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid", "outliers": None},
    "rain_sums": {"days": [3], "missing_share": 0.0},
}  # fmt: skip


def domain(prefix: str, days: int = 6) -> pd.DataFrame:
    """Two stations, every value different."""
    rows = 2 * days
    return pd.DataFrame(
        {
            "station": np.repeat([f"{prefix}1", f"{prefix}2"], days),
            "date": np.tile(pd.date_range("2020-02-27", periods=days), 2),
            "latitude": np.repeat([-34.0, -34.5], days),
            "longitude": np.repeat([146.0, 146.5], days),
            "sm_0_30": np.linspace(0.1, 0.4, rows),
            "sm_30_60": np.linspace(0.2, 0.3, rows),
            "clay": np.repeat([20.0, 30.0], days),
            "rain": np.arange(rows, dtype=float),
            "coarse": np.arange(rows) / 100,
            "cover": np.repeat(["crop", "grass"], days),
        }
    )


@pytest.fixture
def build(tmp_path):
    def build(source=None, target=None, *, layers=LAYERS, groups=(), suffix="csv", more=MORE, **changes):
        features, names = {**FEATURES, **changes}, ("source", "target")
        paths = {"dropped": tmp_path / "dropped.csv"}
        for name, frame in zip(names, (source, target), strict=True):
            frame = domain(name[0]) if frame is None else frame
            path = tmp_path / f"{name}.{suffix}"
            frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
            paths |= {f"{name}_table": path, name: tmp_path / f"samples_{name}.parquet",
                      f"{name}_series": tmp_path / f"{name}.zarr"}  # fmt: skip
        samples = {"from": "table", "columns": COLUMNS, "groups": list(groups), **MORE, **more}
        stage(paths, {"layers": layers, "samples": samples, "features": features, "covariates": COVARIATES})
        schema = sample_schema(layers, list(groups), features)
        return {name: read_table(paths[name], schema) for name in names}, read_table(paths["dropped"], DROPPED).fillna(
            ""
        )

    return build


def counts(dropped: pd.DataFrame, station: str) -> dict[tuple[str, str], int]:
    rows = dropped[dropped["station"] == station]
    return dict(zip(zip(rows["reason"], rows["column"], strict=True), rows["rows"], strict=True))


def test_samples_hold_keys_layers_and_features_in_order(build):
    samples, _ = build()
    expected = [
        "station", "date", "latitude", "longitude", "surface", "subsurface", "clay", "rain_0", "rain_1", "cover_crop",
        "cover_grass", "cover_forest", "day_of_year_sin", "day_of_year_cos", "coarse_2", "coarse_1", "coarse_0",
    ]  # fmt: skip
    assert list(samples["target"]) == expected
    assert expected[6:] == feature_set(FEATURES).columns


def test_a_station_that_loses_over_a_tenth_of_its_rows_to_covariates_is_named_with_the_reason(build, caplog):
    frame = domain("t", days=40)
    frame.loc[10:17, "rain"] = np.nan  # t1: eight days, and the day after them, whose lag is missing
    build(source=domain("s", days=40), target=frame)
    warned = [record.message for record in caplog.records if "are no samples" in record.message]
    assert len(warned) == 1 and warned[0].startswith("target: station t1: 11 of 40 rows with moisture (28 %)")
    assert "no rain 22%" in warned[0]


def test_the_first_days_lack_lags_and_go(build):
    samples, dropped = build()
    assert samples["source"]["date"].dt.strftime("%m-%d").tolist()[:4] == ["02-29", "03-01", "03-02", "03-03"]
    row = samples["source"].iloc[0]
    assert row[["rain_0", "rain_1", "coarse_0", "coarse_1", "coarse_2"]].tolist() == [2, 1, 0.02, 0.01, 0]
    assert counts(dropped, "s1") == {("kept", ""): 4, ("covariate", "coarse"): 1, ("covariate", "rain, coarse"): 1}


def test_a_day_without_moisture_still_lends_its_covariates_to_later_days(build):
    frame = domain("t")
    frame.loc[2, ["sm_0_30", "sm_30_60"]] = np.nan
    samples, dropped = build(target=frame)
    kept = samples["target"].query("station == 't1'")
    assert kept["date"].dt.strftime("%m-%d").tolist() == ["03-01", "03-02", "03-03"]
    assert kept["rain_1"].iloc[0] == 2
    assert counts(dropped, "t1")["all layers", "surface, subsurface"] == 1


def test_a_row_that_lacks_one_layer_stays(build):
    frame = domain("t")
    frame.loc[3, "sm_30_60"] = np.nan
    samples, _ = build(target=frame)
    row = samples["target"].query("station == 't1'").iloc[1]
    assert row["surface"] > 0 and np.isnan(row["subsurface"])


def test_a_row_that_lacks_any_covariate_goes_and_is_counted_once(build):
    frame = domain("t")
    frame.loc[3, ["clay", "cover"]] = np.nan
    frame.loc[5, "cover"] = None
    samples, dropped = build(target=frame)
    assert len(samples["target"].query("station == 't1'")) == 2
    found = counts(dropped, "t1")
    assert found["covariate", "clay, cover"] == 1 and found["covariate", "cover"] == 1
    assert sum(found.values()) == 6


def test_a_gap_in_the_dates_costs_the_rows_whose_lags_reach_into_it(build):
    frame = domain("t", days=9).drop(index=4)  # 03-02
    samples, _ = build(target=frame)
    kept = samples["target"].query("station == 't1'")["date"].dt.strftime("%m-%d").tolist()
    assert kept == ["02-29", "03-01", "03-05", "03-06"]


def test_ready_lags_are_taken_as_they_are(build):
    frames = {}
    for name in ("source", "target"):
        frames[name] = domain(name[0]).assign(rain_0=7.0 + np.arange(12), rain_1=6.0 + np.arange(12))
    samples, dropped = build(**frames)
    assert samples["target"][["rain_0", "rain_1"]].iloc[0].tolist() == [9, 8]
    assert counts(dropped, "t1") == {("kept", ""): 4, ("covariate", "coarse"): 2}


def test_a_step_of_two_days_is_one_column_named_by_what_it_tells(build):
    steps = {"variables": ["coarse"], "lags": [0, 1], "every": 2, "statistic": "mean"}
    samples, dropped = build(sequence=steps)
    row = samples["source"].iloc[0]
    assert list(samples["source"])[-2:] == ["coarse_mean2_1", "coarse_mean2_0"]
    assert row["date"] == pd.Timestamp("2020-03-01")  # the fourth day: two steps of two days
    assert row[["coarse_mean2_1", "coarse_mean2_0"]].tolist() == [0.005, 0.025]
    assert counts(dropped, "s1")["covariate", "coarse"] == 2


def test_a_short_gap_is_filled_where_asked_and_rows_after_a_long_one_are_counted_with_their_reason(build):
    frame = domain("t", days=12)
    frame.loc[4, "coarse"] = np.nan  # t1, one day
    frame.loc[[16, 17, 18], "coarse"] = np.nan  # t2, three days
    samples, dropped = build(target=frame, more={"gaps": {"fill_days": 1, "warm_up": 4, "variables": ["coarse"]}})
    kept = samples["target"].query("station == 't1'").set_index("date")
    assert kept.loc["2020-03-02", "coarse_0"] == pytest.approx(0.04)
    assert counts(dropped, "t1") == {("kept", ""): 10, ("covariate", "coarse"): 1, ("covariate", "rain, coarse"): 1}
    assert counts(dropped, "t2")["warm-up after a gap", "coarse"] == 4
    assert samples["target"].query("station == 't2'")["date"].tolist() == [
        pd.Timestamp("2020-02-29"), pd.Timestamp("2020-03-01"), pd.Timestamp("2020-03-09")]  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_both_formats_give_the_same_samples(build, suffix):
    samples, _ = build(suffix=suffix)
    other, _ = build()
    pd.testing.assert_frame_equal(samples["target"], other["target"])


def test_a_class_column_becomes_one_column_a_class(build):
    samples, _ = build()
    columns = ["cover_crop", "cover_grass", "cover_forest"]
    assert samples["source"].query("station == 's1'")[columns].drop_duplicates().values.tolist() == [[1, 0, 0]]
    assert samples["source"].query("station == 's2'")[columns].drop_duplicates().values.tolist() == [[0, 1, 0]]


def test_groups_are_carried_along(build):
    frames = {name: domain(name[0]).assign(soil=np.repeat(["sand", None], 6)) for name in ("source", "target")}
    samples, _ = build(**frames, groups=["soil", "cover"])
    assert samples["target"]["soil"].isna().sum() == 4
    assert samples["target"]["cover"].tolist() == ["crop"] * 4 + ["grass"] * 4


def test_a_coordinate_may_be_a_feature(build):
    samples, _ = build(static=["clay", "latitude"])
    assert samples["target"]["latitude"].tolist() == [-34.0] * 4 + [-34.5] * 4


def refused(build, expected: str, *, error=TableError, **changes) -> str:
    with pytest.raises(error) as raised:
        build(**changes)
    assert expected in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", ["source", "target"])
def test_a_layer_without_any_observation_in_a_domain_is_refused(build, name):
    frame = domain(name[0]).assign(sm_30_60=np.nan)
    refused(build, f"{name}.csv: layer 'subsurface' has no observation in the {name} domain", **{name: frame})


def test_a_layer_whose_observations_all_fall_on_incomplete_rows_is_refused(build):
    frame = domain("t")
    frame.loc[frame["date"] > "2020-02-27", "sm_30_60"] = np.nan
    refused(build, "layer 'subsurface' has no observation in a row of the target domain with all", target=frame)


def test_percent_is_not_moisture(build):
    frame = domain("t")
    frame["sm_0_30"] *= 100
    text = refused(build, "target.csv, row 2 (and 11 more): moisture 10 of layer 'surface'", target=frame)
    assert "divide the column by 100" in text


def test_the_row_that_is_named_is_the_first_in_the_file_and_not_in_the_samples(build):
    frame = domain("t").iloc[::-1]  # t2 stands before t1
    frame.iloc[2, frame.columns.get_loc("sm_0_30")] = 25.0
    frame.iloc[9, frame.columns.get_loc("sm_0_30")] = 75.0
    refused(build, "target.csv, row 4 (and 1 more): moisture 25 of layer 'surface'", target=frame)


@pytest.mark.parametrize("value", [-0.01, 250.0])
def test_impossible_moisture_is_refused(build, value):
    frame = domain("t")
    frame.loc[3, "sm_0_30"] = value
    text = refused(build, f"target.csv, row 5: moisture {value:g} of layer 'surface' is outside 0 to 1", target=frame)
    assert "percent" not in text


@pytest.mark.parametrize("column", ["clay", "rain", "coarse"])
def test_a_feature_that_is_missing_everywhere_is_refused(build, column):
    refused(build, f"feature '{column}' has no value", target=domain("t").assign(**{column: np.nan}))


def test_a_class_column_without_values_is_refused(build):
    refused(build, "class column 'cover' has no value", target=domain("t").assign(cover=None))


def test_an_unknown_class_is_refused_with_its_row(build):
    frame = domain("t")
    frame.loc[4, "cover"] = "ice"
    text = refused(build, "target.csv, row 6: class 'ice' in column 'cover' is not in the config", target=frame)
    assert "crop, grass, forest" in text


@pytest.mark.parametrize("column", ["clay", "rain", "coarse"])
def test_a_feature_that_is_constant_over_both_domains_is_refused(build, column):
    same = {name: domain(name[0]).assign(**{column: 1.0}) for name in ("source", "target")}
    refused(build, f"feature '{column}'", **same)
    build(source=domain("s"), target=same["target"])  # constant in one domain only


def test_one_class_for_all_stations_is_constant_but_an_absent_class_is_not(build):
    same = {name: domain(name[0]).assign(cover="crop") for name in ("source", "target")}
    refused(build, "feature 'cover' is constant", **same)
    build()  # no station is forest


def test_a_station_in_both_domains_is_refused(build):
    frame = domain("t")
    frame["station"] = frame["station"].replace("t2", "s1")
    refused(build, "source.csv: station 's1' is also in", target=frame)


def test_no_complete_row_says_what_most_rows_lack(build):
    frame = domain("t")
    frame.loc[frame.index % 2 == 0, "coarse"] = np.nan
    refused(
        build, "no row of the target domain has all covariates and a layer; most lack covariate: coarse", target=frame
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"static": ["clay", "rain_1"]}, "named 'rain_1'"),
        ({"static": ["surface"]}, "named 'surface'"),
        ({"groups": ["subsurface"]}, "named 'subsurface'"),
        ({"static": ["sm_0_30"]}, "'sm_0_30' is what is predicted (layer 'surface')"),
        ({"sequence": {"variables": ["sm_30_60"], "lags": [1, 2]}}, "is what is predicted (layer 'subsurface')"),
        (
            {
                "static": [], "daily": [], "sequence": {"variables": [], "lags": [0, 0]}, "classes": [],
                "day_of_year": False,
            },
            "there is no feature",
        ),
    ],
)  # fmt: skip
def test_names_that_collide_are_refused(build, changes, expected):
    frames = {
        name: domain(name[0]).assign(surface=1.0, subsurface=1.0, rain_1=np.arange(12.0))
        for name in ("source", "target")
    }
    refused(build, expected, error=ConfigError, **frames, **changes)


def test_what_a_teacher_says_is_no_feature(build):
    teachers = [{"name": "model", "domain": "target", "column": {"surface": "coarse"}, "weight": 1.0}]
    refused(build, "'coarse' is what teacher 'model' says", error=ConfigError, more={"teachers": teachers})


def test_the_how_to_and_its_example_config_are_one(project):
    folder = project / "docs" / "how-to"
    example = (folder / "bring-your-own-table.yaml").read_text(encoding="utf-8")
    assert f"```yaml\n{example}```" in (folder / "bring-your-own-table.md").read_text(encoding="utf-8")


def test_the_script_brings_the_example_tables_through_the_example_config(project: Path, tmp_path, default_config):
    example = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    update_config(default_config, example)
    source, target = write_tables(tmp_path / "my_data", source=3, target=3, days=40)
    outputs = {name: tmp_path / f"{name}.parquet" for name in ("source", "target")}
    outputs |= {f"{name}_series": tmp_path / f"{name}.zarr" for name in ("source", "target")}
    paths = {"source_table": source, "target_table": target, **outputs, "dropped": tmp_path / "dropped.csv"}
    config = load_config(default_config)
    stage(paths, pick(config, "layers", "samples", "features", "covariates"))
    dropped = read_table(tmp_path / "dropped.csv", DROPPED)
    assert dropped["rows"].sum() == 6 * 40
    samples = read_table(outputs["target"], sample_schema(default_config["layers"], [], default_config["features"]))
    assert len(samples) == dropped.query("domain == 'target' and reason == 'kept'")["rows"].sum()
    assert samples["station"].nunique() == 3
    assert samples["date"].min() == pd.Timestamp("2021-01-08")  # seven lags are built, those of rain come ready


@pytest.mark.parametrize(
    ("day", "says"),
    [("2199-01-01", "lies in the future"), ("1747-05-02", "expected"), ("1912-05-02", "older than any")],
)
def test_a_day_that_cannot_be_is_refused_with_its_row(build, day, says):
    frame = domain("t")
    frame["date"] = frame["date"].astype(str)
    frame.loc[frame.index[3], "date"] = day
    with pytest.raises(TableError, match=rf"target.csv, row 5: .*{says}"):
        build(target=frame)


def test_a_static_feature_that_changes_daily_is_named(build, caplog):
    frame = domain("s")
    name = FEATURES["static"][0]
    frame[name] = frame[name] + np.arange(len(frame)) / 10
    build(source=frame)
    assert f"static feature '{name}' changes from day to day" in caplog.text


def test_a_feature_in_kelvin_here_and_degrees_there_is_named(build, caplog):
    build()
    assert "are both in one unit" not in caplog.text
    name = FEATURES["daily"][0]["name"]
    frame = domain("s")
    frame[name] = frame[name] + 1000.0
    build(source=frame)
    assert f"feature '{name}' is 1" in caplog.text and "are both in one unit" in caplog.text
