"""What scores owe to features that tell stations apart: planted, found; and bounded, whatever the run."""

import re

import audit_leakage
import numpy as np
import pandas as pd
import pytest
from held_out import folds_of

from loam.evaluation.audit import NOTE, WARNING
from loam.io.schemas import AUDIT, FOLDS, MERGED
from loam.io.tables import read_table, write_table
from loam.rivals import features_left_out
from loam.rivals.features_left_out import check_scores_without, suspects

NAMES = [f"s{number}" for number in range(8)]
FOLDS_OF_8 = folds_of(dict(zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True)))
FEW_TREES = features_left_out.QUICK | {"max_iter": 15, "learning_rate": 0.4}
PAIR = r"median RMSE (0\.\d+), (0\.\d+) with them"


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(features_left_out, "QUICK", FEW_TREES)


@pytest.fixture
def target():
    """Levels that fall to the north, which a feature tells, and rain."""
    generator, parts = np.random.default_rng(2), []
    for place, name in enumerate(NAMES):
        rain, south = generator.uniform(0, 1, 60), place // 2
        parts.append(
            pd.DataFrame({"station": name, "date": pd.date_range("2021-01-01", periods=60), "latitude": -35.0 - south,
                          "longitude": 147.0 + 0.1 * place, "lat": -35.0 - south, "clay": 20.0 + 5 * place % 8,
                          "rain_0": rain, "surface": 0.1 + 0.1 * south + 0.05 * rain})
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def check(target, left_out, columns=("lat", "rain_0"), layers=("surface",)):
    return [*check_scores_without(target, FOLDS_OF_8, columns, left_out, layers, draws=200, seed=1)]


def test_scores_with_and_without_a_feature_that_tells_the_place(target):
    (found,) = check(target, {WARNING: ["lat"]})
    without, with_it = map(float, re.search(PAIR, found.detail).groups())
    assert found.result == WARNING and found.detail.startswith("boosted trees without lat, surface: ")
    assert with_it < 0.02 < 0.08 < without
    assert "(8 stations, difference +0." in found.detail
    assert found.detail.endswith("480 of 480 rows in 8 folds of leave_one_station_out)")


def test_a_feature_that_is_worth_nothing_leaves_the_score(target):
    (found,) = check(target.assign(id=target["lat"] * 0), {NOTE: ["id"]}, ["lat", "rain_0", "id"])
    without, with_it = map(float, re.search(PAIR, found.detail).groups())
    assert without == with_it and found.result == NOTE


def test_each_layer_has_a_finding_and_a_layer_that_is_nowhere_none(target):
    target = target.assign(deep=target["surface"] / 2, nowhere=np.nan)
    found = check(target, {WARNING: ["lat"]}, layers=["surface", "deep", "nowhere"])
    assert [re.search(r"without lat, (\w+):", one.detail)[1] for one in found] == ["surface", "deep"]


def test_rows_and_folds_are_bounded_and_drawn_by_the_seed(target, monkeypatch):
    monkeypatch.setattr(features_left_out, "ROWS", 100)
    monkeypatch.setattr(features_left_out, "FOLDS", 3)
    (one,), (again,) = check(target, {WARNING: ["lat"]}), check(target, {WARNING: ["lat"]})
    assert one == again and one.detail.endswith("100 of 480 rows in 3 folds of leave_one_station_out)")
    assert "(3 stations" in one.detail


def test_nothing_is_fitted_where_nothing_is_to_be_left_out_and_nothing_left_is_said(target, monkeypatch):
    (found,) = check(target, {WARNING: ["lat", "rain_0"]})
    assert found.detail == "boosted trees without lat, rain_0: no feature is left, so that no score is"
    monkeypatch.setattr(features_left_out, "regression", None)
    assert check(target, {WARNING: [], NOTE: []}) == []


def test_what_has_one_value_a_station_is_left_out_with_what_names_the_place():
    assert suspects(["lat"], ["lat", "clay"]) == {WARNING: ["lat"], NOTE: ["lat", "clay"]}
    assert suspects(["lat"], []) == suspects(["lat"], ["lat"]) == {WARNING: ["lat"], NOTE: []}


def test_the_script_warns_with_both_scores(target, tmp_path, caplog):
    predictions = target[["station", "date"]].assign(
        protocol="leave_one_station_out", size=0, draw=1, model="mlp", scenario="target", rows="all", domain="target",
        layer="surface", observed=target["surface"], predicted=0.2, fold=target["station"].str[1:].astype(int) + 1
    ).reindex(columns=[*MERGED.columns])  # fmt: skip
    paths = {name: tmp_path / f"{name}.parquet" for name in ("target", "predictions")}
    paths |= {"folds": tmp_path / "folds.csv", "audit": tmp_path / "audit.csv", "source": [], "cards": []}
    write_table(target, paths["target"])
    write_table(predictions, paths["predictions"], MERGED)
    write_table(FOLDS_OF_8, paths["folds"], FOLDS)
    features = {"static": ["lat", "clay"], "daily": [{"name": "rain", "lags": [0, 0]}], "classes": [],
                "sequence": {"variables": [], "lags": [0, 0]}, "day_of_year": False}  # fmt: skip
    audit_leakage.stage(
        paths,
        {"layers": [{"name": "surface"}], "features": features, "evaluation": {"bootstrap": 100}, "seed": 1,
         "threads": 1},
    )  # fmt: skip
    table = read_table(paths["audit"], AUDIT)
    own = table[table["check"] == "features left out"]
    assert own["result"].tolist() == [WARNING, NOTE]
    assert "without lat, surface" in own["detail"].iloc[0] and "without lat, clay, surface" in own["detail"].iloc[1]
    assert "leakage audit, features left out: boosted trees without lat, surface: median RMSE 0." in caplog.text
    assert "leakage audit, features: feature 'lat' names the place of a station" in caplog.text
