"""Recipe `ours`: what its members start from, learn from, and that nothing of a held-out station reaches them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from held_out import stations_of

from loam.errors import TableError
from loam.training import predict as predict_module
from loam.training import train_networks as training_module
from loam.training.card import Members, load_members
from loam.training.extras import extras_of
from loam.training.folds import draw_folds
from loam.training.levels import level_weight, weighing_of
from loam.training.predict import predict_held_out
from loam.training.scaling import fit_scaler
from loam.training.scenarios import train_both, train_target
from loam.training.split import Split
from loam.training.stacked import Stack
from loam.training.train_networks import write_result

LAYERS = ["surface", "subsurface"]
ALIKE = {"source": 1.0, "target": 1.0}


@pytest.fixture
def folds(target):
    return draw_folds(target, LAYERS, 3)


@pytest.fixture
def train(source, series_of, by_stations):
    """Train a plan on both domains, the target's samples and folds given."""

    def run(plan, samples, folds):
        return train_both(plan, series_of(source), series_of(samples), folds, by_stations, ALIKE)

    return run


@pytest.fixture
def members_of(tmp_path):
    """Members as they come back from the files of a result."""

    def read(result, plan):
        paths = [tmp_path / name for name in ("weights.safetensors", "card.json", "history.csv")]
        write_result(result, *paths)
        return load_members(*paths[:2], plan.plugin)

    return read


def test_the_output_begins_at_the_mean_of_both_domains_training_rows(source, target, folds, plan_of_recipe, train):
    result = train(plan_of_recipe(), target, folds)
    for fold in (1, 4):
        own = target[~target["station"].isin(stations_of(folds, "test")[fold])]
        for place, layer in enumerate(LAYERS):
            parts = [table[layer].dropna() for table in (source, own)]
            shift, scale = (result.parameters[0][f"output_{name}"][fold - 1, place] for name in ("shift", "scale"))
            assert shift.item() == pytest.approx(np.mean([part.mean() for part in parts]), abs=1e-7)
            variance = np.mean([part.var(ddof=0) for part in parts])
            assert scale.item() == pytest.approx(np.sqrt(variance), abs=1e-7)


def test_seeds_are_networks_of_their_own_whose_mean_answers(
    target, folds, plan_of_recipe, train, members_of, series_of
):
    plan = plan_of_recipe(seeds=3)
    result = train(plan, target, folds)
    assert [member["network"] for member in result.card["members"]] == ["seed=1"] * 5 + ["seed=2"] * 5 + ["seed=3"] * 5
    assert len({member["seed"] for member in result.card["members"]}) == 15
    assert result.card["seeds"] == 3 and set(result.history["network"]) == {"seed=1", "seed=2", "seed=3"}
    members = members_of(result, plan)
    table = predict_held_out(members, series_of(target), folds, plan.features, LAYERS)
    assert (table["spread"] > 0).all() and (table["rows"] == "all").all()
    each = [
        predict_held_out(
            Members([network], [parameters], members.scaler, members.card), series_of(target), folds, plan.features,
            LAYERS,
        )["output"]
        for network, parameters in zip(members.networks, members.parameters, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(table["output"], np.mean(each, axis=0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(table["spread"], np.std(each, axis=0, ddof=1), rtol=0, atol=1e-6)


def test_a_seed_s_networks_are_the_same_whatever_seeds_are_trained_beside_them(target, folds, plan_of_recipe, train):
    few, more = (train(plan_of_recipe("mlp_neighbours", seeds=seeds), target, folds) for seeds in (2, 3))
    for one, same in zip(few.parameters, more.parameters[:2], strict=True):
        assert all(torch.equal(one[name], same[name]) for name in one)
    assert few.card["members"] == more.card["members"][: len(few.card["members"])]
    pd.testing.assert_frame_equal(few.history, more.history[more.history["network"] != "seed=3"])


@pytest.mark.parametrize("model", ["mlp_within", "mlp_neighbours"])
def test_every_station_but_the_tested_one_trains_and_nothing_of_it_reaches_its_member(
    model, target, folds, plan_of_recipe, train, members_of, series_of
):
    plan = plan_of_recipe(model)

    def run(samples):
        result = train(plan, samples, folds)
        members = members_of(result, plan)
        return result, predict_held_out(members, series_of(samples), folds, plan.features, LAYERS)

    (clean, said), fold = run(target), 2
    (tested,) = stations_of(folds, "test")[fold]
    days = clean.card["members"][fold - 1]["days"]
    assert "validation" not in days
    assert set(days["training"]) == {f"far{number}" for number in range(4)} | (set(target["station"]) - {tested})
    planted = target.copy()
    own = planted["station"] == tested
    planted.loc[own, LAYERS] = np.where(planted.loc[own, LAYERS].isna(), np.nan, -1e6)
    absurd, after = run(planted)
    for name, value in clean.parameters[0].items():
        assert torch.equal(value[fold - 1], absurd.parameters[0][name][fold - 1]), name
        if "output" in name:
            assert not torch.equal(value[fold], absurd.parameters[0][name][fold]), "it must reach other folds"
    assert clean.card["members"][fold - 1] == absurd.card["members"][fold - 1]
    columns = ["layer", "station", "date", "predicted", "output"]
    one, other = (table.loc[table["fold"] == fold, columns] for table in (said, after))
    assert one.equals(other)


def test_a_station_hears_in_prediction_what_it_heard_in_training(
    target, folds, plan_of_recipe, train, members_of, series_of, monkeypatch
):
    heard = []
    for module in (training_module, predict_module):

        def listen(windows, *rest, made=module.extras_of):
            found = made(windows, *rest)
            heard.append((windows, found))
            return found

        monkeypatch.setattr(module, "extras_of", listen)
    plan = plan_of_recipe("mlp_neighbours")
    members = members_of(train(plan, target, folds), plan)
    predict_held_out(members, series_of(target), folds, plan.features, LAYERS)
    tables = []
    for windows, extras in heard:
        near = np.char.startswith(windows.stations.astype(str), "near")
        of_fold = [extras.neighbours[extras.which[fold], windows.position[near]] for fold in range(5)]
        tables.append(np.stack(of_fold))
    assert len(tables) == 2 and np.abs(tables[0][..., :2]).max() > 0.1
    np.testing.assert_array_equal(*tables)


def test_one_by_one_is_side_by_side_and_the_last_epoch_is_as_short_as_asked(target, folds, plan_of_recipe, train):
    one, other = (
        train(
            plan_of_recipe("mlp_neighbours", absent=0.25, engine=engine, anchor=0.5, steps=55),
            target,
            folds.query("fold < 3"),
        )
        for engine in ("stacked", "loop")
    )
    for name, value in one.parameters[0].items():
        torch.testing.assert_close(value, other.parameters[0][name], rtol=0, atol=1e-5)
    np.testing.assert_allclose(one.history["training_loss"], other.history["training_loss"], rtol=0, atol=1e-5)
    assert len(one.history) == 4, "55 steps are two epochs, the second one short"


def test_a_network_of_the_source_alone_is_asked_about_the_target_as_about_what_it_has_met(
    source, target, plan_of_recipe, series_of
):
    plan = plan_of_recipe()
    met, asked = (
        extras_of(plan.windows(series_of(samples), domain), None, plan.extras, np.ones((1, 2)), plan.neighbours)
        for samples, domain in ((source, "source"), (target, "target"))
    )
    assert set(met.domain) == set(asked.domain) == {1.0}


def test_the_level_s_weight_comes_from_the_training_stations_of_each_member(
    target, folds, plan_of_recipe, train, caplog
):
    caplog.set_level("INFO", "loam")
    plan = plan_of_recipe(level_weight="reml", steps=5)
    result = train(plan, target, folds)
    weights = [member["level_weight"] for member in result.card["members"]]
    assert len(set(weights)) == 5 and all(0 < weight < 1 for weight in weights)
    assert f"level weight by REML: {weights[0]:.4f}, " in caplog.text
    planted = target.copy()
    own = planted["station"].isin(stations_of(folds, "test")[3])
    planted.loc[own, LAYERS] += 0.5
    after = [member["level_weight"] for member in train(plan, planted, folds).card["members"]]
    assert [one == other for one, other in zip(weights, after, strict=True)] == [False, False, True, False, False]


@pytest.mark.parametrize(("spread", "least", "most"), [(0.15, 0.0, 0.01), (0.0, 0.2, 1.0)])
def test_stations_far_apart_in_level_weigh_little_and_alike_ones_much(
    spread, least, most, make_samples, plan_of_recipe, series_of
):
    plan, samples = plan_of_recipe(), make_samples("near", 12, seed=4)
    level = dict(zip(sorted(set(samples["station"])), spread * np.random.default_rng(5).normal(size=12), strict=True))
    samples[LAYERS] = samples[LAYERS].to_numpy() + samples["station"].map(level).to_numpy()[:, None]
    windows = plan.windows(series_of(samples), "target")
    rows = np.arange(len(windows))
    weight = level_weight(windows, rows, fit_scaler(windows, [rows], plan.scaling), 0, 16)
    assert least < weight < most


# What cannot be learnt from is refused or told.


def test_a_layer_without_a_second_value_at_any_station_is_refused(target, folds, plan_of_recipe, series_of):
    first = target[target["subsurface"].notna()].groupby("station").head(1).index
    target.loc[target.index.difference(first), "subsurface"] = np.nan
    with pytest.raises(TableError, match="no training station has two values of layer 'subsurface'"):
        train_target(plan_of_recipe(), series_of(target), folds, "fold", None, {})


def test_a_station_of_one_day_trains_and_is_told(target, plan_of_recipe, series_of, caplog):
    lone = target[target["station"] == "near1"].index[1:]
    target = target.drop(lone).reset_index(drop=True)
    plan, series = plan_of_recipe("mlp_neighbours", steps=10), series_of(target)
    windows = plan.windows(series, "target")
    split = Split(np.arange(len(windows)), np.empty(0, np.int64))
    told = weighing_of(plan.training, windows, [split], np.ones((1, 2)), fit_scaler(windows, [split.training]))
    assert told.level.tolist() == [0.03]
    assert "1 of 5 training stations have one value a layer" in caplog.text


def test_a_member_whose_loss_is_no_number_stops_alone_and_is_named(
    target, folds, plan_of_recipe, train, monkeypatch, caplog
):
    plan, folds = plan_of_recipe(steps=102), folds.query("fold < 4")
    calm = train(plan, target, folds)
    step, done = Stack.step, []

    def explode(self, losses, moves, epochs):
        step(self, losses, moves, epochs)
        done.append(1)
        if len(done) == 70:
            self._block.data[2] = torch.nan

    monkeypatch.setattr(Stack, "step", explode)
    torn = train(plan, target, folds)
    assert [member["epochs"] for member in torn.card["members"]] == [3, 3, 2]
    assert "fold 3: its loss is no longer a number after epoch 2; it stops with the weights of epoch 1" in caplog.text
    for name, value in calm.parameters[0].items():
        others = [0, 1]
        assert torch.equal(value[others], torn.parameters[0][name][others]), name
        assert torn.parameters[0][name].isfinite().all()


def test_neighbours_at_one_place_and_days_without_any_give_numbers(target, plan_of_recipe, series_of):
    plan = plan_of_recipe("mlp_neighbours", absent=0.25)
    target["latitude"] = -34.0
    windows = plan.windows(series_of(target), "target")
    alone = np.flatnonzero(windows.stations == "near4")
    found = extras_of(windows, [np.arange(len(windows)), alone], plan.extras, np.full((2, 2), 0.05), plan.neighbours)
    assert np.isfinite(found.neighbours).all() and np.abs(found.neighbours[0]).max() > 0.1
    assert (found.neighbours[1, windows.position[alone]] == 0).all(), "it hears nothing of itself"
    near4 = windows.station == windows.station[alone[0]]
    on_its_days = np.isin(windows.day, windows.day[alone[np.isfinite(windows.observed[alone, 0])]])
    assert (found.neighbours[1, windows.position[~near4 & on_its_days], 2] == 0.5).all(), "one reports: 1 / (1 + 1)"


def a_world_of_one_weather(features):
    """Eight stations; rain, which is read, and a weather that only the other probes tell, move all of them alike; in
    the last 60 of 260 days near0 alone reports.
    """
    generator, before = np.random.default_rng(8), 4
    shared = {name: generator.normal(size=before + 260) for name in ("rain", "coarse", "deep")}
    hidden = generator.normal(size=260)
    parts = []
    for number in range(8):
        part = pd.DataFrame({
            "station": f"near{number}", "date": pd.date_range("2020-01-01", periods=260),
            "latitude": -34.0 - 0.1 * number, "longitude": 146.0,
        })  # fmt: skip
        for feature in features.all:
            if feature.name in shared:
                part[feature.column] = shared[feature.name][before - feature.lag :][:260]
        part[["clay", "elevation"]] = generator.normal(size=2)
        moves = 0.04 * part["rain_0"].to_numpy() + 0.02 * hidden
        for layer in LAYERS:
            part[layer] = 0.3 + 0.02 * generator.normal() + moves + generator.normal(0, 0.003, 260)
        parts.append(part if number == 0 else part.iloc[:200])
    return pd.concat(parts, ignore_index=True)


def test_where_no_other_probe_reports_the_network_knows_as_much_as_one_that_hears_none(
    features, plan_of_recipe, series_of, members_of
):
    samples = a_world_of_one_weather(features)
    folds = draw_folds(samples, LAYERS, 3)
    (fold,) = [number for number, tested in stations_of(folds, "test").items() if "near0" in tested]
    folds = folds[folds["fold"] == fold]

    def spread_of_errors(model, absent):
        plan = plan_of_recipe(model, absent, steps=200, hidden=[32, 32])
        members = members_of(train_target(plan, series_of(samples), folds, "fold", None, {}), plan)
        table = predict_held_out(members, series_of(samples), folds, features, LAYERS)
        error = table["output"] - table["observed"]
        alone = table["date"] >= "2020-07-19"
        return error[~alone].std(), error[alone].std()

    heard, unheard = spread_of_errors("mlp_within", 0.0)
    assert unheard == pytest.approx(0.02, rel=0.5), "what rain does not tell"
    with_probes, guarded = spread_of_errors("mlp_neighbours", 0.25)
    _, unguarded = spread_of_errors("mlp_neighbours", 0.0)
    assert with_probes < 0.8 * heard
    assert guarded < 1.2 * unheard < unguarded
