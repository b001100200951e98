"""Training and validation rows are what dates, stations or folds say, and have all layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import ConfigError, LeakageError, TableError
from loam.training.folds import draw_folds
from loam.training.split import split_folds, split_source

LAYERS = ["surface", "subsurface"]


def by_dates(training, validation):
    return {"by": "dates", "training_dates": training, "validation_dates": validation}


def test_dates_are_included_at_both_ends_and_what_lies_between_is_not_used(source):
    split = split_source(source, LAYERS, by_dates(["2020-01-03", "2020-01-12"], ["2020-01-15", "2020-01-20"]), 0)
    for rows, first, last in (
        (split.training, "2020-01-03", "2020-01-12"),
        (split.validation, "2020-01-15", "2020-01-20"),
    ):
        dates = source["date"].iloc[rows]
        assert (f"{dates.min():%Y-%m-%d}", f"{dates.max():%Y-%m-%d}") == (first, last)
        assert len(rows) == source["date"].between(first, last).sum()


@pytest.mark.parametrize(("share", "stations"), [(0.01, 1), (0.25, 1), (0.5, 2), (0.99, 3)])
def test_a_share_of_the_stations_validates_at_least_one_never_all(source, share, stations):
    split = split_source(source, LAYERS, {"by": "stations", "station_share": share}, 0)
    training, validation = (set(source["station"].iloc[rows]) for rows in (split.training, split.validation))
    assert len(validation) == stations
    assert not training & validation
    assert len(split.training) + len(split.validation) == len(source)


def test_the_seed_draws_the_stations(source):
    validation = {"by": "stations", "station_share": 0.25}
    drawn = [source["station"].iloc[split_source(source, LAYERS, validation, seed).validation[0]] for seed in range(12)]
    assert drawn[0] == source["station"].iloc[split_source(source, LAYERS, validation, 0).validation[0]]
    assert len(set(drawn)) > 1


def test_dates_without_rows_are_named_with_the_dates_that_there_are(source):
    with pytest.raises(ConfigError, match="validation_dates.*0 observed.*from 2020-01-01 to"):
        split_source(source, LAYERS, by_dates(["2020-01-01", "2020-01-20"], ["2031-01-01", "2031-12-31"]), 0)


def test_a_part_that_lacks_a_layer_is_named(source):
    source.loc[source["date"] < "2020-01-10", "subsurface"] = np.nan
    with pytest.raises(ConfigError, match="layer 'subsurface'.*training rows"):
        split_source(source, LAYERS, by_dates(["2020-01-01", "2020-01-09"], ["2020-01-10", "2020-01-20"]), 0)


def test_one_station_cannot_be_split_by_stations(source):
    with pytest.raises(ConfigError, match="station_share"):
        split_source(source[source["station"] == "far0"], LAYERS, {"by": "stations", "station_share": 0.5}, 0)


def test_a_fold_leaves_its_test_station_out(target):
    folds = draw_folds(target, LAYERS, 0)
    for fold, split in zip(folds.itertuples(), split_folds(target, LAYERS, folds), strict=True):
        assert set(target["station"].iloc[split.validation]) == {fold.validation_station}
        trains = set(target["station"].iloc[split.training])
        assert trains == set(target["station"]) - {fold.test_station, fold.validation_station}
        held_out = (target["station"] == fold.test_station).sum()
        assert len(split.training) + len(split.validation) == len(target) - held_out


def test_a_fold_that_validates_on_its_test_station_leaks(target):
    folds = draw_folds(target, LAYERS, 0)
    folds.loc[2, "validation_station"] = folds.loc[2, "test_station"]
    with pytest.raises(LeakageError, match="fold 3"):
        split_folds(target, LAYERS, folds)


@pytest.mark.parametrize("column", ["test_station", "validation_station"])
def test_folds_of_other_samples_are_refused(target, column):
    folds = draw_folds(target, LAYERS, 0)
    folds.loc[0, column] = "elsewhere"
    with pytest.raises(TableError, match="elsewhere"):
        split_folds(target, LAYERS, folds)


def test_training_rows_without_a_layer_are_refused(target):
    folds = pd.DataFrame({
        "fold": [1, 2, 3, 4, 5], "test_station": [f"near{k}" for k in range(5)],
        "validation_station": ["near1", "near0", "near0", "near0", "near0"],
    })  # fmt: skip
    target.loc[~target["station"].isin(["near0", "near1"]), "surface"] = np.nan
    with pytest.raises(TableError, match="fold 1.*near0|'surface' in the training rows"):
        split_folds(target, LAYERS, folds)
