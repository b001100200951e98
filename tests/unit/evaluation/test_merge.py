"""Predictions are merged only where the cards say that every scored station was held out."""

import numpy as np
import pandas as pd
import pytest

from loam.errors import LeakageError, TableError
from loam.evaluation.merge import merge_predictions
from loam.io.schemas import PREDICTIONS

STATIONS = ["a", "b", "c"]
VALIDATION = {"a": "b", "b": "c", "c": "a"}


def predictions(model, scenario):
    return pd.DataFrame(
        {
            "model": model,
            "scenario": scenario,
            "fold": np.repeat([1, 2, 3], 4),
            "station": np.repeat(STATIONS, 4),
            "date": np.tile(pd.date_range("2020-01-01", periods=4), 3),
            "layer": "surface",
            "observed": 0.2,
            "predicted": 0.25,
        }
    )


def card(model, scenario):
    members = [
        {"fold": fold, "test_station": station, "validation_station": VALIDATION[station],
         "training_stations": [name for name in STATIONS if name not in (station, VALIDATION[station])]}
        for fold, station in enumerate(STATIONS, start=1)
    ]  # fmt: skip
    if scenario == "source":
        members = [{"fold": 0, "test_station": None, "validation_station": None, "training_stations": ["far", "away"]}]
    return {"model": model, "scenario": scenario, "members": members}


@pytest.fixture
def run():
    """Baselines, and two networks with their cards."""
    names = [("mlp", "source"), ("mlp", "transfer")]
    return {
        "baselines": predictions("coarse", "none"),
        "models": [predictions(*name) for name in names],
        "cards": [card(*name) for name in names],
    }


def test_everything_that_was_held_out_is_merged(run):
    merged = PREDICTIONS.validate(merge_predictions(**run))
    assert len(merged) == 36
    assert set(zip(merged["model"], merged["scenario"], strict=True)) == {
        ("mlp", "source"), ("mlp", "transfer"), ("coarse", "none"),
    }  # fmt: skip


@pytest.mark.parametrize("key", ["training_stations", "validation_station"])
def test_a_station_that_trained_or_validated_its_own_fold_is_refused(run, key):
    member = run["cards"][1]["members"][1]
    member[key] = "b" if key == "validation_station" else [*member[key], "b"]
    with pytest.raises(LeakageError, match=r"card of mlp transfer: station b is scored in fold 2"):
        merge_predictions(**run)


def test_a_source_model_that_saw_a_target_station_is_refused(run):
    run["cards"][0]["members"][0]["training_stations"].append("c")
    with pytest.raises(LeakageError, match=r"card of mlp source: station c"):
        merge_predictions(**run)


def test_predictions_of_another_fold_are_refused(run):
    run["models"][1]["fold"] = run["models"][1]["fold"].map({1: 2, 2: 3, 3: 1})
    with pytest.raises((LeakageError, TableError)):
        merge_predictions(**run)


def test_a_baseline_of_other_folds_is_refused(run):
    run["baselines"]["fold"] = run["baselines"]["fold"].map({1: 2, 2: 3, 3: 1})
    with pytest.raises(TableError, match=r"predictions of coarse none: fold 2 tests a; expected station b"):
        merge_predictions(**run)


def test_a_network_without_one_of_the_stations_is_refused(run):
    run["models"] = [rows[rows["station"] != "c"] for rows in run["models"]]
    with pytest.raises(TableError, match="no prediction for station c"):
        merge_predictions(**run)


def test_a_baseline_may_be_silent_on_a_station(run, caplog):
    run["baselines"] = run["baselines"][run["baselines"]["station"] != "c"]
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
