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


def test_the_stations_are_dealt_into_parts_of_even_size(make_samples, draw):
    folds, _ = draw(make_samples(dict.fromkeys("abcdefg", 5)), "k_fold", folds=3)
    tested = stations_of(folds, "test")
    assert sorted(len(names) for names in tested.values()) == [2, 2, 3]
    assert sorted(sum(tested.values(), [])) == list("abcdefg")
    assert all(len(names) == 1 for names in stations_of(folds, "validation").values())


def test_more_parts_than_stations_are_refused(make_samples, draw):
    with pytest.raises(TableError, match="4 station.*at least 5"):
        draw(make_samples(dict.fromkeys("abcd", 5)), "k_fold", folds=5)


def test_so_many_stations_train_and_a_greater_size_has_those_of_a_smaller_one(make_samples, draw):
    folds, _ = draw(make_samples(dict.fromkeys("abcdefgh", 5)), "few_shot", sizes=[4, 1, 2], draws=3)
    key = folds[["fold", "size", "draw"]].drop_duplicates()
    assert key[["size", "draw"]].values.tolist() == [[size, draw] for draw in (1, 2, 3) for size in (1, 2, 4)]
    for _, same in key.groupby("draw"):
        training = [set(stations_of(folds, "training")[fold]) for fold in same["fold"]]
        assert [len(names) for names in training] == [1, 2, 4] and training[0] < training[1] < training[2]
        tested = {tuple(stations_of(folds, "test")[fold]) for fold in same["fold"]}
        assert len(tested) == 1 and len(tested.pop()) == 8 - 1 - 4, "every size is tested on the same stations"
    assert len({tuple(stations_of(folds, "training")[fold]) for fold in key["fold"][key["size"] == 4]}) > 1


def test_a_station_that_lacks_a_layer_is_tested_and_never_learned_from(make_samples, draw):
    samples = make_samples(dict.fromkeys("abcdef", 5))
    samples.loc[samples["station"] == "c", "subsurface"] = np.nan
    for seed in range(5):
        folds, _ = draw(samples, "few_shot", seed=seed, sizes=[1, 3], draws=2)
        assert all("c" in names for names in stations_of(folds, "test").values())


def test_fewer_stations_than_the_greatest_size_needs_are_refused(make_samples, draw):
    with pytest.raises(TableError, match="4 of 4 stations.*expected 5 to validate and train, and one more"):
        draw(make_samples(dict.fromkeys("abcd", 5)), "few_shot", sizes=[4], draws=1)


def test_members_of_the_map_train_on_all_stations_but_one_that_validates_and_test_none(target):
    folds = check_table(draw_folds(target, LAYERS, 3, "all", {"folds": 7}), FOLDS, where="folds")
    validating, training = (stations_of(folds, role) for role in ("validation", "training"))
    assert set(folds["role"]) == {"validation", "training"} and list(validating) == [1, 2, 3, 4, 5, 6, 7]
    assert all({*validating[fold], *training[fold]} == set(target["station"]) for fold in validating)
    assert len({validating[fold][0] for fold in range(1, 6)}) == 5, "another one in each fold while there are others"


def test_members_of_the_map_need_a_station_that_can_validate():
    with pytest.raises(TableError, match="0 of 2 stations have two or more values in every layer"):
        draw_folds(samples_of({"a": (5, 1), "b": (1, 5)}), LAYERS, 3, "all", {"folds": 8})
