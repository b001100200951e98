"""The three scenarios: what each learns from, what stays, and that a held-out station has no part in its fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from held_out import stations_of
from series import series_of_columns

from loam.config.protocols import PROTOCOLS
from loam.config.run import Run
from loam.covariates.features import feature_set
from loam.errors import ConfigError, LeakageError
from loam.protocols.spans import roles_by_fold
from loam.training.card import load_members
from loam.training.folds import draw_folds
from loam.training.scenarios import fine_tune, train_both, train_source, train_target
from loam.training.train_networks import write_result

LAYERS = ["surface", "subsurface"]
MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])
SETTINGS = Run().plain()["training"]["protocol_settings"] | {
    "leave_group_out": {"group": "soil"},
    "few_shot": {"sizes": [1, 2], "draws": 2},
    "regional_boxes": {"boxes": {"north": [145, -35.5, 147, -33]}},
    "buffered": {"distance_km": 150},
}
SCALING = pytest.mark.parametrize("scaling", ["fold", "source"])


@pytest.fixture
def folds(target):
    return draw_folds(target, LAYERS, 3)


@pytest.fixture
def pretrain(source, make_plan, by_stations, series_of, tmp_path):
    def run(model):
        result = train_source(make_plan(model), series_of(source), by_stations)
        paths = [tmp_path / f"{model}.{end}" for end in ("safetensors", "json", "csv")]
        write_result(result, *paths)
        return load_members(*paths[:2])

    return run


@pytest.fixture
def train(source, make_plan, by_stations, series_of, pretrain):
    """Train a scenario on given samples of the target domain."""

    def run(scenario, model, samples, folds, scaling):
        if scenario == "target":
            return train_target(make_plan(model), series_of(samples), folds, scaling, series_of(source), by_stations)
        return fine_tune(make_plan(model), series_of(samples), folds, scaling, pretrain(model))

    return run


def differences(one, other, fold):
    """What differs, by a bit, between the members of ``fold`` in two results."""
    place = fold - 1
    (first,), (second,) = one.parameters, other.parameters
    found = [name for name, value in first.items() if not torch.equal(value[place], second[name][place])]
    ours, theirs = (result.card["members"][place] for result in (one, other))
    found += [key for key in ours if ours[key] != theirs[key]]
    histories = [result.history[result.history["member"] == fold].reset_index(drop=True) for result in (one, other)]
    return found + ([] if histories[0].equals(histories[1]) else ["history"])


@MODELS
@SCALING
@pytest.mark.parametrize("scenario", ["target", "transfer"])
def test_impossible_values_at_the_held_out_station_change_no_bit_of_its_fold(
    scenario, model, scaling, target, folds, features, train
):
    clean = train(scenario, model, target, folds, scaling)
    moved = False
    for fold in (2, 5):
        held_out = target["station"].isin(stations_of(folds, "test")[fold])
        planted = target.copy()
        planted.loc[held_out, features.columns] = 1e6
        planted.loc[held_out, LAYERS] = np.where(planted.loc[held_out, LAYERS].isna(), np.nan, -1e6)
        absurd = train(scenario, model, planted, folds, scaling)
        assert differences(clean, absurd, fold) == []
        for other in set(folds["fold"].tolist()) - {fold}:
            assert differences(clean, absurd, other), "what is planted must reach all other folds"
        moved = moved or any(
            of_clean["epochs"] != of_absurd["epochs"]
            for of_clean, of_absurd in zip(clean.card["members"], absurd.card["members"], strict=True)
        )
    assert moved, "some fold must leave the common computation at another epoch, or the test shows too little"


def test_members_of_the_map_learn_from_every_station_and_their_card_names_none_as_tested(target, train):
    result = train("target", "mlp", target, draw_folds(target, LAYERS, 3, "all", {"folds": 3}), "fold")
    assert result.card["protocol"] == "all" and len(result.card["members"]) == 3
    for member in result.card["members"]:
        assert {*member["days"]} == {"training", "validation"}
        assert {*member["days"]["training"], *member["days"]["validation"]} == set(target["station"])


@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"leave_one_station_out"}))
def test_no_protocol_lets_a_network_learn_from_what_its_fold_tests(protocol, target, make_plan, series_of):
    target["soil"] = np.where(target["station"] < "near2", "clay", "sand")
    folds = draw_folds(target, LAYERS, 3, protocol, SETTINGS[protocol])
    tested = next(roles_by_fold(target, folds)).roles == "test"
    planted = target.copy()
    planted.loc[tested, LAYERS] = np.where(planted.loc[tested, LAYERS].isna(), np.nan, 0.99)
    clean, absurd = (
        train_target(make_plan("mlp", epochs=2), series_of(samples), folds, "fold", None, {})
        for samples in (target, planted)
    )
    assert tested.any() and clean.card["protocol"] == protocol
    assert differences(clean, absurd, 1) == []


def test_a_planted_station_would_be_seen_if_it_did_train(target, folds, features, train):
    """The test above can fail: a fold that trains on the planted station differs in every weight and scaler."""
    clean = train("target", "mlp", target, folds, "fold")
    planted = target.copy()
    planted.loc[planted["station"].isin(stations_of(folds, "test")[1]), features.columns] = 1e6
    found = differences(clean, train("target", "mlp", planted, folds, "fold"), 2)
    assert {"scaler", "hidden.0.weight", "output.bias", "history", "best_validation_loss"} <= set(found)


@MODELS
def test_transfer_starts_from_the_source_and_leaves_the_first_layers(
    model, target, folds, pretrain, make_plan, series_of
):
    pretrained = pretrain(model)
    result = fine_tune(make_plan(model), series_of(target), folds, "source", pretrained)
    frozen = ["hidden.0.weight", "hidden.0.bias", "hidden.1.weight", "hidden.1.bias"]
    assert result.card["frozen"] == frozen
    for name, value in result.parameters[0].items():
        for member in value:
            assert torch.equal(member, pretrained.parameters[0][name][0]) == (name in frozen), name
    slow = make_plan(model, learning_rate=1e-12, epochs=1)
    for name, value in fine_tune(slow, series_of(target), folds, "source", pretrained).parameters[0].items():
        torch.testing.assert_close(value, pretrained.parameters[0][name].expand_as(value), rtol=0, atol=1e-9)


def test_transfer_reads_with_the_source_s_scaler_or_the_fold_s(target, folds, pretrain, make_plan, series_of):
    pretrained = pretrain("mlp")
    for scaling in ("source", "fold"):
        card = fine_tune(make_plan("mlp", epochs=1), series_of(target), folds, scaling, pretrained).card
        means = [member["scaler"]["mean"] for member in card["members"]]
        assert all(mean == pretrained.scaler.mean[0].tolist() for mean in means) == (scaling == "source")
        assert (len({tuple(mean) for mean in means}) > 1) == (scaling == "fold")
        assert card["scaling"] == scaling


def test_target_reads_with_its_own_scaler_or_that_of_the_source_s_training_rows(
    source, target, folds, pretrain, make_plan, by_stations, series_of
):
    pretrained = pretrain("mlp")
    plan = make_plan("mlp", epochs=1)
    near, far = series_of(target), series_of(source)
    own = train_target(plan, near, folds, "fold", far, by_stations).card
    borrowed = train_target(plan, near, folds, "source", far, by_stations).card
    column = own["features"].index("rain_0")
    for of_own, of_source in zip(own["members"], borrowed["members"], strict=True):
        trains = target[target["station"].isin(stations_of(folds, "training")[of_own["fold"]])]
        assert set(of_own["days"]["training"]) == set(trains["station"])
        assert of_own["scaler"]["mean"][column] == pytest.approx(trains["rain_0"].mean(), abs=1e-14)
        assert of_own["training_rows"] == len(trains)
        assert of_source["scaler"]["mean"] == pretrained.scaler.mean[0].tolist()
    assert set(own["data"]) == {"target"}
    assert set(borrowed["data"]) == {"source", "target"}


@MODELS
def test_the_seed_decides_the_source_s_member(model, source, make_plan, by_stations, series_of):
    first, again = (train_source(make_plan(model), series_of(source), by_stations) for _ in range(2))
    other = train_source(replace(make_plan(model), seed=4), series_of(source), by_stations)
    for name, value in first.parameters[0].items():
        assert torch.equal(value, again.parameters[0][name])
    assert first.card == again.card
    assert not torch.equal(first.parameters[0]["output.weight"], other.parameters[0]["output.weight"])


def test_the_source_s_card_names_its_stations_and_dates(source, make_plan, by_stations, series_of):
    card = train_source(make_plan("mlp", epochs=1), series_of(source), by_stations).card
    (member,) = card["members"]
    assert (member["fold"], member["test_rows"]) == (0, 0) and "test" not in member["days"]
    assert sorted([*member["days"]["training"], *member["days"]["validation"]]) == sorted(source["station"].unique())
    assert member["training_rows"] + member["validation_rows"] == len(source)
    for station, spans in member["days"]["training"].items():
        trains = source[source["station"] == station]["date"]
        assert spans == [[f"{trains.min():%Y-%m-%d}", f"{trains.max():%Y-%m-%d}"]]


def test_training_makes_predictions_better(source, make_plan, by_stations, series_of):
    plan = make_plan("lstm", epochs=30, patience=10)
    history = train_source(plan, series_of(source), by_stations).history
    assert history["validation_loss"].min() < 0.6 * history["validation_loss"].iloc[0]
    assert history["member"].eq(0).all()


def test_a_pretrained_network_of_other_features_or_layers_is_refused(target, folds, pretrain, make_plan, series_of):
    pretrained = pretrain("mlp")
    fewer = feature_set({
        "static": ["clay"], "daily": [{"name": "rain", "lags": [0, 1]}], "classes": [], "day_of_year": False,
        "sequence": {"variables": ["coarse", "deep"], "lags": [0, 3]},
    })  # fmt: skip
    with pytest.raises(ConfigError, match="features.*elevation.*card of mlp source|card of mlp source.*elevation"):
        fine_tune(make_plan("mlp", features=fewer), series_of(target), folds, "source", pretrained)
    with pytest.raises(ConfigError, match="the order"):
        fine_tune(make_plan("mlp", layers=LAYERS[::-1]), series_of(target), folds, "source", pretrained)


def test_a_target_station_that_the_source_has_seen_is_refused(
    source, target, pretrain, make_plan, by_stations, series_of
):
    pretrained = pretrain("mlp")
    shared = target.assign(station=target["station"].replace("near2", "far1"))
    folds = draw_folds(shared, LAYERS, 3)
    with pytest.raises(LeakageError, match="far1"):
        fine_tune(make_plan("mlp"), series_of(shared), folds, "fold", pretrained)
    with pytest.raises(LeakageError, match="far1"):
        train_target(make_plan("mlp"), series_of(shared), folds, "source", series_of(source), by_stations)


@MODELS
def test_both_domains_train_together_and_the_held_out_station_has_no_part(
    model, source, target, folds, features, make_plan, by_stations
):
    def train(own):
        series = [series_of_columns(rows, features, LAYERS) for rows in (source, own)]
        return train_both(make_plan(model), *series, folds, by_stations, {"source": 1.0, "target": 2.0})

    clean = train(target)
    far = set(source["station"]) - set(clean.card["members"][0]["days"]["validation"])
    held_out = stations_of(folds, "test")[2]
    for member in clean.card["members"]:
        trains = set(member["days"]["training"])
        assert trains & far and trains & set(target["station"])
        assert not trains & set(member["days"]["test"])
        assert set(member["days"]["validation"]) <= set(target["station"])
    planted = target.copy()
    planted.loc[planted["station"].isin(held_out), features.columns] = 1e6
    absurd = train(planted)
    assert differences(clean, absurd, 2) == []
    assert differences(clean, absurd, 1), "what is planted must reach all other folds"


def test_a_domain_s_weight_counts(source, target, folds, features, make_plan, by_stations):
    series = [series_of_columns(rows, features, LAYERS) for rows in (source, target)]
    one, other = (
        train_both(make_plan("mlp"), *series, folds, by_stations, {"source": weight, "target": 1.0})
        for weight in (1.0, 0.01)
    )
    alone = train_target(make_plan("mlp"), series[1], folds, "fold", None, by_stations)
    assert not torch.equal(one.parameters[0]["output.bias"], other.parameters[0]["output.bias"])
    assert one.card["members"][0]["training_rows"] > alone.card["members"][0]["training_rows"]


def test_a_station_in_both_domains_is_refused(source, target, folds, features, make_plan, by_stations):
    shared = target.assign(station=target["station"].replace("near2", "far1"))
    series = [series_of_columns(rows, features, LAYERS) for rows in (source, shared)]
    with pytest.raises(LeakageError, match="far1"):
        train_both(make_plan("mlp"), *series, folds, by_stations, {"source": 1.0, "target": 1.0})
