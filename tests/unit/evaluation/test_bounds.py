"""Intervals from the other stations' residuals: they hold in a world of that kind, and are not made up elsewhere."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from loam.evaluation.bounds import half_widths, half_widths_anywhere, with_bounds
from loam.evaluation.coverage import score_intervals
from loam.io.schemas import COVERAGE, HALF_WIDTHS

LEVEL = {"method": "level_and_dynamics", "finite_sample": False, "levels": [0.5, 0.8, 0.9, 0.95]}
PLAIN = {**LEVEL, "method": "residuals"}
SCALED = {**LEVEL, "method": "scaled_level"}
UNLIKE = {**LEVEL, "method": "dissimilarity"}
SURE = {**PLAIN, "finite_sample": True}


def predictions(residuals, predicted=0.5, model="mlp"):
    """Predictions whose residuals (observed - predicted) are given by station."""
    parts = [
        pd.DataFrame({"protocol": "leave_one_station_out", "size": 0, "draw": 1, "model": model, "scenario": "both",
                      "layer": "surface", "station": name, "observed": predicted + np.asarray(own, float),
                      "dissimilarity": 0.3, "inside_area": 1.0,
                      "date": pd.date_range("2021-01-01", periods=len(own)), "predicted": predicted})
        for name, own in residuals.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def world(stations, days=80, seed=1, between=0.05, within=0.03):
    generator = np.random.default_rng(seed)
    level = generator.normal(0, between, stations)
    return {f"s{place:03}": own + generator.normal(0, within, days) for place, own in enumerate(level)}


def width_at(table, settings, station, level):
    half = half_widths(table, settings, [level])[:, 0]
    return float(half[(table["station"] == station).to_numpy()][0])


def test_the_half_width_is_that_of_level_and_dynamics_of_the_other_stations():
    table = predictions({"a": [0.1, 0.1, 0.1], "b": [0.03, 0.01], "c": [-0.05, -0.07], "d": [0.0, 0.02]})
    level = (0.02**2 + 0.06**2 + 0.01**2) / 3
    expected = np.sqrt(level * stats.t(3).ppf(0.95) ** 2 + 0.01**2 * stats.norm.ppf(0.95) ** 2)
    assert width_at(table, LEVEL, "a", 0.9) == pytest.approx(expected)


def test_a_station_has_no_part_in_its_own_interval():
    residuals = world(6)
    before = {
        settings["method"]: width_at(predictions(residuals), settings, "s000", 0.9) for settings in (LEVEL, PLAIN)
    }
    residuals["s000"] = residuals["s000"] + 0.4
    for settings in (LEVEL, PLAIN):
        assert width_at(predictions(residuals), settings, "s000", 0.9) == before[settings["method"]]
        assert width_at(predictions(residuals), settings, "s001", 0.9) > before[settings["method"]]


def test_levels_far_from_the_usual_get_wider_intervals_where_such_levels_are_further_off():
    residuals = world(40)
    far = np.linspace(-1, 1, 40)
    table = predictions({name: own * abs(place) * 3 for (name, own), place in zip(residuals.items(), far, strict=True)})
    table["predicted"] += 0.2 * table["station"].map(dict(zip(residuals, far, strict=True)))
    table["observed"] += table["predicted"] - 0.5
    ends, middle = (width_at(table, SCALED, name, 0.9) for name in ("s000", "s020"))
    assert ends > 1.5 * middle and width_at(table, LEVEL, "s000", 0.9) < 1.1 * width_at(table, LEVEL, "s020", 0.9)


def test_stations_unlike_the_training_data_get_wider_intervals_where_such_stations_are_further_off():
    residuals = world(40)
    index = np.linspace(0.05, 1, 40)
    table = predictions({name: own * unlike * 3 for (name, own), unlike in zip(residuals.items(), index, strict=True)})
    table["dissimilarity"] = table["station"].map(dict(zip(residuals, index, strict=True)))
    assert width_at(table, UNLIKE, "s039", 0.9) > 2 * width_at(table, UNLIKE, "s000", 0.9)
    assert width_at(table, LEVEL, "s039", 0.9) < 1.1 * width_at(table, LEVEL, "s000", 0.9)
    held = np.abs(table["observed"] - table["predicted"]) <= half_widths(table, UNLIKE, [0.9])[:, 0]
    assert held.mean() == pytest.approx(0.9, abs=0.05)


def test_an_index_that_says_nothing_changes_no_interval_and_one_that_is_not_known_is_told(caplog):
    table = predictions(world(12))
    plain = half_widths(table, LEVEL, [0.9])
    np.testing.assert_allclose(half_widths(table, UNLIKE, [0.9]), plain)
    table.loc[3, "dissimilarity"] = np.nan
    assert not caplog.text
    np.testing.assert_allclose(half_widths(table, UNLIKE, [0.9]), plain)
    assert "1 predictions have no dissimilarity: intervals of their systems" in caplog.text


def test_stations_count_alike_however_many_days_they_have():
    few = {"a": [0.2], "b": np.full(1000, 0.01), "c": [0.05, 0.05], "d": [0.06, 0.06], "e": [0.07, 0.07]}
    assert width_at(predictions(few), PLAIN, "a", 0.5) == pytest.approx(0.05)  # half of the stations, not of the days


@pytest.mark.parametrize("settings", [LEVEL, SCALED, PLAIN])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_as_often_as_they_say_with_many_stations(settings, level):
    table = predictions(world(200))
    half = half_widths(table, settings, [level])[:, 0]
    held = (np.abs(table["observed"] - table["predicted"]) <= half).mean()
    assert held == pytest.approx(level, abs=0.035)


def test_with_four_stations_the_level_and_dynamics_hold_where_plain_quantiles_do_not():
    held = {"level_and_dynamics": [], "residuals": []}
    for seed in range(100):
        table = predictions(world(4, days=20, seed=seed))
        for settings in (LEVEL, PLAIN):
            half = half_widths(table, settings, [0.9])[:, 0]
            held[settings["method"]].append((np.abs(table["observed"] - table["predicted"]) <= half).mean())
    assert np.mean(held["level_and_dynamics"]) > 0.88 > np.mean(held["residuals"])


def test_the_guaranteed_quantile_has_no_bound_where_there_are_too_few_stations():
    assert np.isnan(width_at(predictions(world(9)), SURE, "s000", 0.9))
    table = predictions(world(12))
    assert width_at(table, SURE, "s000", 0.9) > width_at(table, PLAIN, "s000", 0.9)


def test_bounds_lie_on_either_side_and_within_what_moisture_can_be():
    table = with_bounds(predictions(world(5), predicted=0.03), LEVEL)
    assert (table["lower"] == 0).all() and (table["upper"] > 0.03).all() and (table["upper"] <= 1).all()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_stations_get_no_interval_and_a_warning_that_counts_them(caplog, count):
    with caplog.at_level(logging.WARNING):
        table = with_bounds(predictions(world(count)), LEVEL)
    assert table[["lower", "upper"]].isna().all().all()
    assert "no interval for 1 of 1 systems and layers" in caplog.text and f"surface ({count})" in caplog.text
    assert score_intervals(table, LEVEL, draws=100, seed=1).empty


def test_a_station_of_one_day_tells_nothing_and_is_told_an_interval():
    table = predictions({"a": [0.3], "b": [0.01, 0.03], "c": [-0.02, -0.04], "d": [0.0, 0.02]})
    assert np.isfinite(half_widths(table, LEVEL, [0.9])).all()
    alone = predictions({"b": [0.01, 0.03], "c": [-0.02, -0.04], "d": [0.0, 0.02]})
    assert width_at(table, LEVEL, "b", 0.9) == width_at(alone, LEVEL, "b", 0.9)


def test_coverage_counts_each_station_once_and_names_the_worst():
    residuals = world(8, days=400)
    residuals["s000"] = np.full(40, 0.4)  # few days, all outside
    table = COVERAGE.validate(score_intervals(predictions(residuals), LEVEL, draws=200, seed=1))
    row = table[(table["season"] == "all") & (table["area"] == "all") & (table["level"] == 0.9)].iloc[0]
    half = half_widths(predictions(residuals), LEVEL, [0.9])[:, 0]
    held = predictions(residuals).assign(held=lambda rows: np.abs(rows["observed"] - 0.5) <= half)
    assert row["coverage"] == pytest.approx(held.groupby("station")["held"].mean().mean())
    assert row["worst"] == 0 and row["under_80"] == pytest.approx(1 / 8)
    assert row["coverage_low"] < row["coverage"] <= row["coverage_high"] and row["stations"] == 8
    assert set(table["season"]) == {"all", "DJF", "MAM", "JJA", "SON"}
    summer = table[(table["season"] == "DJF") & (table["level"] == 0.9)].iloc[0]
    assert summer["n"] == 40 + 7 * (31 + 28 + 31 + 31 + 4)  # January, February, December, and those of the next year


def test_coverage_and_error_are_told_inside_and_outside_the_area_of_applicability():
    table = predictions(world(8))
    outside = table.index % 80 < 20  # the first 20 days of each station
    table["inside_area"] = np.where(outside, 0.0, 1.0)
    table.loc[outside, "observed"] += 0.3
    scores = COVERAGE.validate(score_intervals(table, LEVEL, draws=100, seed=1)).query("season == 'all'")
    by_area = scores[scores["level"] == 0.9].set_index("area")
    assert by_area["n"].to_dict() == {"all": 640, "inside": 480, "outside": 160}
    errors = (table["observed"] - table["predicted"])[outside] ** 2
    assert by_area.loc["outside", "rmse"] == pytest.approx(np.sqrt(errors.groupby(table["station"]).mean()).mean())
    assert by_area.loc["inside", "rmse"] < 0.1 < by_area.loc["outside", "rmse_low"]
    assert by_area.loc["inside", "coverage"] > by_area.loc["outside", "coverage"]
    unknown = score_intervals(table.assign(inside_area=np.nan), LEVEL, draws=100, seed=1)
    assert set(unknown["area"]) == {"all"}


def test_a_station_that_is_far_off_widens_the_intervals_and_costs_score():
    table = predictions(world(10))
    good = score_intervals(table, LEVEL, draws=100, seed=1)
    table.loc[table["station"] == "s009", "observed"] += 0.3
    bad = score_intervals(table, LEVEL, draws=100, seed=1)
    assert bad["width"].iloc[0] > good["width"].iloc[0] and bad["crps"].iloc[0] > good["crps"].iloc[0]


@pytest.mark.parametrize("settings", [LEVEL, SCALED, PLAIN])
def test_a_place_without_a_probe_has_what_a_station_without_residuals_would_have(settings):
    """A station of one row has no residuals that say something: what is known of it is known of any place."""
    table = predictions(world(9) | {"new": [0.4]})
    own = half_widths(table, settings, [0.9, 0.5])[(table["station"] == "new").to_numpy()][0]
    found = HALF_WIDTHS.validate(half_widths_anywhere(table, settings, [0.9, 0.5]))
    assert found["half_width"].tolist() == pytest.approx(own) and (found["stations"] == 9).all()
    assert found["half_width"][0] > 1.5 * found["half_width"][1]


def test_the_most_stations_that_trained_say_how_wide_and_their_draws_count_once():
    wide, narrow = (predictions(world(6, between=part)) for part in (0.2, 0.05))
    table = pd.concat([wide.assign(size=2), narrow.assign(size=5), narrow.assign(size=5, draw=2)])
    expected = half_widths_anywhere(narrow, LEVEL, [0.9])
    pd.testing.assert_frame_equal(half_widths_anywhere(table, LEVEL, [0.9]), expected)


def test_too_few_stations_give_a_place_no_interval(caplog):
    found = half_widths_anywhere(predictions({"a": [0.1, 0.2], "b": [0.1]}), LEVEL, [0.9])
    assert found["half_width"].isna().all() and "no interval, because 1 stations have 2 rows" in caplog.text


def unlike_world(index):
    """Stations whose level is off by a tenth of their index, with days about it."""
    parts = {f"s{place:03}": np.array([-0.01, 0.01]) + 0.1 * unlike for place, unlike in enumerate(index)}
    table = predictions(parts)
    return table.assign(dissimilarity=np.repeat(np.asarray(index, float), 2))


def test_a_place_has_the_level_error_of_the_stations_as_unlike_as_it_is():
    table = unlike_world([0.1] * 5 + [0.5] * 5 + [0.9] * 5)
    found = HALF_WIDTHS.validate(half_widths_anywhere(table, UNLIKE, [0.9]))
    assert found["dissimilarity_to"].tolist() == pytest.approx([0.3, 0.7, np.inf])
    assert found["stations"].tolist() == [5, 5, 5]
    number = found["stations"][2]
    expected = np.sqrt((0.09 * stats.t(number).ppf(0.95)) ** 2 + (0.01 * stats.norm.ppf(0.95)) ** 2)
    assert found["half_width"][2] == pytest.approx(expected)
    assert found["half_width"].is_monotonic_increasing


def test_bins_whose_stations_are_no_further_off_are_merged_and_few_stations_have_one_bin():
    falling = unlike_world([0.9] * 5 + [0.1] * 5).assign(dissimilarity=np.repeat([0.2, 0.8], 10))
    (row,) = half_widths_anywhere(falling, UNLIKE, [0.9]).itertuples()
    assert row.dissimilarity_to == np.inf and row.stations == 10
    few, plain = (
        half_widths_anywhere(unlike_world(np.linspace(0.1, 1, 9)), method, [0.9, 0.5]) for method in (UNLIKE, LEVEL)
    )
    pd.testing.assert_frame_equal(few, plain)


def test_stations_without_an_index_leave_one_bin():
    table = unlike_world([0.1] * 5 + [0.9] * 5)
    table.loc[0, "dissimilarity"] = np.nan
    assert len(half_widths_anywhere(table, UNLIKE, [0.9])) == 1
