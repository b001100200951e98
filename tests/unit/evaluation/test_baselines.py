"""Baselines: what they say, and that a held-out station has no part in it."""

import numpy as np
import pandas as pd
import pytest
from held_out import folds_of

from loam.errors import ConfigError, LeakageError, TableError
from loam.evaluation.baselines import boosted_trees, coarse, line, predict_baselines, same_day_mean
from loam.io.schemas import PREDICTIONS

STATIONS = ["a", "b", "c", "d"]
LAYERS = ["surface", "subsurface"]
COLUMNS = ["clay", "sm_surface_0"]
VALUES = {
    "seed": 1,
    "threads": 1,
    "layers": [{"name": name} for name in LAYERS],
    "features": {
        "static": ["clay"],
        "daily": [],
        "sequence": {"variables": ["sm_surface"], "lags": [0, 0]},
        "classes": [],
        "day_of_year": False,
    },
    "evaluation": {"coarse": [{"layer": "surface", "feature": "sm_surface_0"}]},
}


def samples(stations, seed, days=60):
    generator = np.random.default_rng(seed)
    parts = []
    for station in stations:
        coarse_moisture = generator.uniform(0.1, 0.5, days)
        clay = generator.uniform(10, 60)
        surface = 0.05 + 0.6 * coarse_moisture + 0.001 * clay + generator.normal(0, 0.01, days)
        parts.append(
            pd.DataFrame(
                {"station": station, "date": pd.date_range("2021-03-01", periods=days), "clay": clay,
                 "sm_surface_0": coarse_moisture, "surface": surface, "subsurface": surface + 0.05}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def target():
    return samples(STATIONS, seed=1)


@pytest.fixture
def source():
    return samples(["far 1", "far 2", "far 3"], seed=2)


@pytest.fixture
def folds():
    return folds_of(dict(zip(STATIONS, ["c", "a", "d", "b"], strict=True)))


def test_every_baseline_predicts_every_station_once_where_the_layer_is_observed(source, target, folds):
    target.loc[::3, "subsurface"] = np.nan
    predictions = PREDICTIONS.validate(predict_baselines(source, target, folds, VALUES))
    assert set(predictions["rows"]) == {"training"}
    groups = predictions.groupby(["model", "scenario", "layer"]).size()
    rows, subsurface = len(target), int(target["subsurface"].notna().sum())
    assert groups.to_dict() == {
        ("boosted_trees", "both", "subsurface"): subsurface,
        ("boosted_trees", "both", "surface"): rows,
        ("boosted_trees", "target", "subsurface"): subsurface,
        ("boosted_trees", "target", "surface"): rows,
        ("coarse", "none", "surface"): rows,
        ("same_day_mean", "none", "subsurface"): subsurface,
        ("same_day_mean", "none", "surface"): rows,
    }
    assert set(zip(predictions["fold"], predictions["station"], strict=True)) == set(enumerate(STATIONS, start=1))
    observed = predictions.query("model == 'coarse'").merge(target, on=["station", "date"])
    assert (observed["observed"] == observed["surface"]).all()


def test_coarse_moisture_follows_the_line_through_the_training_stations(target, folds):
    predictions = coarse(target, folds, ["surface"], VALUES["evaluation"]["coarse"])
    training = target[target["station"].isin(["b", "d"])]  # fold 1 tests a and validates c
    slope, intercept = np.polyfit(training["sm_surface_0"], training["surface"], 1)
    expected = slope * target.loc[target["station"] == "a", "sm_surface_0"] + intercept
    assert predictions.loc[predictions["fold"] == 1, "predicted"].tolist() == pytest.approx(expected.tolist())


def test_a_line_through_a_constant_feature_is_the_mean():
    assert line(np.full(5, 0.1), np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == (0.0, pytest.approx(0.3))


def test_same_day_mean_is_that_of_the_training_stations_and_silent_where_none_reports(target, folds):
    silent = (target["date"] < "2021-03-11") & target["station"].isin(["b", "d"])
    predictions = same_day_mean(target[~silent], folds, ["surface"])
    held_out = predictions[predictions["fold"] == 1]
    assert held_out["date"].min() == pd.Timestamp("2021-03-11")
    expected = target[target["station"].isin(["b", "d"])].groupby("date")["surface"].mean().loc["2021-03-11":]
    assert held_out["predicted"].tolist() == pytest.approx(expected.tolist())


def test_trees_learn_the_source_domain_only_in_scenario_both(source, target, folds):
    source["surface"] += 10.0
    alone = boosted_trees(target, folds, ["surface"], COLUMNS, seed=1)
    both = boosted_trees(target, folds, ["surface"], COLUMNS, seed=1, source=source)
    assert alone["predicted"].max() < 1.0
    assert both["predicted"].max() > 1.0


@pytest.mark.parametrize("role", ["test", "validation"])
def test_absurd_values_at_a_station_that_does_not_train_change_no_prediction(source, target, folds, role):
    station = {"test": "a", "validation": "c"}[role]  # of fold 1
    planted = target.copy()
    absurd = (planted["station"] == station) & (planted.index % 2 == 0)
    planted.loc[absurd, [*LAYERS, *COLUMNS]] = 1e6
    key = ["model", "scenario", "layer", "date"]
    clean, spoilt = (
        predict_baselines(source, rows, folds, VALUES).query("fold == 1").set_index(key)["predicted"]
        for rows in (target, planted)
    )
    if role == "test":  # its clean rows
        kept = clean.index.get_level_values("date").isin(target.loc[~absurd & (target["station"] == "a"), "date"])
        clean, spoilt = clean[kept], spoilt[kept]
    assert len(clean) >= 5 * 30
    pd.testing.assert_series_equal(clean, spoilt, check_exact=True)


def test_folds_side_by_side_give_what_they_give_one_by_one(source, target, folds):
    one, two = (predict_baselines(source, target, folds, VALUES | {"threads": threads}) for threads in (1, 3))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_absurd_values_at_a_training_station_do_change_predictions(source, target, folds):
    planted = target.copy()
    planted.loc[planted["station"] == "b", "surface"] = 1e6
    clean, spoilt = (
        predict_baselines(source, rows, folds, VALUES).query("fold == 1 and layer == 'surface'")
        for rows in (target, planted)
    )
    difference = (spoilt["predicted"] - clean["predicted"]).abs()
    assert difference.groupby([clean["model"], clean["scenario"]]).max().min() > 1.0


def test_a_layer_that_no_training_station_observes_is_left_out_and_logged(target, folds, caplog):
    target.loc[target["station"].isin(["b", "d"]), "subsurface"] = np.nan
    predictions = boosted_trees(target, folds, ["subsurface"], COLUMNS, seed=1)
    assert 1 not in set(predictions["fold"])
    assert "no training station of fold 1 observed layer subsurface" in caplog.text


def test_folds_of_other_stations_are_refused(source, target, folds):
    with pytest.raises(TableError, match=r"station d is in the folds or in the samples only"):
        predict_baselines(source, target, folds[folds["station"] != "d"], VALUES)


def test_a_station_in_both_domains_is_refused(source, target, folds):
    source.loc[source["station"] == "far 2", "station"] = "b"
    with pytest.raises(LeakageError, match="station b is in the source and in the target"):
        predict_baselines(source, target, folds, VALUES)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"layer": "surface", "feature": "sm_surface"}], "'sm_surface' is no column"),
        ([{"layer": "surface", "feature": "clay"}, {"layer": "surface", "feature": "sm_surface_0"}], "named twice"),
    ],
)
def test_a_wrong_coarse_entry_is_refused(target, folds, entries, message):
    with pytest.raises(ConfigError, match=message):
        coarse(target, folds, LAYERS, entries)
