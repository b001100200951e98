"""What networks are held against: that a held-out station has no part in any of it."""

import numpy as np
import pandas as pd
import pytest

from loam.config.rivals import LEVEL, RIVALS, WITHIN, job_of
from loam.config.systems import QUICK_RIVALS, SLOW_RIVALS
from loam.errors import ConfigError, LeakageError, TableError
from loam.io.schemas import PREDICTIONS
from loam.rivals.predict_rivals import modelled, predict_rivals

FOUR = ["coarse", "same_day_mean", "boosted_trees"]
LAYERS = ["surface", "subsurface"]
FEATURES = ["clay", "sm_surface_0"]
READ_TARGET_OR_BOTH = {"ridge", "random_forest", "boosted_trees", "boosted_trees_all"}
READ_BOTH = {"boosted_trees_neighbours", "within_station_trees", "within_station_trees_neighbours"}


@pytest.fixture
def fold_1(folds):
    return folds[folds["fold"] == 1]


@pytest.fixture
def predict(values):
    """All rivals, those that take a level with it, as the workflow's jobs give them."""

    def all_of(source, target, folds, names=tuple(RIVALS), **more):
        def run(*names, level=None):
            return predict_rivals(source, target, folds, values(*names) | more, level)

        level = run(LEVEL) if WITHIN & {*names} else None
        plain = [name for name in names if name not in WITHIN]
        return pd.concat([run(*plain), *(run(name, level=level) for name in names if name in WITHIN)])

    return all_of


def test_every_rival_predicts_every_station_once_where_the_layer_is_observed(source, target, folds, predict):
    target.loc[::3, "subsurface"] = np.nan
    predictions = PREDICTIONS.validate(predict(source, target, folds, FOUR))
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
    assert set(zip(predictions["fold"], predictions["station"], strict=True)) == set(enumerate("abcd", start=1))
    observed = predictions.query("model == 'coarse'").merge(target, on=["station", "date"])
    assert (observed["observed"] == observed["surface"]).all()


def test_every_rival_says_what_it_learned_from(source, target, fold_1, predict):
    predictions = PREDICTIONS.validate(predict(source, target, fold_1))
    assert predictions.groupby("model")["scenario"].agg(set).to_dict() == {
        **{name: {"none"} for name in RIVALS},
        **{name: {"target", "both"} for name in READ_TARGET_OR_BOTH},
        **{name: {"both"} for name in READ_BOTH},
    }
    rows = predictions.groupby("model")["rows"].agg(set).to_dict()
    assert {name for name, fitted in rows.items() if fitted == {"training"}} == {*FOUR}
    assert all(fitted == {"all"} for name, fitted in rows.items() if name not in FOUR)
    assert set(predictions["station"]) == {"a"}


def test_without_a_source_domain_trees_that_read_both_read_the_target(target, fold_1, predict):
    predictions = predict(None, target, fold_1)
    learned = predictions[predictions["model"].isin(READ_TARGET_OR_BOTH | READ_BOTH)]
    assert set(learned["scenario"]) == {"target"} and set(predictions["model"]) == {*RIVALS}


@pytest.mark.parametrize("role", ["test", "validation"])
def test_absurd_values_at_a_station_that_does_not_train_change_no_prediction(source, target, fold_1, predict, role):
    station = {"test": "a", "validation": "c"}[role]  # of fold 1
    planted = target.copy()
    absurd = (planted["station"] == station) & (planted.index % 2 == 0)
    planted.loc[absurd, [*LAYERS, *FEATURES]] = 1e6
    key, names = ["model", "scenario", "layer", "date"], FOUR
    if role == "test":  # the level of the within-station trees is a mean over the station's own features
        names = [name for name in RIVALS if name not in WITHIN]
    clean, spoilt = (predict(source, rows, fold_1, names).set_index(key)["predicted"] for rows in (target, planted))
    if role == "test":  # its clean rows
        kept = clean.index.get_level_values("date").isin(target.loc[~absurd & (target["station"] == "a"), "date"])
        clean, spoilt = clean[kept], spoilt[kept]
    assert len(clean) >= 5 * 30
    pd.testing.assert_series_equal(clean, spoilt, check_exact=True)


def test_absurd_moisture_at_the_held_out_station_changes_no_prediction_of_within_station_trees(
    source, target, fold_1, predict
):
    planted = target.copy()
    planted.loc[planted["station"] == "a", LAYERS] = 1e6
    clean, spoilt = (predict(source, rows, fold_1, [*WITHIN])["predicted"] for rows in (target, planted))
    assert len(clean) == 4 * 60
    pd.testing.assert_series_equal(clean, spoilt, check_exact=True)


def test_folds_side_by_side_give_what_they_give_one_by_one(source, target, folds, predict):
    names = ["coarse", "inverse_distance", "boosted_trees", "boosted_trees_neighbours"]
    one, two = (predict(source, target, folds, names, threads=threads) for threads in (1, 3))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("station", ["b", "c"])
def test_absurd_values_at_a_station_that_fits_do_change_predictions(source, target, fold_1, predict, station):
    planted = target.copy()
    planted.loc[planted["station"] == station, "surface"] = np.linspace(0, 9, 60)
    clean, spoilt = (predict(source, rows, fold_1).query("layer == 'surface'") for rows in (target, planted))
    difference = (spoilt["predicted"] - clean["predicted"]).abs()
    most = difference.groupby(clean["model"]).max()
    read = [name for name in RIVALS if station == "b" or name not in FOUR]  # c validates
    assert most[read].min() > 0.01 and (most.drop(read) == 0).all()


def test_folds_of_other_stations_are_refused(source, target, folds, predict):
    with pytest.raises(TableError, match=r"station d is in the folds or in the samples only"):
        predict(source, target, folds[folds["station"] != "d"], FOUR)


def test_a_station_in_both_domains_is_refused(source, target, folds, predict):
    source.loc[source["station"] == "far 2", "station"] = "b"
    with pytest.raises(LeakageError, match="station b is in the source and in the target"):
        predict(source, target, folds, FOUR)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"layer": "surface", "feature": "sm_surface"}], "'sm_surface' is no column"),
        ([{"layer": "surface", "feature": "clay"}, {"layer": "surface", "feature": "sm_surface_0"}], "named twice"),
    ],
)
def test_a_wrong_coarse_entry_is_refused(target, entries, message):
    with pytest.raises(ConfigError, match=message):
        modelled(target, entries)


def test_a_job_whose_rivals_have_nothing_to_say_leaves_an_empty_table(target, folds, values):
    silent = values("coarse") | {"evaluation": {"coarse": []}}
    assert PREDICTIONS.validate(predict_rivals(None, target, folds, silent)).empty


def test_every_name_stands_for_a_rival():
    assert [*RIVALS] == [*QUICK_RIVALS, *SLOW_RIVALS]


def test_the_quick_share_a_job_and_trees_have_one_each():
    assert {job_of(name) for name in ("coarse", "kriging", "ridge")} == {"quick"}
    assert job_of("within_station_trees") == "within_station_trees"
