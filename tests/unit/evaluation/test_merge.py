"""Predictions are merged only where the cards say that every scored station was held out."""

import numpy as np
import pandas as pd
import pytest
from held_out import days_of, folds_of

from loam.errors import LeakageError, TableError
from loam.evaluation.merge import merge_predictions
from loam.io.schemas import PREDICTIONS

STATIONS = ["a", "b", "c"]
SPAN = ["2019-01-01", "2021-12-31"]
FOLDS = folds_of({"a": "b", "b": "c", "c": "a"})


def predictions(model, scenario):
    return pd.DataFrame(
        {
            "protocol": "leave_one_station_out",
            "size": 0,
            "draw": 1,
            "model": model,
            "scenario": scenario,
            "rows": "training",
            "fold": np.repeat([1, 2, 3], 4),
            "domain": "target",
            "station": np.repeat(STATIONS, 4),
            "date": np.tile(pd.date_range("2020-01-01", periods=4), 3),
            "layer": "surface",
            "observed": 0.2,
            "output": np.nan,
            "predicted": 0.25,
            "spread": np.nan,
            "lower": np.nan,
            "upper": np.nan,
        }
    )


def card(model, scenario):
    members = [{"fold": fold, "days": days_of(FOLDS, fold)} for fold in (1, 2, 3)]
    if scenario == "source":
        members = [{"fold": 0, "days": {"training": {"far": [SPAN], "away": [SPAN]}}}]
    protocol = None if scenario == "source" else "leave_one_station_out"
    return {"model": model, "scenario": scenario, "protocol": protocol, "members": members}


@pytest.fixture
def run():
    """Baselines, and two networks with their cards."""
    names = [("mlp", "source"), ("mlp", "transfer")]
    return {
        "folds": FOLDS,
        "rivals": [predictions("coarse", "none")],
        "models": [predictions(*name) for name in names],
        "cards": [card(*name) for name in names],
    }


def test_everything_that_was_held_out_is_merged(run):
    merged = PREDICTIONS.validate(merge_predictions(**run))
    assert len(merged) == 36
    assert set(zip(merged["model"], merged["scenario"], strict=True)) == {
        ("mlp", "source"), ("mlp", "transfer"), ("coarse", "none"),
    }  # fmt: skip


@pytest.mark.parametrize("role", ["training", "validation"])
def test_a_station_that_trained_or_validated_its_own_fold_is_refused(run, role):
    run["cards"][1]["members"][1]["days"][role]["b"] = [SPAN]
    with pytest.raises(LeakageError, match=r"card of mlp transfer: station b is scored in fold 2") as raised:
        merge_predictions(**run)
    assert f"among the {role} rows of that day (4 such rows)" in str(raised.value)


def test_a_single_day_that_trained_is_found_and_named(run):
    run["cards"][1]["members"][1]["days"]["training"]["b"] = [SPAN[:1] * 2, ["2020-01-03", "2020-01-03"]]
    with pytest.raises(LeakageError, match=r"station b is scored in fold 2 on 2020-01-03 .*training.* \(1 such"):
        merge_predictions(**run)


def test_other_days_of_a_tested_station_may_train(run):
    run["cards"][1]["members"][1]["days"]["training"]["b"] = [
        ["2019-01-01", "2019-12-31"],
        ["2020-01-05", "2020-02-01"],
    ]
    assert len(merge_predictions(**run)) == 36


def test_a_source_model_that_saw_a_target_station_is_refused(run):
    run["cards"][0]["members"][0]["days"]["training"]["c"] = [SPAN]
    with pytest.raises(LeakageError, match=r"card of mlp source: station c"):
        merge_predictions(**run)


def test_predictions_of_another_fold_are_refused(run):
    run["models"][1]["fold"] = run["models"][1]["fold"].map({1: 2, 2: 3, 3: 1})
    with pytest.raises((LeakageError, TableError)):
        merge_predictions(**run)


def test_a_rival_of_other_folds_is_refused(run):
    (rival,) = run["rivals"]
    rival["fold"] = rival["fold"].map({1: 2, 2: 3, 3: 1})
    with pytest.raises(
        TableError, match=r"predictions of coarse none: fold 1 tests c on 2020-01-01; expected station a"
    ):
        merge_predictions(**run)


def test_a_network_without_one_of_the_stations_is_refused(run):
    run["models"] = [rows[rows["station"] != "c"] for rows in run["models"]]
    with pytest.raises(TableError, match="no prediction for station c"):
        merge_predictions(**run)


def test_a_rival_may_be_silent_on_a_station(run, caplog):
    run["rivals"] = [rows[rows["station"] != "c"] for rows in run["rivals"]]
    assert len(merge_predictions(**run)) == 32
    assert "predictions of coarse none: none for station c" in caplog.text


def test_networks_scored_on_different_rows_are_refused(run):
    run["models"][1] = run["models"][1].iloc[1:]
    with pytest.raises(TableError, match="scored on different rows"):
        merge_predictions(**run)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_prediction_that_is_no_number_is_refused(run, value):
    run["models"][0].loc[5, "predicted"] = value
    with pytest.raises(TableError, match=r"mlp source, station b, 2020-01-02, surface: 1 rows are not finite"):
        merge_predictions(**run)


def test_a_card_of_other_predictions_is_refused(run):
    run["cards"].reverse()
    with pytest.raises(TableError, match="card of mlp transfer: predictions of mlp source"):
        merge_predictions(**run)


def test_a_station_and_day_that_two_folds_test_is_refused(run):
    run["folds"] = pd.concat([FOLDS, FOLDS[FOLDS["fold"] == 1].assign(fold=4)])
    again = run["rivals"][0].query("fold == 1").assign(fold=4)
    run |= {"rivals": [*run["rivals"], again], "models": [], "cards": []}
    with pytest.raises(TableError, match="station a on 2020-01-01 is tested in two folds"):
        merge_predictions(**run)
