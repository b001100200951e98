"""Every station is held out once; the station that stops its training is another one, drawn by the seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from held_out import stations_of

from loam.errors import TableError
from loam.io.schemas import FOLDS
from loam.io.tables import check_table
from loam.training.folds import draw_folds
from loam.training.seeds import derive_seed

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
                    "date": pd.date_range("2020-01-01", periods=rows),
                    "surface": np.where(np.arange(rows) < surface, 0.2, np.nan),
                    "subsurface": np.where(np.arange(rows) < subsurface, 0.3, np.nan),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def target():
    return samples_of({f"near{number}": (5 + number, 5) for number in range(5)})


def test_each_station_tests_once_and_another_validates(target):
    folds = check_table(draw_folds(target, LAYERS, 3), FOLDS, where="folds")
    tested, validating, training = (stations_of(folds, role) for role in ("test", "validation", "training"))
    assert tested == {fold: [f"near{fold - 1}"] for fold in (1, 2, 3, 4, 5)}
    assert all(len(validating[fold]) == 1 for fold in tested)
    assert all(len({*tested[fold], *validating[fold], *training[fold]}) == 5 for fold in tested)
    assert set(folds["role"]) == {"test", "validation", "training"}


def test_a_station_s_days_are_those_of_its_samples(target):
    folds = draw_folds(target, LAYERS, 3)
    days = folds.groupby("station")[["first_day", "last_day"]].agg(["min", "max"])
    for number in range(5):
        first, last = pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-05") + pd.Timedelta(days=number)
        assert days.loc[f"near{number}"].tolist() == [first, first, last, last]


def test_the_validation_stations_are_drawn_as_they_always_were():
    """By hand: the generator of seed 3's stream "folds" draws among the four others of each of five stations."""
    generator = np.random.default_rng(derive_seed(3, "folds"))
    names = [f"near{number}" for number in range(5)]
    expected = {}
    for fold, station in enumerate(names, start=1):
        others = [name for name in names if name != station]
        expected[fold] = [others[generator.integers(4)]]
    samples = samples_of({name: (5, 5) for name in names})
    assert stations_of(draw_folds(samples, LAYERS, 3), "validation") == expected


def test_the_seed_draws_the_validation_stations(target):
    drawn = [stations_of(draw_folds(target, LAYERS, seed), "validation") for seed in (1, 1, 2, 3, 4)]
    draws = [sum(stations.values(), []) for stations in drawn]
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
        assert sum(stations_of(folds, "test").values(), []) == ["a", "b", "c", "d"]
        assert set(sum(stations_of(folds, "validation").values(), [])) <= {"a", "b"}


def test_two_stations_are_too_few():
    with pytest.raises(TableError, match="2 station.*at least 3"):
        draw_folds(samples_of({"a": (5, 5), "b": (5, 5)}), LAYERS, 0)


def test_a_fold_that_no_station_can_validate_is_named():
    with pytest.raises(TableError, match="fold of station a.*surface, subsurface"):
        draw_folds(samples_of({"a": (5, 5), "b": (5, 0), "c": (0, 5)}), LAYERS, 0)
