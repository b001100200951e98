"""A few days fix a station's level as far as they are facts, and no farther."""

import logging

import numpy as np
import pandas as pd
import pytest

from loam.evaluation.adapt import adaptation
from loam.evaluation.level_model import LAGS, LevelModel, Record, fit_level_model
from loam.io.schemas import ADAPTATION

SETTINGS = {"days": [0, 1, 7, 30], "draws": 5}
PROTOCOL = "leave_one_station_out"


def autoregressive(generator, days, deviation, length):
    """Noise whose correlation falls to 1 / e in ``length`` days."""
    keep = np.exp(-1 / length)
    noise = generator.normal(0, deviation * np.sqrt(1 - keep**2), days + 500)
    value, found = 0.0, []
    for step in noise:
        value = keep * value + step
        found.append(value)
    return np.array(found[500:])


def predictions(stations=10, days=300, between=0.08, within=0.02, length=0.1, seed=1):
    generator = np.random.default_rng(seed)
    parts = []
    for place, level in enumerate(generator.normal(0, between, stations)):
        residual = level + autoregressive(generator, days, within, length)
        parts.append(
            pd.DataFrame({"protocol": PROTOCOL, "size": 0, "draw": 1, "model": "mlp", "scenario": "both",
                          "layer": "surface", "station": f"s{place:02}", "predicted": 0.4,
                          "date": pd.date_range("2021-01-01", periods=days), "observed": 0.4 + residual})
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def adapted(table, settings=SETTINGS):
    return ADAPTATION.validate(adaptation(table, settings, PROTOCOL, draws=200, seed=1)).set_index(["chosen", "days"])


def test_independent_days_shrink_the_mean_as_the_textbook_does():
    model = LevelModel(between=0.04, within=0.01, share=0.0, length=1.0)
    level, left = model.level(np.arange(4), np.array([0.1, 0.3, 0.2, 0.2]))
    assert level == pytest.approx(0.2 * 0.04 / (0.04 + 0.01 / 4))
    assert left == pytest.approx(0.04 * (1 - 0.04 / (0.04 + 0.01 / 4)))
    assert model.level(np.array([], int), np.array([])) == (0.0, 0.04)


def test_days_in_a_row_are_fewer_facts_than_days_apart():
    model = LevelModel(between=0.04, within=0.04, share=1.0, length=30.0)
    residuals = np.full(30, 0.2)
    row, row_left = model.level(np.arange(30), residuals)
    apart, apart_left = model.level(np.arange(30) * 100, residuals)
    one, one_left = model.level(np.arange(1), residuals[:1])
    assert one < row < apart < 0.2 and one_left > row_left > 5 * apart_left
    assert row_left > 0.5 * one_left  # thirty days in a row are about one and a half


def test_the_correlation_of_days_is_found_in_other_stations_residuals():
    generator = np.random.default_rng(1)
    records = [
        Record(np.arange(3000), np.zeros(3000), level + autoregressive(generator, 3000, 0.05, 16.0))
        for level in generator.normal(0, 0.1, 12)
    ]
    model = fit_level_model([own.residuals for own in records], np.array([own.correlations() for own in records]))
    assert model.length == 16 and model.share == pytest.approx(1, abs=0.1)
    assert np.sqrt(model.within) == pytest.approx(0.05, rel=0.1)
    white = [Record(own.days, own.predicted, generator.normal(0, 0.05, 3000)) for own in records]
    model = fit_level_model([own.residuals for own in white], np.array([own.correlations() for own in white]))
    assert model.share * np.exp(-1 / model.length) < 0.05


def test_gaps_do_not_shift_the_days_apart():
    residual = autoregressive(np.random.default_rng(1), 2000, 0.05, 8.0)
    kept = np.random.default_rng(2).uniform(size=2000) < 0.7
    whole = Record(np.arange(2000), np.zeros(2000), residual).correlations()
    gaps = Record(np.arange(2000)[kept], np.zeros(kept.sum()), residual[kept]).correlations()
    assert gaps == pytest.approx(whole, abs=0.1) and np.isfinite(gaps).all()
    short = Record(np.arange(20), np.zeros(20), residual[:20]).correlations()
    assert np.isfinite(short[LAGS <= 8]).all() and np.isnan(short[LAGS >= 15]).all()


def test_without_any_correlation_to_go_by_days_are_taken_to_be_alike():
    model = fit_level_model([np.array([0.1, 0.2])] * 3, np.full((3, len(LAGS)), np.nan))
    assert (model.share, model.length) == (1.0, 256.0)


def test_error_falls_with_the_days_down_to_the_dynamics():
    table = adapted(predictions())
    random = table.loc["random"]
    assert random["rmse"].is_monotonic_decreasing and random["bias"].is_monotonic_decreasing
    assert random.loc[30, "rmse"] == pytest.approx(0.02, rel=0.1) and random.loc[30, "bias"] < 0.01
    assert random.loc[30, "verdict"] == "better" and random.loc[30, "difference_high"] < 0
    assert random.loc[0, "lower"] == 0 and np.isnan(random.loc[0, "difference"])
    assert (random["level_sd"].diff().dropna() < 0).all()


def test_first_days_of_a_slow_error_help_less_than_days_at_random():
    table = adapted(predictions(within=0.06, length=60.0, days=800))
    assert table.loc[("first", 30), "bias"] > table.loc[("random", 30), "bias"]


def test_stations_of_one_level_are_not_moved_by_a_day():
    table = adapted(predictions(between=0.0, within=0.05))
    assert table.loc[("random", 1), "rmse"] == pytest.approx(table.loc[("random", 0), "rmse"], rel=0.02)


def test_a_station_takes_part_in_the_numbers_of_which_it_has_twice_as_many_days():
    table = predictions(stations=6)
    short = (table["station"] == "s00") & (table["date"] >= "2021-01-21")
    found = adapted(table[~short])
    assert found.loc[("random", 7), "stations"] == 6 and found.loc[("random", 30), "stations"] == 5


@pytest.mark.parametrize("stations", [1, 2])
def test_one_or_two_stations_give_no_row_and_a_warning(caplog, stations):
    with caplog.at_level(logging.WARNING):
        assert adaptation(predictions(stations), SETTINGS, PROTOCOL, draws=100, seed=1).empty
    assert f"no adaptation of mlp both, surface: {stations} stations" in caplog.text


def test_a_perfect_prediction_and_a_station_of_one_day_are_no_error():
    table = predictions(stations=5, days=70)
    table["observed"] = table["predicted"]
    alone = table[table["station"] == "s00"].iloc[:1].assign(station="one day")
    found = adapted(pd.concat([table, alone]))
    assert (found["rmse"] == 0).all() and (found["stations"] == 5).all()
