"""What each rival says, on samples made for it."""

import numpy as np
import pandas as pd
import pytest
from held_out import folds_of

from loam.rivals.boosted_trees import boosted_trees, boosted_trees_all, boosted_trees_neighbours
from loam.rivals.climatology import by_day_of_year, climatology
from loam.rivals.inverse_distance import inverse_distance
from loam.rivals.kriging import kriging
from loam.rivals.persistence import persistence
from loam.rivals.random_forest import random_forest
from loam.rivals.regression import anomalies
from loam.rivals.rescaled_coarse import coarse, line
from loam.rivals.ridge import ridge
from loam.rivals.same_day_mean import same_day_mean
from loam.rivals.within_station_trees import within_station_trees, within_station_trees_neighbours

TREES = [boosted_trees_all, boosted_trees_neighbours]


def of_fold_1(predictions, layer="surface", scenario=None):
    """What is predicted of station a, by day."""
    held_out = predictions[(predictions["fold"] == 1) & (predictions["layer"] == layer)]
    return (held_out if scenario is None else held_out[held_out["scenario"] == scenario]).set_index("date")["predicted"]


def rmse(predictions):
    return float(np.sqrt(((predictions["predicted"] - predictions["observed"]) ** 2).mean()))


def test_coarse_moisture_follows_the_line_through_the_training_stations(target, try_on):
    predictions = coarse(try_on(target, coarse={"surface": "sm_surface_0"}))
    training = target[target["station"].isin(["b", "d"])]  # fold 1 tests a and validates c
    slope, intercept = np.polyfit(training["sm_surface_0"], training["surface"], 1)
    expected = slope * target.loc[target["station"] == "a", "sm_surface_0"] + intercept
    assert of_fold_1(predictions).tolist() == pytest.approx(expected.tolist())
    assert set(predictions["layer"]) == {"surface"}


def test_a_line_through_a_constant_feature_is_the_mean():
    assert line(np.full(5, 0.1), np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == (0.0, pytest.approx(0.3))


def test_same_day_mean_is_that_of_the_training_stations_and_silent_where_none_reports(target, try_on):
    silent = (target["date"] < "2021-03-11") & target["station"].isin(["b", "d"])
    held_out = of_fold_1(same_day_mean(try_on(target[~silent])))
    assert held_out.index.min() == pd.Timestamp("2021-03-11")
    expected = target[target["station"].isin(["b", "d"])].groupby("date")["surface"].mean().loc["2021-03-11":]
    assert held_out.tolist() == pytest.approx(expected.tolist())


def test_persistence_is_yesterday_s_mean_and_has_no_first_day(target, try_on):
    held_out = of_fold_1(persistence(try_on(target)))
    mean = target[target["station"] != "a"].groupby("date")["surface"].mean()
    assert held_out.index.min() == pd.Timestamp("2021-03-02")
    assert held_out.tolist() == pytest.approx(mean.iloc[:-1].tolist())


def test_the_near_stations_of_the_day_weigh_most(target, try_on):
    held_out = of_fold_1(inverse_distance(try_on(target)))  # b, c and d lie 1, 2 and 3 tenths of a degree away
    wide = target.pivot(index="date", columns="station", values="surface")
    expected = (wide["b"] + wide["c"] / 4 + wide["d"] / 9) / (1 + 1 / 4 + 1 / 9)
    assert held_out.tolist() == pytest.approx(expected.tolist())


def test_a_day_without_another_probe_has_no_row_but_by_those_that_need_none(target, try_on):
    quiet = (target["station"] != "a") & (target["date"] == "2021-03-10")
    target.loc[quiet, ["surface", "subsurface"]] = np.nan
    day, before = pd.Timestamp("2021-03-10"), pd.Timestamp("2021-03-09")
    assert day not in of_fold_1(inverse_distance(try_on(target))).index
    assert day not in of_fold_1(same_day_mean(try_on(target))).index
    assert day not in (late := of_fold_1(persistence(try_on(target)))).index.difference([day]) and before in late.index
    assert day in of_fold_1(climatology(try_on(target))).index
    assert day in of_fold_1(boosted_trees_neighbours(try_on(target))).index


def test_climatology_is_the_mean_of_the_days_around_and_of_the_turn_of_the_year():
    day = np.array([0, 15, 16, 365])
    usual = by_day_of_year(day, np.array([0.1, 0.3, 0.9, 0.5]))
    assert usual[0] == pytest.approx((0.1 + 0.3 + 0.5) / 3) and usual[15] == pytest.approx((0.1 + 0.3 + 0.9) / 3)
    assert usual[20] == pytest.approx((0.3 + 0.9) / 2) and np.isnan(usual[100])


def test_climatology_reads_other_years_and_the_validation_station(samples, try_on):
    target = samples(list("abcd"), seed=1, days=400)
    held_out = of_fold_1(climatology(try_on(target)))
    others = target[target["station"] != "a"]
    day = others["date"].dt.day_of_year
    around = others["surface"][(day >= 60) & (day <= 90)].mean()  # 16 March, in 2021 and in 2022
    assert held_out["2021-03-16"] == pytest.approx(around) and held_out["2022-03-16"] == pytest.approx(around)


@pytest.mark.parametrize("rival", [ridge, random_forest, boosted_trees, boosted_trees_all])
def test_regressions_learn_the_source_domain_only_in_scenario_both(source, target, try_on, rival):
    source["surface"] += 10.0
    predictions = rival(try_on(target, source))
    assert of_fold_1(predictions, scenario="target").max() < 1.0
    assert of_fold_1(predictions, scenario="both").max() > 1.0


@pytest.mark.parametrize("rival", [ridge, random_forest, boosted_trees_all])
def test_regressions_find_what_makes_moisture(samples, try_on, rival):
    target = samples(list("abcd"), seed=1, days=300)
    predictions = rival(try_on(target)).query("layer == 'surface'")
    assert rmse(predictions) < 0.6 * target["surface"].std()


def test_a_layer_that_no_training_station_observes_is_left_out_and_logged(target, try_on, caplog):
    target.loc[target["station"].isin(["b", "d"]), "subsurface"] = np.nan
    predictions = boosted_trees(try_on(target)).query("layer == 'subsurface'")
    assert 1 not in set(predictions["fold"])
    assert "no training station of fold 1 observed layer subsurface" in caplog.text


def test_a_layer_that_most_stations_lack_is_learned_from_the_one_that_has_it(target, try_on):
    target.loc[target["station"].isin(["a", "b", "c"]), "subsurface"] = np.nan
    target.loc[target["station"] == "a", "subsurface"] = 0.3
    for rival in (inverse_distance, climatology, *TREES):
        found = rival(try_on(target)).query("layer == 'subsurface'")
        assert set(found["station"]) == {"a", "d"} and np.isfinite(found["predicted"]).all()


def wet_days(stations, days=200):
    """Moisture that only the day makes, unlike any feature, at levels of the stations."""
    generator = np.random.default_rng(5)
    rain = 0.1 * generator.uniform(size=days)
    parts = [
        pd.DataFrame(
            {"station": name, "date": pd.date_range("2021-01-01", periods=days), "clay": 20.0 + level,
             "sm_surface_0": generator.uniform(size=days), "surface": 0.1 * level + rain, "subsurface": np.nan,
             "latitude": -35.0 + 0.01 * level, "longitude": 147.0}
        )
        for level, name in enumerate(stations)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def rainy(try_on):
    """A trial on such days, with the level of plain trees."""
    trial = try_on(wet_days("abcd"), layers=["surface"])
    return try_on(wet_days("abcd"), layers=["surface"], level=boosted_trees_all(trial))


def correlation(predictions):
    return np.mean([rows["predicted"].corr(rows["observed"]) for _, rows in predictions.groupby("station")])


def test_trees_that_hear_the_neighbours_know_the_day(rainy):
    assert correlation(boosted_trees_neighbours(rainy)) > 0.9
    assert correlation(within_station_trees_neighbours(rainy)) > 0.9
    assert correlation(boosted_trees_all(rainy)) < 0.3


def test_within_station_trees_have_the_mean_of_plain_trees_at_each_station(target, source, try_on):
    plain = boosted_trees_all(try_on(target, source))
    for rival in (within_station_trees, within_station_trees_neighbours):
        found = rival(try_on(target, source, level=plain))
        assert len(found) == 2 * len(target)
        both = plain.query("scenario == 'both'")
        means = [part.groupby(["station", "layer"])["predicted"].mean() for part in (found, both)]
        pd.testing.assert_series_equal(*means, rtol=1e-12)


def test_within_station_trees_do_not_learn_levels(samples, try_on):
    target = samples(list("abcd"), seed=1, days=200)
    plain = boosted_trees_all(try_on(target))
    shifted = target.copy()
    shifted["surface"] += shifted["station"].map({"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.3})
    found = [within_station_trees(try_on(rows, level=plain.assign(observed=plain["observed"]))) for rows in (target,)]
    level = plain.merge(shifted[["station", "date", "surface"]], on=["station", "date"])
    level["observed"] = level["surface"].where(level["layer"] == "surface", level["observed"])
    found.append(within_station_trees(try_on(shifted, level=level.drop(columns="surface"))))
    for one, two in zip(*(of_fold_1(part) for part in found), strict=True):
        assert one == pytest.approx(two, abs=1e-9)


def test_anomalies_have_no_mean_at_any_station():
    assert anomalies(np.array([1.0, 2.0, 3.0, 7.0]), np.array([0, 2, 0, 2])).tolist() == [-1.0, -2.5, 1.0, 2.5]


@pytest.mark.parametrize("count", [1, 2])
def test_with_one_or_two_stations_nothing_is_left_to_learn_from_or_one_station_is(samples, try_on, count):
    names = list("ab")[:count]
    target = samples(names, seed=1)
    folds = folds_of({name: name for name in names}) if count == 1 else folds_of({"a": "b", "b": "a"})
    folds.loc[folds["role"] == "validation", "role"] = "training"
    for rival in (same_day_mean, climatology, persistence, inverse_distance, ridge, *TREES):
        found = rival(try_on(target, folds=folds))
        assert set(found["station"]) == ({"a", "b"} if count == 2 else set()), rival.__name__


def test_a_station_with_one_day_and_stations_at_one_place_are_predicted(samples, try_on):
    target = samples(list("abcd"), seed=1)
    target = target[(target["station"] != "a") | (target["date"] == "2021-03-10")].assign(latitude=-35.0)
    plain = boosted_trees_all(try_on(target))
    for rival in (inverse_distance, *TREES, within_station_trees, within_station_trees_neighbours):
        found = of_fold_1(rival(try_on(target, level=plain)))
        assert list(found.index) == [pd.Timestamp("2021-03-10")] and np.isfinite(found).all()
    by_place = of_fold_1(inverse_distance(try_on(target)))
    others = target[(target["station"] != "a") & (target["date"] == "2021-03-10")]
    assert by_place.iloc[0] == pytest.approx(others["surface"].mean())


def test_where_no_two_stations_report_on_one_day_what_needs_others_says_nothing_and_that_is_told(
    samples, try_on, caplog
):
    target = samples(list("abcd"), seed=1)
    apart = target["station"].map({"a": 0, "b": 1, "c": 2, "d": 3})
    target = target[target["date"].dt.day_of_year % 4 == apart]
    for rival in (same_day_mean, inverse_distance, kriging):
        assert rival(try_on(target)).empty
        assert f"{rival.__name__} none surface: 4 folds; 60 rows without a prediction, so none at all" in caplog.text
    plain = boosted_trees_all(try_on(target))
    for rival in (climatology, ridge, boosted_trees_neighbours, within_station_trees_neighbours):
        assert len(rival(try_on(target, level=plain))) == 2 * len(target)


def test_a_period_that_trains_nobody_leaves_no_row_and_is_told(target, try_on, folds, caplog):
    nobody = folds[folds["fold"] == 1].assign(role=lambda rows: rows["role"].where(rows["role"] == "test", "unused"))
    for rival in (same_day_mean, climatology, persistence, inverse_distance, kriging, ridge, *TREES):
        caplog.clear()
        assert rival(try_on(target, folds=nobody)).empty
        assert "no training station of fold 1 observed layer surface" in caplog.text


def test_kriging_takes_stations_at_one_place_for_one(target, try_on):
    for latitude in (target["latitude"].where(target["station"] != "b", -35.0), -35.0):
        found = kriging(try_on(target.assign(latitude=latitude)))
        assert len(found) == 2 * len(target) and np.isfinite(found["predicted"]).all()
        assert found["predicted"].between(-0.1, 0.8).all()
