"""Members trained side by side are, to rounding, members trained one after the other with PyTorch's own parts."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pytest
import torch
from networks import a_network
from plain_training import NETWORKS, SHAPE, Rows, train_plainly, weights_of

from loam.errors import ConfigError
from loam.models.parts.initial import draw_parameters
from loam.training.members import train_members
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings

from .conftest import SEEDS, SETTINGS

MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])


@MODELS
@pytest.mark.parametrize("frozen", [0, 2])
def test_side_by_side_gives_what_one_by_one_gives(model, frozen, rows, splits, start, scaler):
    network, parameters = start(model)
    names = network.freezes(frozen)
    trained = train_members(
        network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, frozen=names, dtype=torch.float64
    )
    assert len(set(trained.epochs)) > 1, "members must stop at different epochs, or the test shows too little"
    for member, (split, seed) in enumerate(zip(splits, SEEDS, strict=True)):
        first = {name: value[member] for name, value in parameters.items()}
        plain = train_plainly(model, rows, split, seed, first, SETTINGS, names)
        own = trained.history[trained.history["member"] == member]
        np.testing.assert_allclose(own[["training_loss", "validation_loss"]], plain.history, rtol=0, atol=1e-9)
        assert trained.best_epoch[member] == plain.best_epoch
        assert trained.epochs[member] == len(plain.history)
        for name, value in weights_of(plain.best).items():
            torch.testing.assert_close(trained.parameters[name][member], value, rtol=0, atol=1e-9)


def test_a_long_training_says_how_far_it_is(rows, splits, start, scaler, monkeypatch, caplog):
    clock = itertools.count(step=30)
    monkeypatch.setattr("loam.training.members.time.monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO, "loam")
    network, parameters = start("mlp")
    trained = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, dtype=torch.float64)
    lines = [record.getMessage() for record in caplog.records if getattr(record, "progress", False)]
    assert len(lines) == max(trained.epochs)
    assert lines[0].startswith("epoch 1 of at most 9, 4 of 4 members go on, validation loss ")
    assert lines[0].endswith(", at most 4 min left")  # eight more of 30 s each
    assert f"epoch {max(trained.epochs)} of at most 9" in lines[-1]


@MODELS
def test_one_member_alone_is_the_member_beside_others(model, rows, splits, start, scaler):
    network, parameters = start(model)
    together = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, dtype=torch.float64)
    alone = train_members(
        network, {name: value[2:3] for name, value in parameters.items()}, rows.windows, splits[2:3], SEEDS[2:3],
        Scaler(scaler.mean[2:3], scaler.std[2:3]), SETTINGS, dtype=torch.float64,
    )  # fmt: skip
    for name, value in alone.parameters.items():
        torch.testing.assert_close(value[0], together.parameters[name][2], rtol=0, atol=1e-9)


@MODELS
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("threads", [2, 4])
def test_who_is_trained_beside_a_member_does_not_change_a_bit_of_it(model, layers, threads, rows, splits, scaler):
    network = a_network(model, {"units": 16, "dense": 48, "hidden": [64, 32, 16], "output": "logistic"}, SHAPE, layers)
    targets = rows.targets[:, :layers]
    if layers == 1:  # a row of the other layer alone would be none
        targets = np.where(np.isfinite(targets), targets, rows.targets[:, 1:])
    parameters, rows = draw_parameters(network, SEEDS), Rows(rows.inputs, targets)
    together = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS)
    assert len(set(together.epochs)) > 1
    in_groups = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, threads=threads)
    for name, value in together.parameters.items():
        assert torch.equal(value, in_groups.parameters[name]), name
    assert together.history.equals(in_groups.history)


@MODELS
def test_frozen_layers_keep_every_bit_and_all_others_move(model, rows, splits, start, scaler):
    network, parameters = start(model)
    names = network.freezes(2)
    assert names == ["hidden.0.weight", "hidden.0.bias", "hidden.1.weight", "hidden.1.bias"]
    trained = train_members(
        network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, frozen=names, dtype=torch.float64
    )
    for name, value in trained.parameters.items():
        for member in range(4):
            assert torch.equal(value[member], parameters[name][member]) == (name in names), name


def test_the_best_epoch_s_weights_come_back(rows, splits, start, scaler):
    network, parameters = start("mlp")
    settings = TrainingSettings(learning_rate=0.05, batch_size=16, epochs=12, patience=3)
    trained = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, settings, dtype=torch.float64)
    assert any(best < epochs for best, epochs in zip(trained.best_epoch, trained.epochs, strict=True))
    for member, best in enumerate(trained.best_epoch):
        losses = trained.history.query("member == @member")["validation_loss"].to_numpy()
        assert losses.argmin() + 1 == best
        assert losses[best - 1] == trained.best_loss[member]
        assert trained.epochs[member] in (settings.epochs, best + settings.patience)
    # a training that ends at the best epoch has these weights
    for member, best in enumerate(trained.best_epoch):
        until = TrainingSettings(settings.learning_rate, settings.batch_size, best, settings.patience)
        shorter = train_members(network, parameters, rows.windows, splits, SEEDS, scaler, until, dtype=torch.float64)
        for name, value in shorter.parameters.items():
            assert torch.equal(value[member], trained.parameters[name][member])


def test_a_row_that_lacks_one_layer_trains_the_other(rows, splits, start, scaler):
    network, parameters = start("mlp")
    gaps = rows.targets.copy()
    both = np.isfinite(gaps).all(1)
    gaps[both, 1] = np.nan  # the second layer is never seen beside the first
    changed = gaps.copy()
    changed[np.isnan(gaps[:, 1]), 0] += 0.1 * np.arange(np.isnan(gaps[:, 1]).sum()) % 0.3
    one, other = (
        train_members(network, parameters, Rows(rows.inputs, targets).windows, splits, SEEDS, scaler, SETTINGS)
        for targets in (gaps, changed)
    )
    assert not torch.equal(one.parameters["output.weight"][:, 0], other.parameters["output.weight"][:, 0])
    assert one.parameters["output.weight"].isfinite().all()


def test_a_batch_without_two_values_of_a_layer_moves_nothing(rows):
    network = a_network("mlp", NETWORKS["mlp"], SHAPE, 3)
    parameters = {name: value.double() for name, value in draw_parameters(network, [0]).items()}
    targets = 0.2 + rows.inputs[:, :3] / 100
    training = np.array([2, 50, 51])
    targets[training] = np.where(np.eye(3, dtype=bool), targets[training], np.nan)  # each has a layer of its own
    settings = TrainingSettings(learning_rate=0.1, batch_size=2, epochs=1, patience=1)
    windows, splits = Rows(rows.inputs, targets).windows, [Split(training, np.arange(10, 20))]
    scaler = Scaler(np.zeros((1, 14)), np.ones((1, 14)))
    trained = train_members(network, parameters, windows, splits, [1], scaler, settings, dtype=torch.float64)
    for name, value in trained.parameters.items():
        assert torch.equal(value, parameters[name])


def test_the_same_seed_gives_the_same_bits_another_seed_others(rows, splits, start, scaler):
    network, parameters = start("lstm")
    parameters = {name: value.float() for name, value in parameters.items()}
    first, again, other = (
        train_members(network, parameters, rows.windows, splits, seeds, scaler, SETTINGS)
        for seeds in (SEEDS, SEEDS, [21, *SEEDS[1:]])
    )
    for name, value in first.parameters.items():
        assert torch.equal(value, again.parameters[name])
        assert torch.equal(value[1:], other.parameters[name][1:])
    assert not torch.equal(first.parameters["output.weight"][0], other.parameters["output.weight"][0])


def test_a_loss_that_is_never_a_number_is_an_error(rows, splits, start, scaler):
    network, parameters = start("mlp")
    settings = TrainingSettings(learning_rate=1e300, batch_size=16, epochs=2, patience=1)
    with pytest.raises(ConfigError, match="never a number.*lower it"):
        train_members(network, parameters, rows.windows, splits, SEEDS, scaler, settings)


def test_a_group_that_is_interrupted_before_its_first_step_raises_nothing_over_the_error_of_another(
    rows, splits, start, scaler, monkeypatch
):
    begun = []

    def fails(stack, *_):
        begun.append(stack)
        raise ArithmeticError("planted")

    monkeypatch.setattr("loam.training.stacked.Stack.step", fails)
    network, parameters = start("mlp")
    with pytest.raises(ArithmeticError, match="planted"):
        train_members(
            network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, threads=2, dtype=torch.float64
        )
    assert begun

    class Soon:
        """Set by another group once an epoch has begun."""

        asked = 0

        def is_set(self):
            self.asked += 1
            return self.asked > 1

    monkeypatch.setattr("loam.training.members.Event", Soon)
    with pytest.raises(ConfigError, match="never a number"):  # of what has not begun, where nothing else is raised
        train_members(network, parameters, rows.windows, splits, SEEDS, scaler, SETTINGS, dtype=torch.float64)
