"""Both trainers give what PyTorch's own parts give, with every choice of optimiser, schedule, penalty and stopping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_training import SHAPE, train_plainly, weights_of
from torch import nn

from loam.errors import ConfigError
from loam.models.parts.initial import draw_parameters
from loam.models.parts.layers import BatchNorm
from loam.training.draws import draw, draws_of
from loam.training.loop import Plain
from loam.training.members import train_members
from loam.training.stacked import Stack

from .conftest import SEEDS, SETTINGS

ENGINES = pytest.mark.parametrize("engine", ["stacked", "loop"])
MODELS = pytest.mark.parametrize("model", ["mlp", "lstm"])
TWENTY = replace(SETTINGS, epochs=20, patience=20, learning_rate=0.005)


@pytest.fixture
def train(rows, splits, scaler):
    """Train the four members, or those of ``places``."""

    def run(network, parameters, settings, places=(0, 1, 2, 3), dtype=torch.float64, **more):
        places = list(places)
        return train_members(
            network, {name: value[places] for name, value in parameters.items()}, rows.windows,
            [splits[place] for place in places], [SEEDS[place] for place in places],
            replace(scaler, mean=scaler.mean[places], std=scaler.std[places]), settings, dtype=dtype, **more,
        )  # fmt: skip

    return run


def assert_close(one, other, atol):
    assert one.parameters.keys() == other.parameters.keys()
    for name, value in one.parameters.items():
        torch.testing.assert_close(value, other.parameters[name], rtol=0, atol=atol)
    np.testing.assert_allclose(one.history, other.history, rtol=0, atol=atol)
    assert one.best_epoch == other.best_epoch


CHOICES = [
    {"optimiser": "adam", "l2": {"hidden.*.weight": 0.02, "output.bias": 0.3}},
    {"optimiser": "adamw", "clip": 0.05, "schedule": {"name": "one_cycle", "rise": 0.4, "first": 0.1, "last": 0.01}},
    {"optimiser": "adadelta", "learning_rate": 2.0, "clip": 0.1, "l2": {"*": 0.01}},
    {"optimiser": "adam", "schedule": {"name": "triangular", "period": 3, "least": 0.1}, "clip": 0.2},
    {
        "optimiser": "adam",
        "betas": [0.8, 0.9],
        "decay": 0.5,
        "schedule": {"name": "cosine", "least": 0.0, "warm_up": 0.3},
    },
    {"optimiser": "adamw", "anchor": 4.0, "betas": [0.9, 0.98]},
]


@ENGINES
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: ",".join(map(str, choice.values()))[:40])
def test_every_choice_is_that_of_plain_pytorch(engine, choice, rows, splits, start, train):
    network, parameters = start("mlp")
    settings = replace(SETTINGS, epochs=6, engine=engine, **choice)
    names = network.freezes(1)
    trained = train(network, parameters, settings, (0, 2), frozen=names)
    plainest = train(network, parameters, replace(SETTINGS, epochs=6), (0, 2), frozen=names)
    for place, member in enumerate((0, 2)):
        first = {name: value[member] for name, value in parameters.items()}
        plain = train_plainly("mlp", rows, splits[member], SEEDS[member], first, settings, names)
        own = trained.history[trained.history["member"] == place]
        np.testing.assert_allclose(own[["training_loss", "validation_loss"]], plain.history, rtol=0, atol=1e-9)
        for name, value in weights_of(plain.best).items():
            torch.testing.assert_close(trained.parameters[name][place], value, rtol=0, atol=1e-9)
        moved = [name for name in parameters if name not in names]
        assert not any(
            torch.allclose(trained.parameters[name][place], plainest.parameters[name][place], atol=1e-4)
            for name in moved if name.endswith("weight")
        ), "the choice must matter, or the test shows too little"  # fmt: skip


@ENGINES
def test_a_penalty_of_a_parameter_that_is_not_there_is_refused(engine, start, train):
    network, parameters = start("mlp")
    settings = replace(SETTINGS, engine=engine, l2={"dense.*": 0.1})
    with pytest.raises(ConfigError, match=r"l2.*no parameter is named 'dense\.\*'.*hidden\.0\.weight"):
        train(network, parameters, settings)


@MODELS
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_one_by_one_is_side_by_side_after_twenty_epochs(model, dtype, atol, start, train):
    network, parameters = start(model)
    parameters = {name: value.to(dtype) for name, value in parameters.items()}
    one, other = (
        train(network, parameters, replace(TWENTY, engine=engine), dtype=dtype) for engine in ("stacked", "loop")
    )
    assert one.epochs == [20] * 4
    assert_close(one, other, atol)
    assert not torch.allclose(one.parameters["output.weight"], parameters["output.weight"], atol=1e-2)


@ENGINES
def test_the_last_epoch_s_weights_or_the_mean_of_the_last_few_come_back(engine, rows, splits, start, train):
    network, parameters = start("mlp")
    settings = replace(SETTINGS, learning_rate=0.1, epochs=7, patience=1, engine=engine)
    last, average = (
        train(network, parameters, replace(settings, stop=stop), (1, 3))
        for stop in ({"stop": "last", "epochs": 1}, {"stop": "average", "epochs": 3})
    )
    early = train(network, parameters, settings, (1, 3))
    assert last.epochs == average.epochs == [7, 7] and min(early.epochs) < 7, "nothing stops early"
    for place, member in enumerate((1, 3)):
        first = {name: value[member] for name, value in parameters.items()}
        plain = train_plainly(
            "mlp", rows, splits[member], SEEDS[member], first, replace(settings, stop={"stop": "last"})
        )
        after = [weights_of(network) for network in plain.kept]
        assert len(after) == 7
        assert last.best_epoch[place] == average.best_epoch[place] == plain.best_epoch
        for name, value in after[-1].items():
            torch.testing.assert_close(last.parameters[name][place], value, rtol=0, atol=1e-9)
            mean = (after[4][name] + after[5][name] + value) / 3
            torch.testing.assert_close(average.parameters[name][place], mean, rtol=0, atol=1e-9)
            assert not torch.allclose(mean, value, rtol=0, atol=1e-5)


@ENGINES
def test_a_member_whose_loss_explodes_stops_alone_and_is_named(engine, start, train, monkeypatch, caplog):
    network, parameters = start("mlp")
    settings = replace(TWENTY, epochs=6, engine=engine)
    calm = train(network, parameters, settings)
    kind, seen, done = Stack if engine == "stacked" else Plain, [], []
    step = kind.step

    def explode(self, losses, moves, epochs):
        step(self, losses, moves, epochs)
        if self not in seen:
            seen.append(self)
        alone = engine == "loop"  # a trainer a member, in their order
        second = seen.index(self) == 1 if alone else True
        if second and not done and epochs[0 if alone else 1] > 2:  # in its third epoch
            done.append(True)
            with torch.no_grad():
                self.weights_of(0 if alone else 1)["output.bias"].fill_(torch.nan)

    monkeypatch.setattr(kind, "step", explode)
    names = [f"fold {number}" for number in (1, 2, 3, 4)]
    exploded = train(network, parameters, settings, names=names)
    (told,) = [record.getMessage() for record in caplog.records if "no longer a number" in record.getMessage()]
    best = calm.history.query("member == 1 and epoch <= 2")["validation_loss"].to_numpy().argmin() + 1
    assert told == (f"fold 2: its loss is no longer a number after epoch 3; it stops with the weights of epoch {best}")
    assert exploded.epochs == [6, 3, 6, 6]
    assert exploded.best_epoch[1] == best
    until = train(network, parameters, replace(settings, epochs=best, stop={"stop": "last", "epochs": 1}), (1,))
    for name, value in exploded.parameters.items():
        torch.testing.assert_close(value[1], until.parameters[name][0], rtol=0, atol=1e-9)
        others = [0, 2, 3]
        torch.testing.assert_close(value[others], calm.parameters[name][others], rtol=0, atol=1e-9)


class Dropped(nn.Module):
    """A network with dropout that the trainer draws, and batch normalisation of the real rows."""

    def __init__(self):
        super().__init__()
        static, steps, variables = SHAPE
        self.hidden, self.norm = nn.Linear(static + steps * variables, 16), BatchNorm(16)
        self.output = nn.Linear(16, 2)

    def draws(self):
        return {"kept": (0.25, (16,))}

    def forward(self, inputs):
        state = self.hidden(torch.cat([inputs["sequence"].flatten(-2), inputs["static"]], -1))
        state = self.norm(state, inputs.get("real")).relu()
        if "kept" in inputs:
            state = state * inputs["kept"]
        return self.output(state).unsqueeze(-2)


def test_a_mask_drops_its_share_and_makes_up_for_it_and_follows_the_seed():
    mask = draw(5, 0.25, (400, 50), torch.float64)
    assert set(mask.unique().tolist()) == {0.0, 1 / 0.75}
    assert (mask == 0).double().mean().item() == pytest.approx(0.25, abs=0.01)
    assert torch.equal(mask, draw(5, 0.25, (400, 50), torch.float64))
    assert torch.equal(mask[:100], draw(5, 0.25, (100, 50), torch.float64)), "whatever rows fill a batch up"
    assert not torch.equal(mask, draw(6, 0.25, (400, 50), torch.float64))
    assert (draw(5, 0.0, (9, 2), torch.float32) == 1).all()


def test_a_network_says_what_it_needs_drawn():
    assert draws_of(Dropped()) == {"kept": (0.25, (16,))}
    assert draws_of(nn.Linear(2, 2)) == {}


def test_what_is_drawn_and_what_is_normalised_is_each_member_s_own_by_either_trainer(train):
    network = Dropped()
    parameters = {name: value.double() for name, value in draw_parameters(network, SEEDS).items()}
    together, by_loop = (train(network, parameters, replace(SETTINGS, engine=engine)) for engine in ("stacked", "loop"))
    assert_close(together, by_loop, 1e-9)
    assert {"norm.running_mean", "norm.running_var"} <= set(together.parameters)
    assert (together.parameters["norm.running_var"] != 1).all(), "buffers come back as they were at the best epoch"
    alone = train(network, parameters, SETTINGS, (2,))
    for name, value in alone.parameters.items():
        torch.testing.assert_close(value[0], together.parameters[name][2], rtol=0, atol=1e-9)
    still = [name for name in together.parameters if name.startswith("norm")]
    for engine in ("stacked", "loop"):
        frozen = train(network, parameters, replace(SETTINGS, engine=engine), frozen=still).parameters
        assert (frozen["norm.running_mean"] == 0).all() and (frozen["norm.running_var"] == 1).all()
        assert torch.equal(frozen["norm.weight"], parameters["norm.weight"])


class OfPyTorch(nn.Module):
    """What only the loop can train: dropout, norm and LSTM of PyTorch's own."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(SHAPE[2], 6, num_layers=2, dropout=0.3, batch_first=True)
        self.norm, self.drop, self.output = nn.BatchNorm1d(6), nn.Dropout(0.2), nn.Linear(6 + SHAPE[0], 2)

    def forward(self, inputs):
        states, _ = self.lstm(inputs["sequence"])
        return self.output(torch.cat([self.drop(self.norm(states[:, -1])), inputs["static"]], 1)).unsqueeze(-2)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_loop_trains_any_module_and_each_member_as_if_alone(train, threads):
    network = OfPyTorch()
    parameters = {name: value.double() for name, value in draw_parameters(network, SEEDS).items()}
    settings = replace(SETTINGS, engine="loop", epochs=3, batch_size=17)
    together = train(network, parameters, settings, threads=threads)
    alone = train(network, parameters, settings, (3,))
    for name, value in alone.parameters.items():
        assert torch.equal(value[0], together.parameters[name][3]), name
    assert not torch.equal(together.parameters["norm.running_mean"][0], together.parameters["norm.running_mean"][1])
    assert np.isfinite(together.history).all(axis=None)
