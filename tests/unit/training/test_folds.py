"""Every station is held out once; the station that stops its training is another one, drawn by the seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.io.schemas import FOLDS
from loam.io.tables import check_table
from loam.training.folds import draw_folds

LAYERS = ["surface", "subsurface"]


def samples_of(counts):
    """Samples with so many values of (surface, subsurface) at each station."""
    parts = []
    for station, (surface, subsurface) in counts.items():
        rows = max(surface, subsurface)
        parts.append(
            pd.DataFrame(
                {
                    "station": station,
                    "surface": np.where(np.arange(rows) < surface, 0.2, np.nan),
                    "subsurface": np.where(np.arange(rows) < subsurface, 0.3, np.nan),
                }
            )
        )
    return pd.concat(parts)


def test_each_station_tests_once_and_another_validates(target):
    folds = check_table(draw_folds(target, LAYERS, 3), FOLDS, where="folds")
    assert folds["test_station"].tolist() == sorted(target["station"].unique())
    assert folds["fold"].tolist() == [1, 2, 3, 4, 5]
    assert (folds["test_station"] != folds["validation_station"]).all()


def test_the_seed_draws_the_validation_stations(target):
    draws = [draw_folds(target, LAYERS, seed)["validation_station"].tolist() for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) > 1
    assert len(set(sum(draws, []))) == 5, "over several seeds every station validates"


def test_order_of_the_rows_does_not_matter(target):
    shuffled = target.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(draw_folds(target, LAYERS, 1), draw_folds(shuffled, LAYERS, 1))


def test_a_station_with_one_layer_is_tested_but_never_validates():
    samples = samples_of({"a": (5, 5), "b": (5, 5), "c": (5, 0), "d": (5, 1)})
    for seed in range(20):
        folds = draw_folds(samples, LAYERS, seed)
        assert folds["test_station"].tolist() == ["a", "b", "c", "d"]
        assert set(folds["validation_station"]) <= {"a", "b"}


def test_two_stations_are_too_few():
    with pytest.raises(TableError, match="2 station.*at least 3"):
        draw_folds(samples_of({"a": (5, 5), "b": (5, 5)}), LAYERS, 0)


def test_a_fold_that_no_station_can_validate_is_named():
    with pytest.raises(TableError, match="fold of station a.*surface, subsurface"):
        draw_folds(samples_of({"a": (5, 5), "b": (5, 0), "c": (0, 5)}), LAYERS, 0)
