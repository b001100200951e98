"""The leakage audit: each leak, planted, is found; a clean run passes."""

import copy

import numpy as np
import pandas as pd
import pytest
from held_out import days_of, folds_of

from loam.errors import LeakageError
from loam.evaluation.audit import (
    FAILED,
    NOTE,
    WARNING,
    check_neighbours,
    check_repeats,
    check_rows,
    refuse_failed,
    repeated_series,
    table_of,
)
from loam.evaluation.audit_scalers import check_scalers
from loam.evaluation.audit_warnings import check_features, check_period
from loam.samples import neighbours

STATIONS = ["a", "b", "c", "d", "e", "f"]
FOLDS = folds_of(dict(zip(STATIONS, [*STATIONS[1:], "a"], strict=True)))
FEATURES = ["clay", "rain_1", "rain_0"]
SPAN = ["2020-01-01", "2029-12-31"]


def samples(stations, seed, days=60):
    generator = np.random.default_rng(seed)
    parts = []
    for place, station in enumerate(stations):
        rain = generator.gamma(1, 3, days + 1)
        parts.append(
            pd.DataFrame(
                {"station": station, "date": pd.date_range("2021-03-01", periods=days), "latitude": -35.0 + seed,
                 "longitude": 146 + 0.1 * generator.uniform(), "surface": generator.uniform(0.1, 0.4, days),
                 "clay": 20.0 + (7 * place) % 5, "rain_1": rain[:-1], "rain_0": rain[1:]}
            ).assign(latitude=lambda rows: rows["latitude"] + 0.1 * generator.uniform())
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def scaler_of(rows, kind="standard"):
    pools = [rows[["clay"]], *[rows[["rain_1", "rain_0"]]] * 2]
    values = [pool.to_numpy().ravel() for pool in pools]
    if kind == "limits":
        return {"mean": [own.min() for own in values], "std": [np.ptp(own) or 1.0 for own in values]}
    return {"mean": [own.mean() for own in values], "std": [own.std() or 1.0 for own in values]}


def card_of(rows, scenario="target", kind="standard"):
    members = []
    for fold in range(1, len(STATIONS) + 1):
        days = days_of(FOLDS, fold)
        trained = rows[rows["station"].isin(days["training"])]
        members.append({"fold": fold, "days": days, "scaler": scaler_of(trained, kind)})
    return {"model": "mlp", "scenario": scenario, "protocol": "leave_one_station_out", "features": FEATURES,
            "shape": [1, 2, 1], "scaler": kind, "scaling": "fold", "members": members}  # fmt: skip


def pretrained(rows):
    days = {"training": {station: [SPAN] for station in ("far", "away")}}
    trained = rows[rows["station"].isin(days["training"])]
    return {"model": "mlp", "scenario": "source", "protocol": None, "features": FEATURES, "shape": [1, 2, 1],
            "scaler": "standard", "scaling": "source",
            "members": [{"fold": 0, "days": days, "scaler": scaler_of(trained)}]}  # fmt: skip


@pytest.fixture
def world():
    return {"source": samples(["far", "away", "gone"], 1), "target": samples(STATIONS, 0)}


def results(findings, check=None):
    table = table_of(list(findings))
    return table[table["check"] == check] if check else table


def test_a_clean_run_passes(world):
    cards = [card_of(world["target"]), pretrained(world["source"])]
    table = results(
        [
            *check_rows(FOLDS, cards, world["target"]), *check_scalers(cards, world),
            *check_repeats(FOLDS, cards, world, ["surface"]),
            *check_neighbours(FOLDS, {"leave_one_station_out"}, world["target"], ["surface"]),
        ]
    )  # fmt: skip
    assert table["result"].tolist() == ["passed"] * 4
    assert "6 folds with impossible values" in table["detail"].iloc[-1]
    refuse_failed(table)


@pytest.mark.parametrize("role", ["training", "validation"])
def test_a_test_row_in_a_fit_or_a_stop_fails(world, role):
    card = card_of(world["target"])
    card["members"][1]["days"][role]["b"] = [["2021-03-05", "2021-03-06"]]
    (row,) = results(check_rows(FOLDS, [card], world["target"])).itertuples()
    assert row.result == FAILED
    assert row.detail == (
        f"2 test rows of leave_one_station_out, fold 2, are in the {role} of mlp target: station b on 2021-03-05, ..."
    )


def test_a_test_row_in_a_pretraining_fails(world):
    source = pretrained(world["source"])
    source["members"][0]["days"]["training"]["c"] = [["2021-03-07", "2021-03-07"]]
    table = results(check_rows(FOLDS, [card_of(world["target"], "transfer"), source], world["target"]))
    assert set(table["result"]) == {FAILED}
    assert any("in the pretraining of mlp transfer: station c on 2021-03-07" in text for text in table["detail"])
    assert any("in the training of mlp source" in text for text in table["detail"])


@pytest.mark.parametrize("kind", ["standard", "limits"])
def test_a_scaler_that_saw_the_test_rows_fails(world, kind):
    rows = world["target"].copy()
    rows.loc[rows["station"] == "d", "rain_0"] *= 3
    card = card_of(rows, kind=kind)
    assert set(results(check_scalers([card], {"target": rows}))["result"]) == {"passed"}
    trained = rows[rows["station"].isin([*card["members"][3]["days"]["training"], "d"])]
    card["members"][3]["scaler"] = scaler_of(trained, kind)
    (row,) = results(check_scalers([card], {"target": rows})).itertuples()
    assert row.result == FAILED and "mlp target, fold 4 of leave_one_station_out: the scale of " in row.detail
    assert "rain_1" in row.detail


def test_a_scaler_of_logarithms_weighs_both_domains_alike(world):
    card = card_of(world["target"], "both", "log_skewed")
    for member in card["members"]:
        member["days"]["training"] |= {name: [SPAN] for name in ("far", "away", "gone")}
        median, parts = [None, 2.0, 2.0], []
        for rows in world.values():
            own = rows[rows["station"].isin(member["days"]["training"])]
            parts.append([own["clay"].to_numpy(), np.log1p(own[["rain_1", "rain_0"]].to_numpy().ravel() / 2.0)])
        mean = [np.mean([part[place].mean() for part in parts]) for place in (0, 1, 1)]
        square = [np.mean([(part[place] ** 2).mean() for part in parts]) for place in (0, 1, 1)]
        std = np.sqrt(np.array(square) - np.square(mean)).tolist()
        member["scaler"] = {"mean": mean, "std": std, "median": median}
    assert set(results(check_scalers([card], world))["result"]) == {"passed"}
    card["members"][0]["scaler"]["mean"][1] += 0.01
    assert set(results(check_scalers([card], world))["result"]) == {FAILED}


def test_features_that_are_no_column_of_the_samples_are_said_not_to_be_looked_at(world):
    card = card_of(world["target"])
    card |= {"features": [*FEATURES, "clay_patch3_0"], "extras": ["of_target"], "shape": [2, 2, 1]}
    for member in card["members"]:
        member["scaler"] = {key: [*values, 7.0] for key, values in member["scaler"].items()}
    (row,) = results(check_scalers([card], {"target": world["target"]})).itertuples()
    assert row.result == "passed" and row.detail.endswith("not in the samples, so not looked at: clay_patch3_0")
    without = world["target"].drop(columns="rain_1")  # one step of the sequence
    (row,) = results(check_scalers([card], {"target": without})).itertuples()
    assert row.detail.endswith("not looked at: clay_patch3_0, rain_0, rain_1")


def test_a_scaler_whose_rows_no_card_tells_is_said_not_to_be_known(world):
    card = {**card_of(world["target"]), "scaling": "source"}
    assert results(check_scalers([card], world))["result"].tolist() == [NOTE, "passed"]


@pytest.mark.parametrize("domain", ["target", "source"])
def test_a_repeat_of_a_test_station_under_another_name_fails(world, domain):
    name = {"target": "e", "source": "far"}[domain]
    rows = world[domain]
    rows.loc[rows["station"] == name, "surface"] = world["target"].query("station == 'a'")["surface"].to_numpy()
    cards = [card_of(world["target"]), pretrained(world["source"])]
    table = results(check_repeats(FOLDS, cards, world, ["surface"]))
    assert set(table["result"]) == {FAILED}
    assert f"station {name} has the values of station a on 60 days, and a is tested by" in table["detail"].iloc[0]
    with pytest.raises(LeakageError, match="leave one of two equal stations out"):
        refuse_failed(table)


def test_repeats_that_are_tested_together_are_no_leak(world):
    rows = world["target"]
    rows.loc[rows["station"] == "e", "surface"] = rows.query("station == 'a'")["surface"].to_numpy()
    role = {"a": "test", "e": "test", "b": "validation"}
    folds = FOLDS[FOLDS["fold"] == 1].assign(role=lambda part: part["station"].map(role).fillna("training"))
    assert set(results(check_repeats(folds, [], world, ["surface"]))["result"]) == {"passed"}


def test_every_two_of_three_equal_stations_are_a_pair(world):
    rows = world["target"]
    for name in ("c", "e"):
        rows.loc[rows["station"] == name, "surface"] = rows.query("station == 'a'")["surface"].to_numpy()
    assert repeated_series(world, ["surface"]) == [("a", "c", 60), ("a", "e", 60), ("c", "e", 60)]


def test_a_target_station_beside_a_source_station_is_warned_of(world):
    place = ["latitude", "longitude"]
    here = world["target"].query("station == 'b'")[place].iloc[0].to_numpy()
    world["source"].loc[world["source"]["station"] == "gone", place] = here
    (row,) = results(check_repeats(FOLDS, [], world, ["surface"]), "same place").itertuples()
    assert row.result == WARNING and "b (source gone)" in row.detail


def test_a_neighbours_mean_that_reads_what_does_not_train_fails(world, monkeypatch):
    def leaks(moisture, training, *where, **more):
        return neighbours.same_day_anomaly(moisture, ~np.isnan(moisture).all(2), *where, **more)

    monkeypatch.setattr("loam.evaluation.audit.same_day_anomaly", leaks)
    reading = {"leave_one_station_out"}
    table = results(check_neighbours(FOLDS, reading, world["target"], ["surface"]))
    assert set(table["result"]) == {FAILED} and "reach the neighbours' anomaly at station" in table["detail"].iloc[0]
    (row,) = results(check_neighbours(FOLDS, set(), world["target"], ["surface"])).values
    assert row.tolist()[1] == NOTE


def test_features_that_tell_the_place_are_named_and_soil_is_not(world):
    rows = world["target"].assign(
        Longitude=lambda rows: rows["longitude"], north=lambda rows: 3 + 2 * rows["latitude"],
        wetness_0=lambda rows: rows["station"].map(dict(zip(STATIONS, [1, 2, 3, 2, 4, 2], strict=True))),
    )  # fmt: skip
    table = results(check_features(rows, ["clay", "Longitude", "north"], ["rain_0", "wetness_0"]))
    warned = table[table["result"] == WARNING]["detail"].tolist()
    assert [text.split("'")[1] for text in warned] == ["Longitude", "north", "wetness_0"]
    assert "names the place" in warned[0] and "follows latitude" in warned[1] and "tells the station" in warned[2]
    (note,) = table[table["result"] == NOTE]["detail"]
    assert note == "another value at each of 6 stations: Longitude, north"


def test_scores_that_fall_when_the_period_is_held_out_too_are_warned_of():
    generator = np.random.default_rng(1)
    days = pd.date_range("2021-01-01", periods=40)

    def held_out(protocol, error, days):
        parts = []
        for place, station in enumerate(STATIONS):
            observed = 0.25 + 0.1 * np.sin(np.arange(40) / 5 + place)[-len(days) :]
            predicted = observed + generator.normal(0, error, len(days))
            parts.append(
                pd.DataFrame({"protocol": protocol, "model": "mlp", "scenario": "both", "layer": "surface",
                              "station": station, "date": days, "observed": observed, "predicted": predicted})
            )  # fmt: skip
        return pd.concat(parts)

    alone = held_out("leave_one_station_out", 0.02, days)
    falls = pd.concat([alone, held_out("station_and_period", 0.08, days[-20:])])
    (row,) = results(check_period(falls, draws=200, seed=1)).itertuples()
    assert row.result == WARNING and "leans on the same weeks at other stations" in row.detail
    assert row.detail.startswith("mlp both, surface: median RMSE 0.0") and "(6 stations, difference -0.0" in row.detail
    stands = pd.concat([alone, alone[alone["date"] >= days[20]].assign(protocol="station_and_period")])
    assert results(check_period(stands, draws=200, seed=1))["result"].tolist() == ["passed"]
    assert results(check_period(alone, draws=200, seed=1))["result"].tolist() == [NOTE]


def test_many_failures_are_one_message_of_a_few(world):
    card = card_of(world["target"])
    for member, station in zip(copy.copy(card["members"]), STATIONS, strict=True):
        member["days"]["training"][station] = [SPAN]
    with pytest.raises(LeakageError, match=r"fold 1, are in .*fold 5, are in .*and 1 more, see the log"):
        refuse_failed(results(check_rows(FOLDS, [card], world["target"])))
