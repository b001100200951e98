"""Residuals of the other probes of the day, carried to places without a probe."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.evaluation.condition import Conditioner, DayErrors, Residuals, condition, fit_day_errors
from loam.io.schemas import PREDICTIONS
from loam.training.folds import draw_folds

STATIONS = [f"s{number:02}" for number in range(6)]
DAYS = pd.date_range("2021-01-01", periods=40)
PLACES = pd.DataFrame(
    {"latitude": -35.0, "longitude": 146.0 + np.arange(len(STATIONS)) / 5}, index=pd.Index(STATIONS, name="station")
)


def field(stations=12, days=4000, common=1.0, near=2.0, reach=30.0, alone=0.5):
    """Errors of days with a known covariance [station, day], and km between stations."""
    generator = np.random.default_rng(3)
    along = generator.uniform(0, 200, stations)
    away = np.abs(along[:, None] - along)
    covariance = common + near * np.exp(-away / reach) + alone * np.eye(stations)
    values = np.linalg.cholesky(covariance) @ generator.normal(size=(stations, days))
    return values, away


def test_the_covariance_of_a_known_field_is_found():
    values, away = field()
    found = fit_day_errors(values, away)
    assert found.common + found.near == pytest.approx(3.0, rel=0.15)
    assert found.common + found.near + found.alone == pytest.approx(3.5, rel=0.05)
    assert 15 < found.range_km < 60


def test_errors_that_no_station_shares_move_nothing_and_ones_that_all_share_move_everything():
    generator = np.random.default_rng(4)
    alone = fit_day_errors(generator.normal(size=(10, 4000)), field(10)[1])
    weights, left = alone.weights(np.ones((9, 9)), np.ones((1, 9)))
    assert np.abs(weights).sum() < 0.15 and left[0] == pytest.approx(1.0, abs=0.1)
    shared = fit_day_errors(np.tile(generator.normal(size=4000), (10, 1)), field(10)[1])
    weights, left = shared.weights(np.ones((9, 9)), np.ones((1, 9)))
    assert weights.sum() == pytest.approx(1, abs=0.02) and left[0] < 0.1


def test_weights_are_those_of_simple_kriging_worked_by_hand():
    errors = DayErrors(common=1.0, near=0.0, range_km=1.0, alone=1.0)  # covariance 1, variance 2
    weights, left = errors.weights(np.zeros((2, 2)), np.zeros((1, 2)))
    assert weights[0].tolist() == pytest.approx([1 / 3, 1 / 3])  # [[2, 1], [1, 2]] w = [1, 1]
    assert left[0] == pytest.approx(2 - 2 / 3)


def test_too_few_stations_or_shared_days_tell_nothing():
    values, away = field(12, 100)
    assert fit_day_errors(values[:2], away[:2, :2]) is None
    apart = np.full((3, 60), np.nan)
    for station in range(3):
        apart[station, station * 20 : station * 20 + 20] = 0.1
    assert fit_day_errors(apart, away[:3, :3]) is None


@cache
def drawn():
    rows = PLACES.reset_index().merge(pd.DataFrame({"date": DAYS}), how="cross").assign(surface=0.2)
    return {name: draw_folds(rows, ["surface"], 1, name, settings)
            for name, settings in {"leave_one_station_out": {}, "nested": {"folds": 3}}.items()}  # fmt: skip


def predictions(protocol, missed=0.05):
    """Of a network that misses each day what all stations share of it."""
    folds = drawn()[protocol]
    wet = np.random.default_rng(5).normal(0, missed, len(DAYS))
    day = pd.DataFrame({"date": DAYS, "predicted": 0.25, "observed": 0.25 + wet})
    tested = folds[folds["role"] == "test"].itertuples()
    parts = [day.assign(fold=fold.fold, draw=fold.draw, station=fold.station) for fold in tested]
    unknown = dict.fromkeys(["output", "lower", "upper", "dissimilarity"], np.nan)
    table = pd.concat(parts, ignore_index=True).assign(
        protocol=protocol, size=0, model="mlp", scenario="both", rows="all", domain="target", layer="surface",
        spread=0.01, **unknown,
    )  # fmt: skip
    return PREDICTIONS.validate(table[list(PREDICTIONS.columns)])


def made(network=None, nested=None):
    network = predictions("leave_one_station_out") if network is None else network
    nested = predictions("nested") if nested is None else nested
    return condition(network, nested, drawn()["nested"], PLACES)


def test_what_all_stations_share_of_a_day_is_told_by_the_others():
    moved = made()
    before = (predictions("leave_one_station_out")["predicted"] - moved["observed"]).std()
    after = (moved["predicted"] - moved["observed"]).std()
    assert after < 0.2 * before and (moved["model"] == "mlp_conditioned").all()


def test_a_held_out_station_tells_nothing_on_any_day():
    network, nested = predictions("leave_one_station_out"), predictions("nested")
    draw = 1 + STATIONS.index("s04")
    planted = network.assign(observed=network["observed"].where(network["station"] != "s04", 0.99))
    elsewhere = (nested["station"] == "s04") & (nested["draw"] != draw)
    told = nested.assign(observed=nested["observed"].where(~elsewhere, 0.99))
    first, second = made(network, nested), made(planted, told)
    at = network["station"] == "s04"
    assert first.loc[at, "predicted"].equals(second.loc[at, "predicted"])
    assert not first.loc[~at, "predicted"].equals(second.loc[~at, "predicted"])


def test_a_day_when_no_other_probe_reports_stays_as_it_was(caplog):
    nested = predictions("nested")
    caplog.set_level("INFO")
    moved = made(nested=nested[nested["date"] != DAYS[7]])
    on = moved["date"] == DAYS[7]
    level = moved[~on].groupby("station")["predicted"].mean().to_numpy()  # the days about it cancel out
    assert moved.loc[on, "predicted"].to_numpy() == pytest.approx(level, abs=1e-3)
    assert moved[~on].groupby("station")["predicted"].std().min() > 0.02
    assert f"{len(STATIONS)} of {len(moved)} rows hear of no other probe" in caplog.text


def test_a_station_that_no_draw_leaves_out_is_refused():
    with pytest.raises(TableError, match="no draw leaves it out"):
        condition(predictions("leave_one_station_out"), predictions("nested"),
                  drawn()["nested"][drawn()["nested"]["draw"] != 3], PLACES)  # fmt: skip


def test_places_far_from_every_probe_hear_of_what_is_common_alone():
    residuals = Residuals.of(predictions("leave_one_station_out"), PLACES)
    told = Conditioner(residuals)
    days = np.array([residuals.first + 3])
    near, _ = told.days_at(np.array([-35.0]), np.array([146.0]), days)
    far, left = told.days_at(np.array([-20.0]), np.array([120.0]), days)
    assert near[0, 0] == pytest.approx(far[0, 0], rel=0.1) and left[0, 0] >= 0  # all is common here
    before, rest = told.days_at(np.array([-35.0]), np.array([146.0]), days - 30000)
    assert before[0, 0] == 0 and rest[0, 0] == pytest.approx(np.nanvar(told.about), rel=0.1)
