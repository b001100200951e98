"""The range of the training data is the box of all rows that some member learned from, and of no others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from loam.covariates.features import feature_set
from loam.errors import TableError
from loam.training.card import load_members
from loam.training.folds import draw_folds
from loam.training.ranges import range_of_rows, read_range
from loam.training.scenarios import fine_tune, train_source, train_target, write_result

LAYERS = ["surface", "subsurface"]
CLASSES = feature_set({
    "static": ["clay"], "daily": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [{"name": "landcover", "values": ["PAST", "FORE"]}, {"name": "soil", "values": ["sand"]}],
})  # fmt: skip


def test_the_box_holds_the_rows_of_all_members_and_no_row_that_none_has(target, features):
    inputs = target[features.columns].to_numpy()
    inputs[50] = 99.0
    box = range_of_rows(inputs, [np.arange(10), np.arange(5, 50)], features)
    assert np.array_equal(box.minimum, inputs[:50].min(axis=0))
    assert np.array_equal(box.maximum, inputs[:50].max(axis=0))


def test_classes_have_the_range_of_their_total():
    rows = np.array([[10, 1, 0, 0], [20, 0, 1, 1], [30, 1, 0, 1.0]])
    box = range_of_rows(rows, [np.arange(3)], CLASSES)
    assert box.classes == {"landcover": (1, 1), "soil": (0, 1)}
    none = range_of_rows(rows * [1, 0, 1, 1], [np.arange(3)], CLASSES)
    assert none.classes == {"landcover": (0, 1), "soil": (0, 1)}


def test_a_union_holds_both():
    low, high = (range_of_rows(np.array([row]), [np.array([0])], CLASSES) for row in ([1, 1, 0, 0.0], [5, 0, 0, 1.0]))
    both = low.union(high)
    assert (both.minimum.tolist(), both.maximum.tolist()) == ([1, 0, 0, 0], [5, 1, 0, 1])
    assert both.classes == {"landcover": (0, 1), "soil": (0, 1)}


def test_a_box_comes_back_from_a_card_as_it_was(target, features):
    box = range_of_rows(target[features.columns].to_numpy() / 3, [np.arange(20)], features)
    again = read_range(json.loads(json.dumps({"range": box.described()})))
    assert np.array_equal(again.minimum, box.minimum)
    assert np.array_equal(again.maximum, box.maximum)
    assert again.classes == box.classes


def test_a_card_without_a_range_asks_for_training():
    with pytest.raises(TableError, match="card of lstm transfer: tells no range.*rerun its training"):
        read_range({"model": "lstm", "scenario": "transfer"})


@pytest.fixture
def boxes(source, target, make_plan, by_stations, features, tmp_path):
    """The box in the card of each scenario, where station far0 and near0 have extreme values of their own."""
    validates = train_source(make_plan("mlp", epochs=1), source, by_stations).card["members"][0]["days"]["validation"]
    for station, value in zip(validates, (1000.0,), strict=True):
        source.loc[source["station"] == station, "clay"] = value
    trains = next(name for name in source["station"].unique() if name not in validates)
    source.loc[source["station"] == trains, "rain_0"] = -500.0
    target.loc[target["station"] == "near0", "clay"] = 70.0
    plan, folds = make_plan("mlp", epochs=1), draw_folds(target, LAYERS, 3)
    pretrained = train_source(plan, source, by_stations)
    write_result(pretrained, *(tmp_path / name for name in ("w.safetensors", "card.json", "h.csv")))
    members = load_members(tmp_path / "w.safetensors", tmp_path / "card.json")
    results = {
        "source": pretrained,
        "target": train_target(plan, target, folds, "source", source, by_stations),
        "transfer": fine_tune(plan, target, folds, "source", members),
    }
    return {name: read_range(result.card) for name, result in results.items()}


def test_each_scenario_s_box_is_of_what_it_learned_from(boxes, source, target, features):
    clay, rain = (features.columns.index(name) for name in ("clay", "rain_0"))
    assert boxes["source"].maximum[clay] < 10, "rows that only validate are not learned from"
    assert boxes["source"].minimum[rain] == -500
    assert boxes["target"].maximum[clay] == 70, "a station held out in one fold trains in others"
    assert boxes["target"].minimum[rain] == target["rain_0"].min(), "the scaler's rows are not learned from"
    assert boxes["transfer"].maximum[clay] == 70
    assert boxes["transfer"].minimum[rain] == -500
    for side in ("minimum", "maximum"):
        both = [getattr(boxes[name], side) for name in ("source", "target")]
        expected = np.minimum(*both) if side == "minimum" else np.maximum(*both)
        assert np.array_equal(getattr(boxes["transfer"], side), expected)


def test_fine_tuning_a_network_of_unknown_range_asks_for_training(source, target, make_plan, by_stations, tmp_path):
    plan = make_plan("mlp", epochs=1)
    paths = [tmp_path / name for name in ("w.safetensors", "card.json", "h.csv")]
    write_result(train_source(plan, source, by_stations), *paths)
    card = json.loads(paths[1].read_text())
    del card["range"]
    paths[1].write_text(json.dumps(card))
    with pytest.raises(TableError, match="card of mlp source: tells no range"):
        fine_tune(plan, target, draw_folds(target, LAYERS, 3), "source", load_members(*paths[:2]))
