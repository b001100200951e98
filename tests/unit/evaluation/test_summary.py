"""Summaries over stations, with intervals that hang on the stations."""

import numpy as np
import pandas as pd
import pytest

from loam.evaluation.metrics import score_stations, scores
from loam.evaluation.summary import draw_stations, interval, mean_of_draws, median_of_draws, summarise
from loam.io.schemas import SUMMARY

STATIONS = ["a", "b", "c", "d", "e"]


def predictions(shifts, model="mlp", days=30, stations=STATIONS):
    """Observations that vary and predictions that are shifted by one amount a station."""
    generator = np.random.default_rng(1)
    dates = pd.date_range("2020-01-01", periods=days)
    parts = []
    for fold, (station, shift) in enumerate(zip(stations, shifts, strict=True), start=1):
        observed = generator.uniform(0.1, 0.4, days)
        parts.append(
            pd.DataFrame(
                {"protocol": "leave_one_station_out", "size": 0, "draw": 1, "model": model,
                 "scenario": "target", "fold": fold, "station": station, 
                 "date": dates,
                 "layer": "surface", "observed": observed, "predicted": observed + shift}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def table(rows, **options):
    summary = summarise(rows, score_stations(rows), **({"draws": 400, "seed": 5} | options))
    return SUMMARY.validate(summary).set_index(["model", "metric"])


def test_median_and_mean_are_over_stations_and_pooled_over_rows():
    rows = predictions([0.01, 0.02, 0.03, 0.04, 0.10])
    rows = rows.drop(rows.index[rows["station"] == "e"][5:])  # the worst station has few rows
    mae = table(rows).loc["mlp", "mae"]
    assert (mae["stations"], mae["n"]) == (5, 125)
    assert mae["median"] == pytest.approx(0.03)
    assert mae["mean"] == pytest.approx(0.04)
    assert mae["pooled"] == pytest.approx((30 * (0.01 + 0.02 + 0.03 + 0.04) + 5 * 0.10) / 125)


def test_intervals_hold_the_estimate_and_lie_within_the_stations_values():
    rmse = table(predictions([0.01, 0.02, 0.03, 0.04, 0.10])).loc["mlp", "rmse"]
    assert 0.01 <= rmse["median_low"] < rmse["median"] < rmse["median_high"] <= 0.10 + 1e-12
    assert 0.01 < rmse["mean_low"] < rmse["mean"] < rmse["mean_high"] < 0.10


def test_interval_of_the_mean_is_as_wide_as_theory_says():
    generator = np.random.default_rng(8)
    values = generator.normal(0.05, 0.01, 200)
    low, high = interval(mean_of_draws(values, draw_stations(200, 4000, seed=1)))
    error = values.std(ddof=1) / np.sqrt(200)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_statistics_of_draws_equal_those_of_one_draw_at_a_time():
    values = np.array([0.3, np.nan, 0.1, 0.7, np.nan, 0.2])
    draws = np.vstack([draw_stations(6, 50, seed=2), [1, 4, 1, 4, 1, 4]])
    for draw, median, mean in zip(draws, median_of_draws(values, draws), mean_of_draws(values, draws), strict=True):
        drawn = values[draw][np.isfinite(values[draw])]
        assert median == pytest.approx(np.median(drawn) if len(drawn) else np.nan, nan_ok=True)
        assert mean == pytest.approx(np.mean(drawn) if len(drawn) else np.nan, nan_ok=True)


def test_all_groups_share_the_draws():
    shifts = [0.01, 0.02, 0.03, 0.04, 0.10]
    shuffled = predictions(shifts, model="lstm").sample(frac=1, random_state=1)
    summary = table(pd.concat([predictions(shifts), shuffled], ignore_index=True))
    columns = ["median_low", "median_high", "mean_low", "mean_high"]
    first, second = summary.loc[("mlp", "mae"), columns], summary.loc[("lstm", "mae"), columns]
    assert first.tolist() == pytest.approx(second.tolist())


def test_the_seed_fixes_the_intervals():
    rows = predictions([0.01, 0.02, 0.03, 0.04, 0.10])
    pd.testing.assert_frame_equal(table(rows), table(rows))
    assert not table(rows, seed=6).equals(table(rows))


def test_a_station_without_a_defined_score_is_not_counted():
    rows = predictions([0.01, 0.02, 0.03, 0.04, 0.10])
    rows.loc[rows["station"] == "b", "predicted"] = 0.2
    summary = table(rows)
    assert summary.loc[("mlp", "r"), "stations"] == 4
    assert summary.loc[("mlp", "r"), "median"] == pytest.approx(1.0)
    assert summary.loc[("mlp", "mae"), "stations"] == 5


def test_one_station_has_no_interval():
    mae = table(predictions([0.02], stations=["a"])).loc["mlp", "mae"]
    assert mae["median"] == pytest.approx(0.02)
    assert mae[["median_low", "median_high", "mean_low", "mean_high"]].isna().all()


def test_every_score_can_be_recomputed_from_the_predictions_alone():
    generator = np.random.default_rng(4)
    rows = predictions([0.01, 0.02, 0.03, 0.04, 0.10])
    rows["predicted"] += generator.normal(0, 0.02, len(rows))
    metrics = score_stations(rows)
    for row in metrics.itertuples():
        mine = rows[rows["station"] == row.station]
        error = mine["predicted"] - mine["observed"]
        expected = [
            error.abs().mean(), (error**2).mean() ** 0.5, error.std(ddof=0), error.mean(),
            mine["predicted"].corr(mine["observed"]),
        ]  # fmt: skip
        assert [row.mae, row.rmse, row.ubrmse, row.bias, row.r] == pytest.approx(expected)
    summary = table(rows)
    for metric in ("mae", "rmse", "ubrmse", "bias", "r", "ccc"):
        assert summary.loc[("mlp", metric), "median"] == pytest.approx(metrics[metric].median())
        pooled = scores(rows["observed"].to_numpy(), rows["predicted"].to_numpy())
        assert summary.loc[("mlp", metric), "pooled"] == pytest.approx(pooled[metric])
