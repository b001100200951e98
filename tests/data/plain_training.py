"""Training as one would write it without loam: one member, one batch, one step after the other, in PyTorch's parts."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np
import torch
from series import windows_of_inputs
from torch import nn

from loam.training.schedules import factor_of

SHAPE = (4, 5, 2)  # static features, steps, variables
NETWORKS = {
    "mlp": {"hidden": [8, 6, 4], "output": "logistic"},
    "lstm": {"units": 5, "dense": 7, "hidden": [8, 6, 4], "output": "logistic"},
}
OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adadelta": torch.optim.Adadelta}


@dataclass(frozen=True)
class Rows:
    """Inputs [row, feature] and targets [row, layer] as a plain loop reads them."""

    inputs: np.ndarray
    targets: np.ndarray

    @property
    def windows(self):
        return windows_of_inputs(self.inputs, self.targets, SHAPE)


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


@dataclass
class Plainly:
    """What training one member plainly leaves; ``kept``: the network after each epoch."""

    best: PlainNetwork
    best_epoch: int
    history: list[tuple[float, float]]
    kept: list[PlainNetwork]


def train_plainly(model, rows, split, seed, start, settings, frozen=()):
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

    names = {parameter: name for name, _, parameter in network.pairs()}
    moved = [parameter for parameter in network.parameters() if parameter.requires_grad]
    more = {} if settings.optimiser == "adadelta" else {"betas": tuple(settings.betas)}
    optimiser = OPTIMISERS[settings.optimiser](moved, lr=settings.learning_rate, **more)
    began = [own.detach().clone() for own in moved]
    generator = np.random.default_rng(seed)
    best, best_loss, best_epoch, waited, history, kept = None, math.inf, 0, 0, [], []
    for epoch in range(1, settings.epochs + 1):
        order, losses = generator.permutation(split.training), []
        for first in range(0, len(order), settings.batch_size):
            loss = loss_of(order[first : first + settings.batch_size])
            if loss is None:
                continue
            losses.append(loss.item())
            for pattern, factor in settings.l2.items():
                loss = loss + factor * sum(own.square().sum() for own in moved if fnmatch(names[own], pattern))
            optimiser.zero_grad()
            loss.backward()
            if settings.clip is not None:
                torch.nn.utils.clip_grad_norm_(moved, settings.clip)
            done = epoch - 1 + first / settings.batch_size / math.ceil(len(order) / settings.batch_size)
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * factor_of(settings.schedule, done, settings.epochs)
            optimiser.step()
            rate = optimiser.param_groups[0]["lr"]
            with torch.no_grad():
                for own, first_value in zip(moved, began, strict=True):
                    own -= rate * settings.anchor * (own - first_value)
                    if own.dim() > 1:  # no bias
                        own -= rate * settings.decay * own
        with torch.no_grad():
            validation = loss_of(split.validation).item()
        history.append((np.mean(losses), validation))
        kept.append(copy.deepcopy(network))
        if validation < best_loss:
            best, best_loss, best_epoch, waited = copy.deepcopy(network), validation, epoch, 0
        else:
            waited += 1
            if waited == settings.patience and settings.stop["stop"] == "early":
                break
    return Plainly(best, best_epoch, history, kept)


def weights_of(network):
    """Parameters by their names in the stack."""
    found = {}
    for name, direction, parameter in network.pairs():
        found.setdefault(name, []).append((direction, parameter.detach()))
    return {
        name: own[0][1] if own[0][0] is None else torch.stack([value for _, value in own])
        for name, own in found.items()
    }
