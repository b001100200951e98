"""Held-out rows are held against what their fold's systems learned from, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from held_out import folds_of

from loam.errors import TableError
from loam.io.schemas import DISSIMILARITY
from loam.trust.held_out_rows import dissimilarity_of_folds

NAMES = {"columns": ["clay", "rain"], "layers": ["surface"], "seed": 3}
DAYS = pd.date_range("2021-01-01", periods=40)


def samples(clay, seed=1):
    generator = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({"station": name, "date": DAYS, "clay": own, "rain": generator.gamma(1, 3, 40)})
        for name, own in clay.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        surface=0.1 + 0.004 * table["clay"] + 0.002 * table["rain"] + generator.normal(0, 0.01, len(table))
    )


TARGET = {"a": 10, "b": 14, "c": 19, "d": 23, "e": 80}
FOLDS = folds_of({"a": "b", "b": "c", "c": "d", "d": "a", "e": "a"})


def means(table, column="dissimilarity"):
    return table.groupby(["learned", "rows", "station"])[column].mean()


def test_a_station_unlike_the_others_lies_outside_until_the_source_knows_its_like():
    source = samples({"s1": 12, "s2": 40, "s3": 60, "s4": 78, "s5": 95}, seed=2)
    table = DISSIMILARITY.validate(dissimilarity_of_folds(source, samples(TARGET), FOLDS, **NAMES, threads=2))
    index, inside = means(table), means(table, "inside_area")
    assert set(index.index.droplevel(2)) == {
        (own, rows) for own in ("source", "target", "both") for rows in ("training", "all")
    }
    assert index["target", "all", "e"] > 3 * index["target", "all"].drop("e").max()
    assert inside["target", "all", "e"] == 0 and inside["target", "all", "c"] > 0.8
    assert inside["both", "all", "e"] > 0.8 and index["both", "all", "e"] < 0.3 * index["target", "all", "e"]
    assert index["source", "all", "b"] == index["source", "training", "b"]


def test_the_held_out_station_has_no_part_in_its_own_index():
    table = dissimilarity_of_folds(None, samples(TARGET), FOLDS, **NAMES)
    moved = samples(TARGET)
    moved.loc[moved["station"] == "e", ["surface", "rain"]] = 0.9, 500.0
    other = dissimilarity_of_folds(None, moved, FOLDS, **NAMES)
    assert set(table["learned"]) == {"target"}
    assert means(other)["target", "all", "e"] > means(table)["target", "all", "e"], "its rain is its own"
    wetter = samples(TARGET)
    wetter.loc[wetter["station"] == "e", "surface"] = 0.9
    own = table["station"] == "e"
    pd.testing.assert_frame_equal(dissimilarity_of_folds(None, wetter, FOLDS, **NAMES)[own], table[own])


def test_the_validation_station_stands_for_itself_where_it_fits_too():
    target = samples({"a": 10, "b": 60, "c": 19, "d": 23, "e": 61})
    folds = folds_of({"e": "b", "a": "c", "d": "a"}).query("fold == 1")
    index = means(dissimilarity_of_folds(None, target, folds, **NAMES))
    assert index["target", "all", "e"] < 0.5 * index["target", "training", "e"], "b, which validates, is like e"


def test_training_rows_that_give_no_index_or_no_area_are_told(caplog):
    one = folds_of({"a": "b", "b": "c"}).query("fold == 1")  # c alone trains
    table = dissimilarity_of_folds(None, samples({"a": 10, "b": 14, "c": 19}), one, **NAMES)
    trained = table[table["rows"] == "training"]
    assert trained["dissimilarity"].notna().all() and trained["inside_area"].isna().all()
    same = samples({"a": 10, "b": 14, "c": 19}).assign(rain=1.0)
    table = dissimilarity_of_folds(None, same, one, **NAMES)
    assert table[table["rows"] == "training"]["dissimilarity"].isna().all()
    assert "fold 1 of leave_one_station_out, target, training rows: no dissimilarity index" in caplog.text


def test_folds_of_other_samples_are_refused():
    with pytest.raises(TableError, match="in the folds or in the samples only"):
        dissimilarity_of_folds(None, samples({"a": 10, "b": 14}), FOLDS, **NAMES)
