"""Training of many members side by side: what training them one after the other gives, in one batched computation.

Members have rows, shuffles, scalers, losses, Adam steps and early stopping of their own; only the arithmetic is shared.
Members that have stopped leave the computation. On a processor a member's numbers do not depend, to the bit, on who is
trained beside it, so that nothing of a held-out station reaches the member that is tested on it.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from loam.errors import ConfigError
from loam.io.progress import PROGRESS, SECONDS
from loam.io.remaining import duration
from loam.training.dense import DenseNetwork
from loam.training.inputs import ScaledInputs, batches_of, predict
from loam.training.loss import concordance_loss
from loam.training.rows import Rows
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.stack import Stack

log = logging.getLogger("loam")

SIDE_BY_SIDE = 13  # members in one computation on a processor; what more of them read outgrows its cache


@dataclass(frozen=True)
class TrainingSettings:
    """How members are trained.

    Args:
        learning_rate: of Adam.
        batch_size: rows a step; an epoch's last batch is what is left.
        epochs: at most so many.
        patience: epochs without a better validation loss before a member stops.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    patience: int


@dataclass(frozen=True)
class Trained:
    """Members after training.

    Args:
        parameters: by name, [member, ...]: those of each member's best epoch, on the processor.
        best_epoch: epoch (from 1) with the lowest validation loss, one a member.
        best_loss: that loss.
        epochs: epochs that were run.
        history: columns member (position), epoch, training_loss (mean of the epoch's batches), validation_loss (all
            validation rows at once).
    """

    parameters: dict[str, Tensor]
    best_epoch: list[int]
    best_loss: list[float]
    epochs: list[int]
    history: pd.DataFrame


def train_members(
    network: DenseNetwork,
    start: Mapping[str, Tensor],
    rows: Rows,
    splits: Sequence[Split],
    seeds: Sequence[int],
    scaler: Scaler,
    settings: TrainingSettings,
    *,
    frozen: Collection[str] = (),
    device: torch.device | str = "cpu",
    threads: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Trained:
    """Train one member a split, each until its validation loss has not improved for ``settings.patience`` epochs.

    A batch in which no layer has two observed values has no loss; the member it belongs to passes over it.

    Args:
        network: the members' network.
        start: parameters to start from, by name, [member, ...].
        rows: the domain's rows.
        splits: each member's training and validation rows.
        seeds: each member's seed, for the order of its training rows.
        scaler: each member's scaler.
        settings: how to train.
        frozen: names of the parameters that stay as they are.
        device: where to train.
        threads: on a processor, members are trained in so many groups at a time.
        dtype: of parameters and scaled inputs.

    Raises:
        ConfigError: a member's validation loss was never a number.
    """
    members = [
        _Member(place, split, np.random.default_rng(seed))
        for place, (split, seed) in enumerate(zip(splits, seeds, strict=True))
    ]
    on_gpu = torch.device(device).type == "cuda"
    groups = 1 if on_gpu else min(len(members), max(threads, math.ceil(len(members) / SIDE_BY_SIDE)))
    interrupted, report = Event(), _Report(len(members), settings.epochs)

    def train_group(places: np.ndarray) -> None:
        own = {name: tensor[places].to(device, dtype) for name, tensor in start.items()}
        inputs = ScaledInputs(rows, Scaler(scaler.mean[places], scaler.std[places]), device, dtype)
        stack = Stack(copy.deepcopy(network), own, frozen, settings.learning_rate, alone=len(members) == 1)
        _train_side_by_side(
            stack, inputs, _Targets(rows, inputs), [members[place] for place in places], settings, interrupted, report
        )

    with ThreadPoolExecutor(threads) as pool:
        try:
            list(pool.map(train_group, np.array_split(np.arange(len(members)), groups)))
        except BaseException:
            interrupted.set()
            raise
    lost = [member.place for member in members if member.best is None]
    if lost:
        raise ConfigError(
            f"the validation loss of {len(lost)} of {len(members)} members was never a number",
            where="config key 'training.learning_rate'", fix="lower it",
        )  # fmt: skip
    best = {name: torch.stack([member.best[name] for member in members]) for name in members[0].best}
    return Trained(
        {name: best[name] if name in best else tensor.to("cpu", dtype) for name, tensor in start.items()},
        [member.best_epoch for member in members],
        [member.best_loss for member in members],
        [len(member.history) for member in members],
        pd.DataFrame(
            [(member.place, *epoch) for member in members for epoch in member.history],
            columns=["member", "epoch", "training_loss", "validation_loss"],
        ),
    )


@dataclass
class _Member:
    """One member's rows and how far it has come."""

    place: int
    split: Split
    generator: np.random.Generator
    best_epoch: int = 0
    best_loss: float = math.inf
    best: dict[str, Tensor] | None = None
    history: list[tuple[int, float, float]] = field(default_factory=list)

    def note(self, training_loss: float, validation_loss: float, parameters: Mapping[str, Tensor]) -> None:
        epoch = len(self.history) + 1
        self.history.append((epoch, training_loss, validation_loss))
        if validation_loss < self.best_loss:
            self.best_epoch, self.best_loss = epoch, validation_loss
            self.best = {name: tensor.detach().to("cpu", copy=True) for name, tensor in parameters.items()}


class _Report:
    """Says now and then how far the training of all members is; what each group of members tells is put together."""

    def __init__(self, members: int, epochs: int) -> None:
        self._members, self._epochs, self._lock = members, epochs, Lock()
        self._groups: dict[int, tuple[Sequence[_Member], int]] = {}
        self._began = self._said_at = time.monotonic()

    def tell(self, group: Sequence[_Member], running: int) -> None:
        """``running`` members of a group go on after an epoch."""
        with self._lock:
            self._groups[id(group)] = group, running
            now = time.monotonic()
            if now - self._said_at >= SECONDS:
                self._said_at = now
                log.info("%s", self._text(now - self._began), extra=PROGRESS)

    def _text(self, seconds: float) -> str:
        members = [member for group, _ in self._groups.values() for member in group]
        not_begun = self._members - len(members)
        epochs = [(max(len(member.history) for member in group), running) for group, running in self._groups.values()]
        running = sum(left for _, left in epochs) + not_begun
        to_do = sum(left * (self._epochs - epoch) for epoch, left in epochs) + not_begun * self._epochs
        left = seconds * to_do / sum(len(member.history) for member in members)
        return (
            f"epoch {max(epochs)[0]} of at most {self._epochs}, {running} of {self._members} members go on, validation "
            f"loss {np.median([member.best_loss for member in members]):.3f} (median of their best), at most "
            f"{duration(left)} left"
        )


class _Targets:
    """Observed moisture of the domain's rows on the device; NaN where not observed."""

    def __init__(self, rows: Rows, inputs: ScaledInputs) -> None:
        self.observed = np.isfinite(rows.targets)
        self._moisture = torch.from_numpy(rows.targets).to(inputs.device, inputs.dtype)

    def loss(self, predicted: Tensor, index: Tensor, real: Tensor) -> Tensor:
        """Loss [...] of ``predicted`` [..., row, layer] for rows ``index`` [..., row] where ``real``."""
        observed = self._moisture.index_select(0, index.flatten()).unflatten(0, index.shape)
        return concordance_loss(predicted, observed, observed.isfinite() & real.unsqueeze(-1))


def _train_side_by_side(
    stack: Stack,
    inputs: ScaledInputs,
    targets: _Targets,
    members: Sequence[_Member],
    settings: TrainingSettings,
    interrupted: Event,
    report: _Report,
) -> None:
    running = list(members)
    for _ in range(settings.epochs):
        if interrupted.is_set():
            return
        training_loss = _train_epoch(stack, inputs, targets, running, settings.batch_size)
        validation_loss = _validate(stack, inputs, targets, running)
        for place, member in enumerate(running):
            member.note(training_loss[place], validation_loss[place], stack.trained_of(place))
        left = [
            place for place, member in enumerate(running) if len(member.history) - member.best_epoch < settings.patience
        ]
        report.tell(members, len(left))
        if not left:
            return
        if len(left) < len(running):
            running = [running[place] for place in left]
            stack.keep(left)
            inputs.keep(left)


def _train_epoch(
    stack: Stack, inputs: ScaledInputs, targets: _Targets, members: Sequence[_Member], batch_size: int
) -> list[float]:
    shuffled = [member.generator.permutation(member.split.training) for member in members]
    index, real = batches_of(shuffled, batch_size)
    moves = ((targets.observed[index] & real[..., None]).sum(2) >= 2).any(2)  # [member, batch]: it has a loss
    losses = []
    batches = zip(*(torch.from_numpy(part).to(inputs.device).unbind(1) for part in (index, real)), strict=True)
    for step, (batch, exists) in enumerate(batches):
        loss = targets.loss(stack(*inputs.read(batch)), batch, exists)
        stack.step(loss, moves[:, step])
        losses.append(loss.detach())
    total = torch.stack(losses, 1).double().cpu().numpy().sum(1)  # a batch without a loss has loss 0
    return (total / np.maximum(moves.sum(1), 1)).tolist()


def _validate(stack: Stack, inputs: ScaledInputs, targets: _Targets, members: Sequence[_Member]) -> list[float]:
    rows = [member.split.validation for member in members]
    losses = []
    for own, predicted in zip(rows, predict(stack, inputs, rows), strict=True):
        index = torch.from_numpy(own).to(inputs.device)
        losses.append(targets.loss(predicted, index, torch.ones_like(index, dtype=torch.bool)))
    return torch.stack(losses).tolist()
