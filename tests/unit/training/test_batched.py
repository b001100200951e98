"""Members trained side by side are, to rounding, members trained one after the other with PyTorch's own parts."""

from __future__ import annotations

import copy
import itertools
import logging
import math

import numpy as np
import pytest
import torch
from torch import nn

from loam.covariates.features import feature_set
from loam.errors import ConfigError
from loam.training.batched import TrainingSettings, train_members
from loam.training.networks import build_network, draw_parameters
from loam.training.rows import Rows
from loam.training.scaling import Scaler, fit_scaler
from loam.training.split import Split

SHAPE = (4, 5, 2)  # static features, steps, variables
NETWORKS = {
    "mlp": {"hidden": [8, 6, 4], "output": "logistic"},
    "lstm": {"units": 5, "dense": 7, "hidden": [8, 6, 4], "output": "logistic"},
}
MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])
SETTINGS = TrainingSettings(learning_rate=0.02, batch_size=16, epochs=9, patience=2)
SEEDS = [11, 12, 13, 14]


@pytest.fixture
def rows():
    """160 rows of two layers; a third of the values of each is missing, some rows lack both."""
    generator = np.random.default_rng(5)
    inputs = generator.normal(3, 2, size=(160, 14))
    targets = 0.2 + 0.02 * inputs[:, [0]] + 0.03 * inputs[:, [12]] + generator.normal(0, 0.03, (160, 2))
    targets[generator.random((160, 2)) < 0.33] = np.nan
    return Rows(inputs, targets, SHAPE)


@pytest.fixture
def splits():
    """Four members with unequal numbers of rows; one has a last batch of a single row, one fits its batches."""
    generator = np.random.default_rng(6)
    orders = [generator.permutation(160) for _ in SEEDS]
    return [
        Split(order[:training], order[training : training + validation])
        for order, (training, validation) in zip(orders, [(49, 30), (64, 21), (90, 40), (35, 25)], strict=True)
    ]


@pytest.fixture
def start():
    def draw(model, members=4):
        network = build_network(model, NETWORKS[model], SHAPE, 2)
        return network, {name: value.double() for name, value in draw_parameters(network, range(members)).items()}

    return draw


@pytest.fixture
def scaler(rows, splits):
    features = feature_set({
        "static": ["a", "b", "c", "d"], "daily": [], "classes": [], "day_of_year": False,
        "sequence": {"variables": ["v", "w"], "lags": [0, 4]},
    })  # fmt: skip
    return fit_scaler(rows.inputs, [split.training for split in splits], features)


class PlainNetwork(nn.Module):
    """The same networks in PyTorch's own modules."""

    def __init__(self, model):
        super().__init__()
        static, steps, variables = SHAPE
        self.lstm = nn.LSTM(variables, 5, bidirectional=True, batch_first=True) if model == "lstm" else None
        self.dense = nn.Linear(10, 7) if model == "lstm" else None
        widths = [(7 if model == "lstm" else steps * variables) + static, 8, 6, 4]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths[:-1], widths[1:], strict=True))
        self.output = nn.Linear(4, 2)
        self.double()

    def forward(self, static, sequence):
        encoded = sequence.flatten(1)
        if self.lstm is not None:
            _, (states, _) = self.lstm(sequence)
            encoded = torch.relu(self.dense(torch.cat([states[0], states[1]], 1)))
        state = torch.cat([encoded, static], 1)
        for layer in self.hidden:
            state = torch.relu(layer(state))
        return torch.sigmoid(self.output(state))

    def pairs(self):
        """Name in the stack, direction or None, own parameter."""
        for name, parameter in self.named_parameters():
            if name.startswith("dense"):
                yield name.replace("dense", "encoder.1"), None, parameter
            elif not name.startswith("lstm"):
                yield name, None, parameter
        if self.lstm is not None:
            for direction, suffix in enumerate(("", "_reverse")):
                for ours, theirs in (
                    ("input_weight", "weight_ih"),
                    ("recurrent_weight", "weight_hh"),
                    ("bias", "bias_ih"),
                ):
                    yield f"encoder.0.{ours}", direction, getattr(self.lstm, f"{theirs}_l0{suffix}")
                second = getattr(self.lstm, f"bias_hh_l0{suffix}").requires_grad_(False)
                second.zero_()  # one bias, as in Keras


def plain_loss(predicted, observed):
    """1 - concordance in NumPy's words, layer by layer; None where no layer has two values."""
    losses = []
    for x, y in zip(predicted.T, observed.T, strict=True):
        seen = ~y.isnan()
        if seen.sum() >= 2:
            x, y = x[seen], y[seen]
            covariance = ((x - x.mean()) * (y - y.mean())).mean()
            spread = x.var(unbiased=False) + y.var(unbiased=False) + (x.mean() - y.mean()) ** 2
            losses.append(1 - 2 * covariance / spread)
    return sum(losses) / len(losses) if losses else None


def train_plainly(model, rows, split, seed, start, settings, frozen):
    """One member, one batch, one step after the other."""
    network = PlainNetwork(model)
    with torch.no_grad():
        for name, direction, parameter in network.pairs():
            parameter.copy_(start[name] if direction is None else start[name][direction])
            parameter.requires_grad_(name not in frozen)
    static, steps, variables = SHAPE
    mean, std = rows.inputs[split.training].mean(0), rows.inputs[split.training].std(0)
    for variable in range(variables):  # one scale for all steps of a variable
        columns = slice(static + variable, None, variables)
        mean[columns] = rows.inputs[split.training, columns].mean()
        std[columns] = rows.inputs[split.training, columns].std()
    inputs, targets = torch.from_numpy((rows.inputs - mean) / std), torch.from_numpy(rows.targets)

    def loss_of(index):
        own = inputs[index]
        return plain_loss(network(own[:, :static], own[:, static:].reshape(-1, steps, variables)), targets[index])

    adam = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=settings.learning_rate)
    generator = np.random.default_rng(seed)
    best, best_loss, best_epoch, waited, history = None, math.inf, 0, 0, []
    for epoch in range(1, settings.epochs + 1):
        order, losses = generator.permutation(split.training), []
        for first in range(0, len(order), settings.batch_size):
            loss = loss_of(order[first : first + settings.batch_size])
            if loss is None:
                continue
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        with torch.no_grad():
            validation = loss_of(split.validation).item()
        history.append((np.mean(losses), validation))
        if validation < best_loss:
            best, best_loss, best_epoch, waited = copy.deepcopy(network), validation, epoch, 0
        else:
            waited += 1
            if waited == settings.patience:
                break
    return best, best_epoch, history


@MODELS
@pytest.mark.parametrize("frozen", [0, 2])
def test_side_by_side_gives_what_one_by_one_gives(model, frozen, rows, splits, start, scaler):
    network, parameters = start(model)
    names = network.frozen_parameters(frozen)
    trained = train_members(
        network, parameters, rows, splits, SEEDS, scaler, SETTINGS, frozen=names, dtype=torch.float64
    )
    assert len(set(trained.epochs)) > 1, "members must stop at different epochs, or the test shows too little"
    for member, (split, seed) in enumerate(zip(splits, SEEDS, strict=True)):
        first = {name: value[member] for name, value in parameters.items()}
        plain, best_epoch, history = train_plainly(model, rows, split, seed, first, SETTINGS, names)
        own = trained.history[trained.history["member"] == member]
        np.testing.assert_allclose(own[["training_loss", "validation_loss"]], history, rtol=0, atol=1e-9)
        assert trained.best_epoch[member] == best_epoch
        assert trained.epochs[member] == len(history)
        for name, direction, parameter in plain.pairs():
            value = trained.parameters[name][member]
            value = value if direction is None else value[direction]
            torch.testing.assert_close(value, parameter.detach(), rtol=0, atol=1e-9)


def test_a_long_training_says_how_far_it_is(rows, splits, start, scaler, monkeypatch, caplog):
    clock = itertools.count(step=30)
    monkeypatch.setattr("loam.training.batched.time.monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO, "loam")
    network, parameters = start("mlp")
    trained = train_members(network, parameters, rows, splits, SEEDS, scaler, SETTINGS, dtype=torch.float64)
    lines = [record.getMessage() for record in caplog.records if getattr(record, "progress", False)]
    assert len(lines) == max(trained.epochs)
    assert lines[0].startswith("epoch 1 of at most 9, 4 of 4 members go on, validation loss ")
    assert lines[0].endswith(", at most 4 min left")  # eight more of 30 s each
    assert f"epoch {max(trained.epochs)} of at most 9" in lines[-1]


@MODELS
def test_one_member_alone_is_the_member_beside_others(model, rows, splits, start, scaler):
    network, parameters = start(model)
    together = train_members(network, parameters, rows, splits, SEEDS, scaler, SETTINGS, dtype=torch.float64)
    alone = train_members(
        network, {name: value[2:3] for name, value in parameters.items()}, rows, splits[2:3], SEEDS[2:3],
        Scaler(scaler.mean[2:3], scaler.std[2:3]), SETTINGS, dtype=torch.float64,
    )  # fmt: skip
    for name, value in alone.parameters.items():
        torch.testing.assert_close(value[0], together.parameters[name][2], rtol=0, atol=1e-9)


@MODELS
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("threads", [2, 4])
def test_who_is_trained_beside_a_member_does_not_change_a_bit_of_it(model, layers, threads, rows, splits, scaler):
    network = build_network(
        model, {"units": 16, "dense": 48, "hidden": [64, 32, 16], "output": "logistic"}, SHAPE, layers
    )
    parameters, rows = draw_parameters(network, SEEDS), Rows(rows.inputs, rows.targets[:, :layers], SHAPE)
    together = train_members(network, parameters, rows, splits, SEEDS, scaler, SETTINGS)
    assert len(set(together.epochs)) > 1
    in_groups = train_members(network, parameters, rows, splits, SEEDS, scaler, SETTINGS, threads=threads)
    for name, value in together.parameters.items():
        assert torch.equal(value, in_groups.parameters[name]), name
    assert together.history.equals(in_groups.history)


@MODELS
def test_frozen_layers_keep_every_bit_and_all_others_move(model, rows, splits, start, scaler):
    network, parameters = start(model)
    names = network.frozen_parameters(2)
    assert names == ["hidden.0.weight", "hidden.0.bias", "hidden.1.weight", "hidden.1.bias"]
    trained = train_members(
        network, parameters, rows, splits, SEEDS, scaler, SETTINGS, frozen=names, dtype=torch.float64
    )
    for name, value in trained.parameters.items():
        for member in range(4):
            assert torch.equal(value[member], parameters[name][member]) == (name in names), name


def test_the_best_epoch_s_weights_come_back(rows, splits, start, scaler):
    network, parameters = start("mlp")
    settings = TrainingSettings(learning_rate=0.05, batch_size=16, epochs=12, patience=3)
    trained = train_members(network, parameters, rows, splits, SEEDS, scaler, settings, dtype=torch.float64)
    assert any(best < epochs for best, epochs in zip(trained.best_epoch, trained.epochs, strict=True))
    for member, best in enumerate(trained.best_epoch):
        losses = trained.history.query("member == @member")["validation_loss"].to_numpy()
        assert losses.argmin() + 1 == best
        assert losses[best - 1] == trained.best_loss[member]
        assert trained.epochs[member] in (settings.epochs, best + settings.patience)
    # a training that ends at the best epoch has these weights
    for member, best in enumerate(trained.best_epoch):
        until = TrainingSettings(settings.learning_rate, settings.batch_size, best, settings.patience)
        shorter = train_members(network, parameters, rows, splits, SEEDS, scaler, until, dtype=torch.float64)
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
        train_members(network, parameters, Rows(rows.inputs, targets, SHAPE), splits, SEEDS, scaler, SETTINGS)
        for targets in (gaps, changed)
    )
    assert not torch.equal(one.parameters["output.weight"][:, 0], other.parameters["output.weight"][:, 0])
    assert one.parameters["output.weight"].isfinite().all()


def test_a_batch_without_two_values_of_a_layer_moves_nothing(rows, start, scaler):
    network, parameters = start("mlp", 1)
    targets = np.full((160, 2), np.nan)
    targets[:3], targets[10:20] = 0.1, 0.2 + rows.inputs[10:20, :2] / 100
    settings = TrainingSettings(learning_rate=0.1, batch_size=2, epochs=1, patience=1)
    rows, splits = Rows(rows.inputs, targets, SHAPE), [Split(np.array([2, 50, 51]), np.arange(10, 20))]
    scaler = Scaler(scaler.mean[:1], scaler.std[:1])
    trained = train_members(network, parameters, rows, splits, [1], scaler, settings, dtype=torch.float64)
    for name, value in trained.parameters.items():
        assert torch.equal(value, parameters[name])


def test_the_same_seed_gives_the_same_bits_another_seed_others(rows, splits, start, scaler):
    network, parameters = start("lstm")
    parameters = {name: value.float() for name, value in parameters.items()}
    first, again, other = (
        train_members(network, parameters, rows, splits, seeds, scaler, SETTINGS)
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
        train_members(network, parameters, rows, splits, SEEDS, scaler, settings)
