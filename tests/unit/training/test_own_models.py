"""The models that docs/how-to/add-a-model.md prints are trained, transferred, scored and mapped as they stand there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pages import labelled_files
from series import series_of_columns

from loam.config.models import network_of, resolve_model
from loam.covariates.read.tiles import TileInputs
from loam.mapping.engine import Engine
from loam.training.card import load_members
from loam.training.folds import draw_folds
from loam.training.predict import predict_held_out
from loam.training.scenarios import fine_tune, train_source, train_target
from loam.training.train_networks import write_result
from loam.training.training_settings import training_settings

LAYERS = ["surface", "subsurface"]
MODELS = pytest.mark.parametrize("model", ["day_convolution", "step_lstm"])

LOOPED = '''
"""PyTorch's own modules, which side by side cannot be."""

import torch
from torch import nn

SETTINGS = {"units": {"default": 8, "least": 1, "about": "units"}}
MODEL = {"reads": "sequence", "engine": "loop"}


class Network(nn.Module):
    def __init__(self, settings, shape):
        super().__init__()
        self.lstm = nn.LSTM(shape.variables, settings["units"], batch_first=True)
        self.norm, self.drop = nn.BatchNorm1d(settings["units"] + shape.static), nn.Dropout(0.2)
        self.output = nn.Linear(settings["units"] + shape.static, shape.outputs)

    def forward(self, inputs):
        _, (state, _) = self.lstm(inputs["sequence"])
        both = self.drop(self.norm(torch.cat([state[0], inputs["static"]], 1)))
        return self.output(both).unsqueeze(1)
'''


@pytest.fixture
def folder(project, tmp_path) -> Path:
    folder = tmp_path / "my_models"
    folder.mkdir()
    page = (project / "docs" / "how-to" / "add-a-model.md").read_text(encoding="utf-8")
    for name, text in labelled_files(page).items():
        (folder / Path(name).name).write_text(text, encoding="utf-8")
    (folder / "looped.py").write_text(LOOPED, encoding="utf-8")
    return folder


@pytest.fixture
def plan_of(folder, make_plan):
    def make(model: str, **changes):
        training = {"model_path": str(folder), "learning_rate": 0.01, "batch_size": 32, "epochs": 4, "patience": 3}
        chosen = resolve_model(model, training | {model: changes})
        return replace(
            make_plan("mlp"), model=model, plugin=network_of(model, str(folder)), network=chosen["settings"],
            family=chosen["family"], training=training_settings(chosen), scaling=chosen["scaling"],
        )  # fmt: skip

    return make


@pytest.fixture
def both(source, target, features):
    return tuple(series_of_columns(rows, features, LAYERS) for rows in (source, target))


@pytest.fixture
def transferred(both, target, by_stations, folder, tmp_path):
    """Train on the source, fine-tune on the target; gives the members and the folds."""
    source, samples = both

    def run(plan):
        paths = [tmp_path / f"{plan.model}.{end}" for end in ("safetensors", "json", "csv")]
        write_result(train_source(plan, source, by_stations), *paths)
        folds = draw_folds(target, LAYERS, 3)
        pretrained = load_members(*paths[:2], plan.plugin)
        write_result(fine_tune(plan, samples, folds, "source", pretrained), *paths)
        return pretrained, load_members(*paths[:2], plan.plugin), folds

    return run


@pytest.mark.parametrize("model", ["day_convolution", "step_lstm", "looped"])
def test_it_learns_is_transferred_scored_and_mapped(model, plan_of, transferred, both, features):
    plan = plan_of(model, epochs=8, learning_rate=0.03)
    pretrained, members, folds = transferred(plan)
    history = pretrained.card["members"][0]
    assert history["best_validation_loss"] < 0.9, "the source's network must have learned something"
    table = predict_held_out(members, both[1], folds, features, LAYERS)
    assert set(table["station"]) == set(both[1].stations)
    assert table["predicted"].between(0, 1).all()
    generator = np.random.default_rng(0)
    inputs = TileInputs(
        np.arange(7), generator.normal(size=(7, 4)).astype(np.float32), np.array([0, 0, 1, 1, 2, 2, 0]),
        generator.normal(size=(3, 4, 2)).astype(np.float32),
    )  # fmt: skip
    mean, spread = Engine(members, "cpu").predict(inputs)
    outputs = []
    for place in range(len(members)):
        network, scaler = members.network_of(place)
        of_pixels = np.concatenate([inputs.static, inputs.cells[inputs.cell].reshape(7, 8)], 1)
        standard = (of_pixels.astype(float) - members.scaler.mean[scaler]) / members.scaler.std[scaler]
        scaled = torch.from_numpy(standard).float()
        outputs.append(network({"static": scaled[:, :4], "sequence": scaled[:, 4:].reshape(7, 4, 2)})[:, -1])
    expected = torch.stack(outputs).double()
    np.testing.assert_allclose(mean, expected.mean(0).clamp(0, 1), atol=1e-6)
    np.testing.assert_allclose(spread, expected.std(0), atol=1e-6)


def test_what_fine_tuning_freezes_stays(plan_of, transferred):
    pretrained, members, _ = transferred(plan_of("day_convolution"))
    for name, value in members.parameters[0].items():
        same = torch.equal(value, pretrained.parameters[0][name].expand_as(value))
        assert same == name.startswith("convolution"), name


def test_statistics_of_a_norm_are_of_the_training_rows_and_saved(plan_of, transferred):
    pretrained, members, _ = transferred(plan_of("day_convolution"))
    moved = [name for name in members.parameters[0] if name.startswith("norm.running")]
    assert moved == ["norm.running_mean", "norm.running_var"]
    for name in moved:
        values = members.parameters[0][name]
        assert not torch.equal(values[0], values[1]), "each member has seen other rows"
        assert not torch.equal(values[0], pretrained.parameters[0][name][0])


@pytest.mark.parametrize("model", ["day_convolution", "step_lstm"])
def test_side_by_side_and_one_by_one_give_the_same(model, plan_of, both, target):
    folds = draw_folds(target, LAYERS, 3)
    results = [
        train_target(plan_of(model, engine=engine), both[1], folds, "fold", None, {}) for engine in ("stacked", "loop")
    ]
    for name, value in results[0].parameters[0].items():
        torch.testing.assert_close(value, results[1].parameters[0][name], rtol=0, atol=1e-5)
    losses = [result.history[["training_loss", "validation_loss"]].to_numpy() for result in results]
    np.testing.assert_allclose(*losses, atol=1e-5)


@MODELS
def test_a_member_does_not_depend_on_who_is_trained_beside_it(model, plan_of, both, target):
    folds = draw_folds(target, LAYERS, 3)
    few = folds[folds["fold"] <= 2]
    together, alone = (train_target(plan_of(model), both[1], own, "fold", None, {}) for own in (folds, few))
    for name, value in alone.parameters[0].items():
        torch.testing.assert_close(value, together.parameters[0][name][:2], rtol=0, atol=5e-5)


def test_a_family_s_mean_and_spread_are_those_of_its_networks(plan_of, transferred, both, features):
    plan = plan_of("step_lstm", family={"units": [4, 8], "dropout": [0.1, 0.3]})
    _, members, folds = transferred(plan)
    assert len(members.networks) == 4 and len(members) == 20
    assert [member["network"] for member in members.card["members"]][::5] == [
        "units=4,dropout=0.1", "units=4,dropout=0.3", "units=8,dropout=0.1", "units=8,dropout=0.3",
    ]  # fmt: skip
    table = predict_held_out(members, both[1], folds, features, LAYERS)
    assert (table["spread"] > 0).all()
    singles = []
    for number in range(4):
        own = [number * 5 + fold for fold in range(5)]
        card = members.card | {"family": {}, "members": [members.card["members"][place] for place in own]}
        single = replace(
            members, networks=[members.networks[number]], parameters=[members.parameters[number]], card=card
        )
        singles.append(predict_held_out(single, both[1], folds, features, LAYERS)["output"].to_numpy())
    np.testing.assert_allclose(table["output"], np.mean(singles, 0), atol=1e-6)
    np.testing.assert_allclose(table["spread"], np.std(singles, 0, ddof=1), atol=1e-6)
