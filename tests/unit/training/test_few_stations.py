"""Stations, days and probes that are too few: training says so and names what lacks, or gives numbers and counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from held_out import folds_of, stations_of

from loam.errors import ConfigError, TableError
from loam.evaluation.adapt import adaptation
from loam.evaluation.bounds import with_bounds
from loam.evaluation.level_mix import mix_level
from loam.training.card import load_members
from loam.training.folds import draw_folds
from loam.training.losses import within_station
from loam.training.predict import predict_held_out
from loam.training.scenarios import train_both, train_target
from loam.training.stacked import Stack
from loam.training.train_networks import write_result

LAYERS = ["surface", "subsurface"]
ALIKE = {"source": 1.0, "target": 1.0}
INTERVALS = {"method": "level_and_dynamics", "finite_sample": False}


@pytest.fixture
def held_out(source, series_of, by_stations, tmp_path):
    """Predictions of a plan that is trained on both domains, in three steps, as the scripts make them."""

    def run(plan, samples, folds, others=source):
        target = series_of(samples)
        result = train_both(plan, series_of(others), target, folds, by_stations, ALIKE)
        paths = [tmp_path / name for name in ("weights.safetensors", "card.json", "history.csv")]
        write_result(result, *paths)
        members = load_members(*paths[:2], plan.plugin)
        return predict_held_out(members, target, folds, plan.features, LAYERS)

    return run


def of_stations(samples, *names):
    return samples[samples["station"].isin(names)].reset_index(drop=True)


def all_train(samples):
    """A fold a station, without one that validates."""
    names = sorted(set(samples["station"]))
    folds = folds_of(dict(zip(names, [*names[1:], names[0]], strict=True)))
    return folds.assign(role=folds["role"].replace("validation", "training"))


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_stations_are_refused_before_anything_trains(target, count):
    few = of_stations(target, *[f"near{number}" for number in range(count)])
    with pytest.raises(TableError, match=rf"target domain: {count} station\(s\): near0.*; expected at least 3"):
        draw_folds(few, LAYERS, 3)


@pytest.mark.parametrize(("model", "weight"), [("mlp_within", 0.03), ("mlp_neighbours", "reml")])
def test_one_training_station_of_the_target_trains(model, weight, target, plan_of_recipe, held_out):
    two = of_stations(target, "near0", "near1")
    table = held_out(plan_of_recipe(model, level_weight=weight, steps=3), two, all_train(two))
    assert set(table["station"]) == {"near0", "near1"} and np.isfinite(table["predicted"]).all()


def test_one_training_station_in_all_has_no_other_to_hear_of(target, plan_of_recipe, series_of, caplog):
    two = of_stations(target, "near0", "near1")
    plan = plan_of_recipe("mlp_neighbours", level_weight="reml", steps=3)
    result = train_target(plan, series_of(two), all_train(two), "fold", None, {})
    assert [member["level_weight"] for member in result.card["members"]] == [1.0, 1.0], "levels of one do not differ"
    assert "2 of 2 members hear of no other probe on any training day" in caplog.text


def test_a_station_of_one_day_trains_and_is_predicted_mixed_and_left_out_of_what_days_tell(
    target, plan_of_recipe, held_out
):
    first = target[(target["station"] == "near1") & target[LAYERS].notna().all(axis=1)].index[0]
    lone = target.drop(target[target["station"] == "near1"].index.difference([first])).reset_index(drop=True)
    plan, folds = plan_of_recipe("mlp_neighbours", steps=3), draw_folds(lone, LAYERS, 3)
    assert "near1" not in sum(stations_of(folds, "validation").values(), [])
    table = held_out(plan, lone, folds)
    assert (table["station"] == "near1").sum() == 2 and np.isfinite(table["predicted"]).all()
    trees = table.assign(model="trees", predicted=0.2)
    mixed = mix_level(table, trees, rival="trees", share=1.0)
    of_one = mixed[mixed["station"] == "near1"]["predicted"].to_numpy()
    np.testing.assert_allclose(of_one, 0.2, rtol=0, atol=1e-12)
    assert np.isfinite(with_bounds(table, INTERVALS)[["lower", "upper"]]).all(axis=None)
    curve = adaptation(table, {"days": [0, 1], "draws": 2}, "leave_one_station_out", draws=100, seed=1)
    assert set(curve["stations"]) == {4}


def test_a_layer_that_most_stations_lack_is_learnt_from_those_that_have_it(target, plan_of_recipe, held_out):
    target.loc[target["station"].isin(["near0", "near1", "near2"]), "subsurface"] = np.nan
    table = held_out(plan_of_recipe("mlp_neighbours", level_weight="reml", steps=3), target, all_train(target))
    assert np.isfinite(table["predicted"]).all()
    assert set(table.loc[table["layer"] == "subsurface", "station"]) == {"near3", "near4"}


def test_a_layer_that_one_station_has_cannot_be_learnt_where_that_is_tested(target, plan_of_recipe, held_out):
    target.loc[target["station"] != "near3", "subsurface"] = np.nan
    with pytest.raises(TableError, match="fold 4 of .*: fewer than two observed values of layer 'subsurface'.*leave"):
        held_out(plan_of_recipe(steps=3), target, all_train(target))


def test_a_batch_without_a_second_value_at_any_station_tells_levels_alone():
    observed = torch.tensor([[0.2], [torch.nan], [0.4], [torch.nan]], dtype=torch.float64)
    predicted = torch.full((4, 1), 0.5, dtype=torch.float64, requires_grad=True)
    loss = within_station(
        predicted, observed, observed.isfinite(), of_station=torch.tensor([0, 0, 1, 1]), level_weight=0.1
    )
    assert loss.item() == pytest.approx(0.1 * (0.3**2 + 0.1**2) / 2)
    loss.backward()
    torch.testing.assert_close(predicted.grad[:, 0], torch.tensor([0.03, 0.0, 0.01, 0.0], dtype=torch.float64))


def test_a_network_whose_batches_seldom_hold_a_second_value_trains(target, plan_of_recipe, held_out):
    seen = target[target["subsurface"].notna()].groupby("station").head(2).index
    target.loc[target.index.difference(seen), "subsurface"] = np.nan
    table = held_out(plan_of_recipe(batch={"stations": 2, "rows": 1}, steps=3), target, draw_folds(target, LAYERS, 3))
    assert np.isfinite(table["predicted"]).all()


def test_a_member_whose_loss_is_no_number_from_the_first_is_named_and_says_what_to_lower(
    target, plan_of_recipe, held_out, monkeypatch
):
    step = Stack.step

    def explode(self, *given):
        step(self, *given)
        self._block.data[1] = torch.nan

    monkeypatch.setattr(Stack, "step", explode)
    with pytest.raises(
        ConfigError, match=r"'training.learning_rate': the loss of 1 of 5 members was never a number \(fold 2\); lower"
    ):
        held_out(plan_of_recipe(steps=3), target, draw_folds(target, LAYERS, 3))


def test_stations_at_one_place_train_and_are_predicted(target, plan_of_recipe, held_out):
    target["latitude"] = -34.0
    table = held_out(plan_of_recipe("mlp_neighbours", steps=3), target, draw_folds(target, LAYERS, 3))
    assert np.isfinite(table["predicted"]).all() and set(table["station"]) == set(target["station"])


def test_where_no_two_stations_report_on_one_day_members_are_told_nothing_and_that_is_said(
    source, target, plan_of_recipe, held_out, caplog
):
    apart = target[target["date"].dt.dayofyear % 5 == target["station"].str[-1].astype(int)].reset_index(drop=True)
    alone = source[source["date"].dt.dayofyear % 4 == source["station"].str[-1].astype(int)].reset_index(drop=True)
    table = held_out(plan_of_recipe("mlp_neighbours", steps=3), apart, all_train(apart), alone)
    assert np.isfinite(table["predicted"]).all()
    assert "5 of 5 members hear of no other probe on any training day" in caplog.text


def test_a_station_without_a_training_day_tells_its_neighbours_nothing(target, plan_of_recipe, held_out, caplog):
    """Its mean over the period that trains, from which its anomalies would be, has no value."""
    plan, folds = plan_of_recipe("mlp_neighbours", steps=3), draw_folds(target, LAYERS, 3)
    (fold,) = [number for number, tested in stations_of(folds, "test").items() if tested == ["near0"]]
    folds = folds[folds["fold"] == fold]
    silent = folds.assign(role=folds["role"].where(folds["station"] != "near4", "unused"))
    planted = target.copy()
    own = planted["station"] == "near4"
    planted.loc[own, LAYERS] = np.where(planted.loc[own, LAYERS].isna(), np.nan, 9.0)
    one, other = (held_out(plan, samples, silent) for samples in (target, planted))
    pd.testing.assert_frame_equal(one, other)
    assert not caplog.records or "hear of no other probe" not in caplog.text


def test_a_period_of_training_without_a_row_is_refused(target, plan_of_recipe, held_out):
    folds = draw_folds(target, LAYERS, 3)
    nobody = folds.assign(role=folds["role"].where(folds["role"] == "test", "unused"))
    with pytest.raises(TableError, match="fold 1 of .*: fewer than two observed values of layer 'surface' in the tr"):
        held_out(plan_of_recipe("mlp_neighbours", steps=3), target, nobody)
