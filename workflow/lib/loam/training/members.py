"""Training of many members: their epochs, losses, stopping, checkpoints; the arithmetic is a trainer's.

Members have rows, shuffles, scalers, losses, steps and stopping of their own. ``training.engine`` says which trainer
computes: ``stacked`` puts members side by side in groups that fit a processor's cache or a GPU's memory, ``loop`` takes
each by itself. Both give what training them one after the other gives.
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
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from loam.config.models import LOSSES
from loam.errors import ConfigError
from loam.io.progress import PROGRESS, SECONDS
from loam.io.remaining import duration
from loam.plugins import load
from loam.samples.windows import Windows
from loam.training.checkpoints import Checkpoints
from loam.training.draws import draw, draws_of
from loam.training.inputs import ROWS_AT_ONCE, Inputs, ScaledInputs, batches_of
from loam.training.loop import Plain, draws_inside
from loam.training.losses import LEAST, of_teachers
from loam.training.memory import members_at_once
from loam.training.scaling import Scaler
from loam.training.seeds import derive_seed
from loam.training.settings import TrainingSettings
from loam.training.split import Split
from loam.training.stacked import Stack

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Trained:
    """Members after training.

    Args:
        parameters: and buffers, by name, [member, ...], on the processor: those that ``stop`` chooses.
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
    network: nn.Module,
    start: Mapping[str, Tensor],
    windows: Windows,
    splits: Sequence[Split],
    seeds: Sequence[int],
    scaler: Scaler,
    settings: TrainingSettings,
    *,
    frozen: Collection[str] = (),
    device: torch.device | str = "cpu",
    threads: int = 1,
    dtype: torch.dtype = torch.float32,
    names: Sequence[str] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train one member a split, each until its stopping rule ends it.

    A batch in which no layer has enough observed values has no loss; the member it belongs to passes over it. A member
    whose loss is no longer a number stops alone, with the best weights it had, and is named.

    Args:
        network: the members' network.
        start: parameters to start from, by name, [member, ...]; buffers that are not among them start as the network's.
        windows: the domain's rows.
        splits: each member's training and validation rows.
        seeds: each member's seed, for the order of its training rows and for what its network needs drawn.
        scaler: each member's scaler.
        settings: how to train.
        frozen: names of the parameters and buffers that stay as they are.
        device: where to train.
        threads: on a processor, members are trained in so many groups at a time.
        dtype: of parameters and scaled inputs.
        names: of the members, for messages.
        checkpoints: where the state is kept in case the training is killed; None: nowhere.

    Raises:
        ConfigError: a member's validation loss was never a number.
    """
    names = names or [f"member {place}" for place in range(len(splits))]
    members = [
        _Member(place, names[place], split, seed, np.random.default_rng(seed), settings.stop)
        for place, (split, seed) in enumerate(zip(splits, seeds, strict=True))
    ]
    start = {
        **start,
        **{
            name: own.expand(len(members), *own.shape)
            for name, own in network.named_buffers() if name not in start
        },
    }  # fmt: skip
    groups = _groups(network, start, windows, settings, device, threads)
    interrupted, report = Event(), _Report(len(members), settings.epochs)
    data = _Targets(windows, settings, device, dtype)

    def train_group(places: np.ndarray) -> None:
        own = {
            name: tensor[places].to(device, dtype if tensor.is_floating_point() else None)
            for name, tensor in start.items()
        }
        inputs = ScaledInputs(windows, Scaler(scaler.mean[places], scaler.std[places]), device, dtype)
        if settings.engine == "loop":
            trainer: Stack | Plain = Plain(network, own, frozen, settings)
        else:
            trainer = Stack(copy.deepcopy(network), own, frozen, settings, alone=len(members) == 1)
        part = checkpoints.part(places) if checkpoints else None
        _Group(trainer, inputs, data, [members[place] for place in places], settings, draws_of(network), part).run(
            interrupted, report
        )

    serial = settings.engine == "loop" and draws_inside(network)  # PyTorch has one source of such numbers
    with ThreadPoolExecutor(1 if serial else threads) as pool:
        try:
            list(pool.map(train_group, groups))
        except BaseException:
            interrupted.set()
            raise
    return _trained(members, start, dtype)


def _groups(
    network: nn.Module,
    start: Mapping[str, Tensor],
    windows: Windows,
    settings: TrainingSettings,
    device: torch.device | str,
    threads: int,
) -> list[np.ndarray]:
    """Places of the members that are trained together."""
    count = len(next(iter(start.values())))
    if settings.engine == "loop":
        return list(np.arange(count)[:, None])
    most = members_at_once(network, start, windows.features.shape, settings.batch_size, torch.device(device))
    on_gpu = torch.device(device).type == "cuda"
    groups = min(count, max(1 if on_gpu else threads, math.ceil(count / most)))
    return np.array_split(np.arange(count), groups)


def _trained(members: Sequence[_Member], start: Mapping[str, Tensor], dtype: torch.dtype) -> Trained:
    lost = [member for member in members if member.best is None]
    if lost:
        raise ConfigError(
            f"the validation loss of {len(lost)} of {len(members)} members was never a number "
            f"({', '.join(member.name for member in lost[:10])})",
            where="config key 'training.learning_rate'", fix="lower it",
        )  # fmt: skip
    weights = [member.weights() for member in members]
    found = {name: torch.stack([own[name] for own in weights]) for name in weights[0]}
    return Trained(
        {name: found[name] if name in found else tensor.to("cpu", dtype) for name, tensor in start.items()},
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
    """One member's rows, how far it has come, and the weights it would end with."""

    place: int
    name: str
    split: Split
    seed: int
    generator: np.random.Generator
    stop: Mapping[str, Any]
    best_epoch: int = 0
    best_loss: float = math.inf
    best: dict[str, Tensor] | None = None
    kept: list[dict[str, Tensor]] = field(default_factory=list)
    history: list[tuple[int, float, float]] = field(default_factory=list)

    def note(self, training_loss: float, validation_loss: float, weights: Mapping[str, Tensor]) -> None:
        """An epoch is done, with ``weights``."""
        epoch, rule = len(self.history) + 1, self.stop["stop"]
        self.history.append((epoch, training_loss, validation_loss))
        better = validation_loss < self.best_loss
        if better:
            self.best_epoch, self.best_loss = epoch, validation_loss
        if better if rule == "early" else math.isfinite(validation_loss):
            copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
            self.best = copied
            if rule == "average":
                self.kept = [*self.kept, copied][-self.stop["epochs"] :]

    @property
    def failed(self) -> bool:
        """Its last losses are no numbers."""
        return not all(map(math.isfinite, self.history[-1][1:]))

    def goes_on(self, patience: int) -> bool:
        """Whether another epoch may follow."""
        waited = len(self.history) - self.best_epoch
        return not self.failed and (self.stop["stop"] != "early" or waited < patience)

    def weights(self) -> dict[str, Tensor]:
        """The weights it ends with."""
        if self.stop["stop"] != "average":
            return self.best or {}
        return {
            name: torch.stack([own[name] for own in self.kept]).to(torch.float64).mean(0).to(tensor.dtype)
            for name, tensor in self.kept[0].items()
        }

    def state(self) -> dict[str, Any]:
        """All that changes."""
        return {
            "generator": self.generator.bit_generator.state, "best_epoch": self.best_epoch,
            "best_loss": self.best_loss, "best": self.best, "kept": self.kept, "history": self.history,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state``."""
        self.generator.bit_generator.state = state["generator"]
        self.best_epoch, self.best_loss = state["best_epoch"], state["best_loss"]
        self.best, self.kept, self.history = state["best"], state["kept"], list(map(tuple, state["history"]))


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
    """Observed moisture on the device, NaN where not observed, and the loss against it."""

    def __init__(
        self, windows: Windows, settings: TrainingSettings, device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self._loss, self._least = load(LOSSES[settings.loss]), LEAST.get(settings.loss, 1)
        self._weights, self._every = windows.series.weights, settings.answers == "every"
        self._lags = windows.lags if self._every and len(windows.lags) else np.zeros(1, np.int64)
        self._position, self._observed = windows.position, np.isfinite(windows.moisture)
        self._moisture = torch.from_numpy(windows.moisture).to(device, dtype)
        self._rows, self._before = (
            torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in (windows.position, self._lags)
        )

    def enough(self, index: np.ndarray, real: np.ndarray) -> np.ndarray:
        """Which batches [...] have a loss: rows ``index`` [..., row] where ``real``."""
        counts = np.zeros((*index.shape[:-1], self._observed.shape[2]), np.int64)
        for teacher in self._observed:
            found = np.zeros_like(counts)
            for lag in self._lags:
                found += (teacher[self._position[index] - lag] & real[..., None]).sum(-2)
            counts = np.maximum(counts, found)
        return np.asarray((counts >= self._least).any(-1))

    def loss(self, predicted: Tensor, index: Tensor, real: Tensor) -> Tensor:
        """Loss [...] of ``predicted`` [..., row, step, output] for rows ``index`` [..., row] where ``real``."""
        if not self._every:
            predicted = predicted[..., -1:, :]
        place = (self._rows[index].unsqueeze(-1) - self._before).flatten(-2)  # [..., row step]
        observed = self._moisture.index_select(1, place.flatten()).unflatten(1, place.shape)
        exists = real.unsqueeze(-1).expand(*real.shape, len(self._before)).flatten(-2)
        known = observed.isfinite() & exists.unsqueeze(-1)
        return of_teachers(self._loss, predicted.flatten(-3, -2), observed, known, self._weights)


class _Group:
    """Members that one trainer computes."""

    def __init__(
        self,
        trainer: Stack | Plain,
        inputs: ScaledInputs,
        targets: _Targets,
        members: Sequence[_Member],
        settings: TrainingSettings,
        draws: Mapping[str, tuple[float, tuple[int, ...]]],
        checkpoints: Checkpoints | None,
    ) -> None:
        self.trainer, self.inputs, self.targets, self.settings, self.draws = trainer, inputs, targets, settings, draws
        self.members, self.running, self.checkpoints = members, list(members), checkpoints
        self._step = 0  # and the losses, of an epoch that a checkpoint has cut short
        self._losses: list[Any] = []

    def run(self, interrupted: Event, report: _Report) -> None:
        """Train until all have stopped."""
        self._resume()
        while self.running and len(self.running[0].history) < self.settings.epochs:
            if interrupted.is_set():
                return
            training_loss = self._train_epoch(interrupted)
            if interrupted.is_set():
                return
            validation_loss = self._validate()
            for place, member in enumerate(self.running):
                member.note(training_loss[place], validation_loss[place], self.trainer.weights_of(place))
                if member.failed:
                    log.warning(
                        "%s: its loss is no longer a number after epoch %d; it stops%s", member.name,
                        len(member.history), f" with the weights of epoch {member.best_epoch}" if member.best else "",
                    )  # fmt: skip
            left = [place for place, member in enumerate(self.running) if member.goes_on(self.settings.patience)]
            report.tell(self.members, len(left))
            if len(left) < len(self.running):
                self.running = [self.running[place] for place in left]
                if left:
                    self.trainer.keep(left)
                    self.inputs.keep(left)
            self._keep_state()

    def _train_epoch(self, interrupted: Event) -> list[float]:
        before = [member.generator.bit_generator.state for member in self.running]
        shuffled = [member.generator.permutation(member.split.training) for member in self.running]
        index, real = batches_of(shuffled, self.settings.batch_size, self.trainer.whole)
        moves = self.targets.enough(index, real) & (real.sum(-1) >= self.trainer.least)  # [member, batch]
        real &= moves[..., None]  # a batch without a loss tells a member nothing
        epochs = len(self.running[0].history)
        own = [math.ceil(len(rows) / self.settings.batch_size) for rows in shuffled]
        first, losses = self._step, list(self._losses)
        self._step, self._losses = 0, []
        for step in range(first, index.shape[1]):
            if step > first and self._due():
                self._keep_state(before, step, losses)
            if interrupted.is_set():
                break
            batch, exists = (torch.from_numpy(part[:, step]).to(self.inputs.device) for part in (index, real))
            if self.trainer.whole == 1:
                batch, exists = batch[:, exists[0]], exists[:, exists[0]]
                if not batch.shape[1]:
                    losses.append(torch.zeros(1, dtype=self.inputs.dtype, device=self.inputs.device))
                    continue
            loss = self.targets.loss(self.trainer(self._read(batch, exists, epochs, step)), batch, exists)
            self.trainer.step(loss, moves[:, step], [epochs + min(step / count, 1.0) for count in own])
            losses.append(loss.detach())
        total = torch.stack(losses, 1).double().cpu().numpy().sum(1)  # a batch without a loss has loss 0
        return (total / np.maximum(moves.sum(1), 1)).tolist()

    def _read(self, batch: Tensor, exists: Tensor, epoch: int, step: int) -> Inputs:
        inputs = {**self.inputs.read(batch), "real": exists}
        rows, size = batch.shape[1], self.settings.batch_size
        for name, (rate, shape) in self.draws.items():
            masks = torch.stack([
                draw(derive_seed(member.seed, name, epoch, step), rate, (size, *shape), self.inputs.dtype)
                for member in self.running
            ])[:, :rows]  # fmt: skip
            filled = masks.new_ones(len(masks), rows - masks.shape[1], *shape)  # of rows that do not count
            inputs[name] = torch.cat([masks, filled], 1).to(self.inputs.device)
        if self.trainer.draws_inside:
            torch.manual_seed(derive_seed(self.running[0].seed, "inside", epoch, step))
        return inputs

    def _validate(self) -> list[float]:
        rows = [member.split.validation for member in self.running]
        losses = []
        for own, predicted in zip(rows, predict(self.trainer.predict, self.inputs, rows), strict=True):
            index = torch.from_numpy(own).to(self.inputs.device)
            losses.append(self.targets.loss(predicted, index, torch.ones_like(index, dtype=torch.bool)))
        return torch.stack(losses).tolist()

    def _due(self) -> bool:
        return self.checkpoints is not None and self.checkpoints.due()

    def _keep_state(
        self, generators: Sequence[Mapping[str, Any]] = (), step: int = 0, losses: Sequence[Tensor] = ()
    ) -> None:
        """Write a checkpoint where one is due: after an epoch, or before its ``step``."""
        if self.checkpoints is None or not self._due():
            return
        members = {member.place: member.state() for member in self.members}
        for member, generator in zip(self.running, generators, strict=False):
            members[member.place]["generator"] = generator
        self.checkpoints.write({
            "members": members, "running": [member.place for member in self.running],
            "trainer": self.trainer.state(), "step": step, "losses": list(losses),
        })  # fmt: skip

    def _resume(self) -> None:
        state = self.checkpoints.read() if self.checkpoints else None
        if state is None:
            return
        for member in self.members:
            member.restore(state["members"][member.place])
        left = [place for place, member in enumerate(self.members) if member.place in state["running"]]
        self.running = [self.members[place] for place in left]
        if left:
            self.trainer.keep(left)
            self.inputs.keep(left)
            self.trainer.restore(state["trainer"])
        self._step, self._losses = state["step"], state["losses"]
        log.info("goes on from a checkpoint: %s after epoch %d, step %d", ", ".join(m.name for m in self.running[:5]),
                 max(len(member.history) for member in self.members), self._step)  # fmt: skip


@torch.no_grad()
def predict(run: Any, inputs: ScaledInputs, rows: Sequence[np.ndarray]) -> list[Tensor]:
    """Each member's outputs [row, step, output] for its ``rows``.

    Args:
        run: gives outputs [member, row, step, output] of inputs; it is given batches of one size for all members.
        inputs: of the rows.
        rows: positions, of each member.
    """
    index = torch.from_numpy(batches_of(rows, ROWS_AT_ONCE)[0]).to(inputs.device)
    outputs = torch.cat([run(inputs.read(batch)) for batch in index.unbind(1)], 1)
    return [own[: len(places)] for own, places in zip(outputs, rows, strict=True)]
