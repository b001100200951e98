"""A level that is a weighted mean of several systems', with weights from stations that were held out."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.evaluation.level_stack import stack_level, stack_weights
from loam.io.schemas import LEVEL_WEIGHTS, PREDICTIONS
from loam.training.folds import draw_folds

STATIONS = [f"s{number:02}" for number in range(9)]
DAYS = pd.date_range("2021-01-01", periods=4)
MOVES = np.array([-0.03, -0.01, 0.01, 0.03])


def samples():
    rows = [
        {"station": name, "date": day, "latitude": -35.0, "longitude": 146.0 + place / 10, "surface": 0.2}
        for place, name in enumerate(STATIONS)
        for day in DAYS
    ]
    return pd.DataFrame(rows)


def predictions(protocol, folds, model, level_of, scenario="both", days=DAYS):
    """What a model says at every tested station: its level of the station, and dynamics that all share."""
    parts = []
    for fold in folds[folds["role"] == "test"].itertuples():
        part = pd.DataFrame({"date": days, "predicted": level_of(fold.station) + MOVES[: len(days)]})
        parts.append(part.assign(fold=fold.fold, draw=fold.draw, station=fold.station,
                                 observed=truth(fold.station) + MOVES[: len(days)]))  # fmt: skip
    unknown = dict.fromkeys(["output", "lower", "upper"], np.nan)
    table = pd.concat(parts, ignore_index=True).assign(
        protocol=protocol, size=0, model=model, scenario=scenario, rows="all", domain="target", layer="surface",
        spread=0.01, **unknown,
    )  # fmt: skip
    return PREDICTIONS.validate(table[list(PREDICTIONS.columns)])


def truth(station):
    return 0.1 + 0.02 * STATIONS.index(station)


def off(station):
    """A network's error of a level, which has nothing to do with the level."""
    return 0.1 * (1 if STATIONS.index(station) % 3 else -1)


@cache
def drawn():
    rows = samples()
    settings = {"leave_one_station_out": {}, "nested": {"folds": 3}}
    return {name: draw_folds(rows, ["surface"], 1, name, settings[name]) for name in settings}


@pytest.fixture
def folds():
    return drawn()


@cache
def systems(protocol, good="trees"):
    right, wrong = truth, lambda name: truth(name) + off(name)
    levels = {"mlp": wrong if good == "trees" else right, "trees": right if good == "trees" else wrong}
    made = {name: predictions(protocol, drawn()[protocol], name, level) for name, level in levels.items()}
    return made["mlp"], made["trees"]


def stack(folds, good="trees", nested_good=None):
    network, rival = systems("leave_one_station_out", good)
    inner = systems("nested", nested_good or good)
    return stack_level(network, rival, *inner, folds["nested"], of=["trees"])


def test_every_station_is_left_out_of_a_draw_and_the_others_are_tested_once_in_it(folds):
    nested = folds["nested"]
    assert nested["draw"].nunique() == len(STATIONS) and nested["fold"].nunique() == 3 * len(STATIONS)
    for draw, part in nested.groupby("draw"):
        out = STATIONS[draw - 1]
        assert set(part.loc[part["station"] == out, "role"]) == {"unused"}
        tested = part[part["role"] == "test"]["station"]
        assert sorted(tested) == [name for name in STATIONS if name != out]


@pytest.mark.parametrize("good", ["trees", "mlp"])
def test_the_level_is_taken_from_the_system_that_tells_it_best_elsewhere(folds, good):
    made, weights = stack(folds, good)
    error = (made["predicted"] - made["observed"]).abs()
    assert error.max() < 0.01 and (made["model"] == "mlp_stacked").all()  # the other is off by 0.1
    assert LEVEL_WEIGHTS.validate(weights).groupby("system")["weight"].mean()[good] > 0.95


def test_the_dynamics_stay_the_network_s(folds):
    made, _ = stack(folds)
    about = made["predicted"] - made.groupby("station")["predicted"].transform("mean")
    assert about.to_numpy() == pytest.approx(np.tile(MOVES, len(STATIONS)))


def test_the_held_out_station_says_nothing_of_its_weights(folds):
    network, rival = systems("leave_one_station_out")
    inner = systems("nested")
    planted = network.assign(observed=network["observed"].where(network["station"] != "s03", 0.99))
    first, weights = stack_level(network, rival, *inner, folds["nested"], of=["trees"])
    second, same = stack_level(planted, rival, *inner, folds["nested"], of=["trees"])
    assert weights.equals(same) and first["predicted"].equals(second["predicted"])
    nested_network = inner[0]
    draw = 1 + STATIONS.index("s03")
    others = nested_network["draw"] != draw  # draws in which s03 is a station like the others
    changed = nested_network.assign(
        observed=nested_network["observed"].where(~others | (nested_network["station"] != "s03"), 0.9)
    )
    _, moved = stack_level(network, rival, changed, inner[1], folds["nested"], of=["trees"])
    at = weights["station"] == "s03"
    assert weights[at].equals(moved[at]) and not weights[~at].equals(moved[~at])


def test_a_rival_that_is_silent_on_some_days_is_compared_on_the_others(folds):
    network, rival = systems("leave_one_station_out")
    inner = systems("nested")
    dry = rival[rival["date"] < DAYS[2]]  # the dry half
    made, _ = stack_level(network, dry, *inner, folds["nested"], of=["trees"])
    assert len(made) == len(network)
    assert (made["predicted"] - made["observed"]).abs().max() < 0.01


def test_a_station_in_no_draw_and_too_few_others_are_refused(folds):
    network, rival = systems("leave_one_station_out")
    inner = systems("nested")
    few = folds["nested"][folds["nested"]["draw"] != 2]
    with pytest.raises(TableError, match="no draw leaves it out"):
        stack_level(network, rival, *inner, few, of=["trees"])
    with pytest.raises(TableError, match="2 other stations have a level by mlp, trees"):
        kept = inner[0]["station"].isin(["s04", "s05", "s06"])
        stack_level(network, rival, inner[0][kept], inner[1], folds["nested"], of=["trees"])
    with pytest.raises(TableError, match="ridge predicts nothing"):
        stack_level(network, rival, *inner, folds["nested"], of=["ridge"])


def test_weights_are_a_mean_of_what_is_alike_and_are_not_below_0():
    generator = np.random.default_rng(0)
    levels = generator.normal(0.25, 0.05, (10, 1)) + np.zeros((10, 3))
    assert stack_weights(levels, levels[:, 0]).tolist() == pytest.approx([1 / 3] * 3, abs=1e-4)
    spread = generator.normal(0.25, 0.05, (200, 3))
    assert stack_weights(spread, spread @ [0.7, 0.3, 0]).tolist() == pytest.approx([0.7, 0.3, 0], abs=0.02)
    against = stack_weights(spread, 0.25 - (spread[:, 0] - 0.25))
    assert against.min() >= 0 and against.sum() == pytest.approx(1) and against[0] == 0


def test_weights_from_few_stations_stay_near_the_equal_ones():
    generator = np.random.default_rng(1)
    levels = 0.25 + generator.normal(0, 0.01, (4, 2))
    observed = generator.normal(0.25, 0.05, 4)
    assert stack_weights(levels, observed).tolist() == pytest.approx([0.5, 0.5], abs=0.1)
