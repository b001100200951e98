"""The range of the training data is the box of all rows that some member learned from, and of no others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from series import series_of_columns

from loam.covariates.features import feature_set
from loam.errors import TableError
from loam.samples.windows import Windows
from loam.training.card import load_members
from loam.training.folds import draw_folds
from loam.training.ranges import range_of_rows, read_range
from loam.training.scenarios import fine_tune, train_source, train_target
from loam.training.train_networks import write_result

LAYERS = ["surface", "subsurface"]
CLASSES = feature_set({
    "static": ["clay"], "daily": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [{"name": "landcover", "values": ["PAST", "FORE"]}, {"name": "soil", "values": ["sand"]}],
})  # fmt: skip


def windows_of(samples, features, layers=LAYERS):
    return Windows(series_of_columns(samples, features, layers), features, layers, "target")


def windows_of_rows(*rows):
    """Rows of ``CLASSES``, each a station of its own."""
    samples = pd.DataFrame(rows, columns=CLASSES.columns)
    place = {"date": pd.Timestamp("2020-01-01"), "latitude": 0.0, "longitude": 0.0, "surface": 0.2}
    return windows_of(samples.assign(station=[f"s{number}" for number in samples.index], **place), CLASSES, ["surface"])


def test_the_box_holds_the_rows_of_all_members_and_no_row_that_none_has(target, features):
    row = target.index[target["station"] == "near1"][20]
    later = target[target["station"] == "near1"].index.max() + 1
    for lag in range(4):  # the day before the row's: rows of the three days after it read it too
        target.loc[target["date"].eq(target["date"][row] + pd.Timedelta(days=lag)) & target["station"].eq("near1"),
                   f"coarse_{lag}"] = 99.0  # fmt: skip
    inputs = target[features.columns].to_numpy()
    training = [np.arange(10), np.arange(5, row), np.arange(later, later + 4)]
    learned = np.unique(np.concatenate(training))
    box = range_of_rows(windows_of(target, features), training)
    assert np.array_equal(box.minimum, inputs[learned].min(axis=0))
    assert np.array_equal(box.maximum, inputs[learned].max(axis=0))
    assert box.maximum.max() < 99 == range_of_rows(windows_of(target, features), [np.array([row])]).maximum.max()


def test_classes_have_the_range_of_their_total():
    rows = np.array([[10, 1, 0, 0], [20, 0, 1, 1], [30, 1, 0, 1.0]])
    box = range_of_rows(windows_of_rows(*rows), [np.arange(3)])
    assert box.classes == {"landcover": (1, 1), "soil": (0, 1)}
    none = range_of_rows(windows_of_rows(*rows * [1, 0, 1, 1]), [np.arange(3)])
    assert none.classes == {"landcover": (0, 1), "soil": (0, 1)}


def test_a_union_holds_both():
    low, high = (range_of_rows(windows_of_rows(row), [np.array([0])]) for row in ([1, 1, 0, 0.0], [5, 0, 0, 1.0]))
    both = low.union(high)
    assert (both.minimum.tolist(), both.maximum.tolist()) == ([1, 0, 0, 0], [5, 1, 0, 1])
    assert both.classes == {"landcover": (0, 1), "soil": (0, 1)}


def test_a_box_comes_back_from_a_card_as_it_was(target, features):
    target[features.columns] /= 3
    box = range_of_rows(windows_of(target, features), [np.arange(20)])
    assert np.array_equal(box.minimum, target[features.columns][:20].min())
    again = read_range(json.loads(json.dumps({"range": box.described()})))
    assert np.array_equal(again.minimum, box.minimum)
    assert np.array_equal(again.maximum, box.maximum)
    assert again.classes == box.classes


def test_a_card_without_a_range_asks_for_training():
    with pytest.raises(TableError, match="card of lstm transfer: tells no range.*rerun its training"):
        read_range({"model": "lstm", "scenario": "transfer"})


@pytest.fixture
def boxes(source, target, make_plan, by_stations, series_of, tmp_path):
    """The box in the card of each scenario, where station far0 and near0 have extreme values of their own."""
    found = train_source(make_plan("mlp", epochs=1), series_of(source), by_stations)
    validates = found.card["members"][0]["days"]["validation"]
    for station, value in zip(validates, (1000.0,), strict=True):
        source.loc[source["station"] == station, "clay"] = value
    trains = next(name for name in source["station"].unique() if name not in validates)
    source.loc[source["station"] == trains, ["rain_0", "rain_1"]] = -500.0
    target.loc[target["station"] == "near0", "clay"] = 70.0
    plan, folds = make_plan("mlp", epochs=1), draw_folds(target, LAYERS, 3)
    far, near = series_of(source), series_of(target)
    pretrained = train_source(plan, far, by_stations)
    write_result(pretrained, *(tmp_path / name for name in ("w.safetensors", "card.json", "h.csv")))
    members = load_members(tmp_path / "w.safetensors", tmp_path / "card.json")
    results = {
        "source": pretrained,
        "target": train_target(plan, near, folds, "source", far, by_stations),
        "transfer": fine_tune(plan, near, folds, "source", members),
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


def test_fine_tuning_a_network_of_unknown_range_asks_for_training(
    source, target, make_plan, by_stations, series_of, tmp_path
):
    plan = make_plan("mlp", epochs=1)
    paths = [tmp_path / name for name in ("w.safetensors", "card.json", "h.csv")]
    write_result(train_source(plan, series_of(source), by_stations), *paths)
    card = json.loads(paths[1].read_text())
    del card["range"]
    paths[1].write_text(json.dumps(card))
    with pytest.raises(TableError, match="card of mlp source: tells no range"):
        fine_tune(plan, series_of(target), draw_folds(target, LAYERS, 3), "source", load_members(*paths[:2]))
