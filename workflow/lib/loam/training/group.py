"""Members that one trainer computes: their epochs, from a checkpoint on where there is one, until all have stopped."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import torch
from torch import Tensor

from loam.training.batches import StationBatches
from loam.training.checkpoints import Checkpoints
from loam.training.device_inputs import Inputs, ScaledInputs, batches_of
from loam.training.draws import draw
from loam.training.loop import Plain
from loam.training.member import Member
from loam.training.seeds import derive_seed
from loam.training.stacked import Stack
from loam.training.targets import Targets
from loam.training.training_settings import EPOCH, TrainingSettings

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Weighing:
    """How the errors of each member weigh: None, as they are.

    Args:
        unit: [member, layer], m3 m-3, what errors are measured in.
        level: [member], weight of a station's mean error in losses within stations.
    """

    unit: Tensor | None = None
    level: Tensor | None = None

    def take(self, places: list[int] | np.ndarray | int) -> Weighing:
        """Of the members at ``places``."""
        unit, level = (None if part is None else part[places] for part in (self.unit, self.level))
        return Weighing(unit, level)


class Group:
    """Members that one trainer computes."""

    def __init__(
        self,
        trainer: Stack | Plain,
        inputs: ScaledInputs,
        targets: Targets,
        members: Sequence[Member],
        settings: TrainingSettings,
        draws: Mapping[str, tuple[float, tuple[int, ...]]],
        checkpoints: Checkpoints | None,
        weighing: Weighing | None = None,
    ) -> None:
        self.trainer, self.inputs, self.targets, self.settings, self.draws = trainer, inputs, targets, settings, draws
        self.weighing = weighing or Weighing()
        self.members, self.running, self.checkpoints = members, list(members), checkpoints
        self._stations = {
            member.place: StationBatches(targets.windows, member.split.training, settings.batch)
            for member in members
            if settings.batch
        }
        self._step = 0  # and the losses, of an epoch that a checkpoint has cut short
        self._losses: list[Any] = []

    def run(self, interrupted: Event, told: Callable[[Sequence[Member], int], None]) -> None:
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
            told(self.members, len(left))
            if len(left) < len(self.running):
                self.running = [self.running[place] for place in left]
                if left:
                    self.trainer.keep(left)
                    self.inputs.keep(left)
                    self.weighing = self.weighing.take(left)
            self._keep_state()

    def _train_epoch(self, interrupted: Event) -> list[float]:
        """The mean loss of each running member's batches; nothing where another group has failed meanwhile."""
        before = [member.generator.bit_generator.state for member in self.running]
        index, real, own = self._batches()
        moves = self.targets.enough(index, real) & (real.sum(-1) >= self.trainer.least)  # [member, batch]
        real &= moves[..., None]  # a batch without a loss tells a member nothing
        epochs = len(self.running[0].history)
        first, losses = self._step, list(self._losses)
        self._step, self._losses = 0, []
        for step in range(first, index.shape[1]):
            if step > first and self._due():
                self._keep_state(before, step, losses)
            if interrupted.is_set():
                return []
            batch, exists = (torch.from_numpy(part[:, step]).to(self.inputs.device) for part in (index, real))
            if self.trainer.whole == 1:
                batch, exists = batch[:, exists[0]], exists[:, exists[0]]
                if not batch.shape[1]:
                    losses.append(torch.zeros(1, dtype=self.inputs.dtype, device=self.inputs.device))
                    continue
            answers = self.trainer(self._read(batch, exists, epochs, step))
            loss = self.targets.loss(answers, batch, exists, self.weighing.unit, self.weighing.level)
            self.trainer.step(loss, moves[:, step], [epochs + min(step / count, 1.0) for count in own])
            losses.append(loss.detach())
        total = torch.stack(losses, 1).double().cpu().numpy().sum(1)  # a batch without a loss has loss 0
        return (total / np.maximum(moves.sum(1), 1)).tolist()

    def _batches(self) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """Rows of an epoch [member, batch, row], which of them are real, and how many batches are each member's own."""
        size, whole = self.settings.rows, self.trainer.whole
        if not self.settings.batch:
            shuffled = [member.generator.permutation(member.split.training) for member in self.running]
            return *batches_of(shuffled, size, whole), [math.ceil(len(rows) / size) for rows in shuffled]
        steps = min(EPOCH, (self.settings.steps or EPOCH) - EPOCH * len(self.running[0].history))
        drawn = [self._stations[member.place].draw(member.generator, steps).reshape(-1) for member in self.running]
        return *batches_of(drawn, size, whole), [EPOCH] * len(drawn)

    def _read(self, batch: Tensor, exists: Tensor, epoch: int, step: int) -> Inputs:
        absent = None
        if self.inputs.reads_neighbours and self.settings.absent:
            chances = [np.random.default_rng(derive_seed(member.seed, "absent", epoch, step)).random(batch.shape[1])
                       for member in self.running]  # fmt: skip
            absent = torch.from_numpy(np.stack(chances) < self.settings.absent).to(self.inputs.device)
        inputs = {**self.inputs.read(batch, absent), "real": exists}
        rows, size = batch.shape[1], self.settings.rows
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
        if self.settings.validation == "none":
            return [math.nan] * len(rows)
        losses = []
        for place, predicted in enumerate(predict(self.trainer.predict, self.inputs, rows)):
            index = torch.from_numpy(rows[place]).to(self.inputs.device)
            weighing = self.weighing.take(place)
            real = torch.ones_like(index, dtype=torch.bool)
            losses.append(self.targets.loss(predicted, index, real, weighing.unit, weighing.level))
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
            self.weighing = self.weighing.take(left)
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
    index = torch.from_numpy(batches_of(rows, inputs.rows_at_once)[0]).to(inputs.device)
    outputs = torch.cat([run(inputs.read(batch)) for batch in index.unbind(1)], 1)
    return [own[: len(places)] for own, places in zip(outputs, rows, strict=True)]
