"""Training and validation rows are what dates, stations or folds say, and have all layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from held_out import folds_of, stations_of

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
    tested, validates = (sum(stations_of(folds, role).values(), []) for role in ("test", "validation"))
    for test, validation, split in zip(tested, validates, split_folds(target, LAYERS, folds), strict=True):
        assert set(target["station"].iloc[split.validation]) == {validation}
        trains = set(target["station"].iloc[split.training])
        assert trains == set(target["station"]) - {test, validation}
        assert split.test.tolist() == np.flatnonzero(target["station"] == test).tolist()
        assert len(split.training) + len(split.validation) == len(target) - len(split.test)


def test_a_fold_parts_the_days_of_one_station_as_its_spans_say(target):
    folds = folds_of({"near0": "near1"}, "2020-01-01", "2020-12-31")
    target = target[target["station"].isin(["near0", "near1"])].reset_index(drop=True)
    early = folds["station"] == "near0"
    parts = [folds[early].assign(role="training", last_day=pd.Timestamp("2020-01-10")),
             folds[early].assign(first_day=pd.Timestamp("2020-01-11"), last_day=pd.Timestamp("2020-01-20")),
             folds[early].assign(role="unused", first_day=pd.Timestamp("2020-01-21")), folds[~early]]  # fmt: skip
    (split,) = split_folds(target, LAYERS, pd.concat(parts))
    own = target["station"] == "near0"
    assert split.training.tolist() == np.flatnonzero(own & (target["date"] <= "2020-01-10")).tolist()
    assert split.test.tolist() == np.flatnonzero(own & target["date"].between("2020-01-11", "2020-01-20")).tolist()
    assert len(split.validation) == (~own).sum()


def test_a_fold_that_validates_on_its_test_station_leaks(target):
    folds = draw_folds(target, LAYERS, 0)
    both = folds[(folds["fold"] == 3) & (folds["role"] == "test")].assign(role="validation")
    folds = pd.concat([folds, both])
    with pytest.raises(LeakageError, match="fold 3.*near2 is both"):
        split_folds(target, LAYERS, folds)


@pytest.mark.parametrize("role", ["test", "validation"])
def test_folds_of_other_samples_are_refused(target, role):
    folds = draw_folds(target, LAYERS, 0)
    folds.loc[(folds["fold"] == 1) & (folds["role"] == role), "station"] = "elsewhere"
    with pytest.raises(TableError, match="elsewhere"):
        split_folds(target, LAYERS, folds)


def test_training_rows_without_a_layer_are_refused(target):
    folds = folds_of({f"near{k}": "near0" if k else "near1" for k in range(5)})
    target.loc[~target["station"].isin(["near0", "near1"]), "surface"] = np.nan
    with pytest.raises(TableError, match="fold 1.*near0|'surface' in the training rows"):
        split_folds(target, LAYERS, folds)


def test_a_day_that_the_folds_do_not_know_is_named(target):
    folds = draw_folds(target, LAYERS, 0)
    later = target.iloc[[-1]].assign(date=target["date"].max() + pd.Timedelta(days=1))
    with pytest.raises(TableError, match=f"station near4 has no role on {later['date'].iloc[0]:%Y-%m-%d}"):
        split_folds(pd.concat([target, later], ignore_index=True), LAYERS, folds)
