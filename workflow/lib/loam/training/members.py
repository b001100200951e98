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
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from loam.errors import ConfigError
from loam.io.progress import PROGRESS, SECONDS
from loam.io.remaining import duration
from loam.samples.windows import Windows
from loam.training.checkpoints import Checkpoints
from loam.training.device_inputs import ScaledInputs
from loam.training.draws import draws_of
from loam.training.extras import Extras
from loam.training.group import Group, Weighing
from loam.training.loop import Plain, draws_inside
from loam.training.member import Member
from loam.training.memory import members_at_once
from loam.training.scaling import Scaler
from loam.training.split import Split
from loam.training.stacked import Stack
from loam.training.targets import Targets
from loam.training.training_settings import TrainingSettings

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Trained:
    """Members after training.

    Args:
        parameters: and buffers, by name, [member, ...], on the processor: those that ``stop`` chooses.
        best_epoch: epoch (from 1) with the lowest validation loss, one a member.
        best_loss: that loss; without rows that validate, the least training loss.
        epochs: epochs that were run.
        history: columns member (position), epoch, training_loss (mean of the epoch's batches), validation_loss (all
            validation rows at once).
    """

    parameters: dict[str, Tensor]
    best_epoch: list[int]
    best_loss: list[float]
    epochs: list[int]
    history: pd.DataFrame

    def take(self, first: int, last: int) -> Trained:
        """Of the members from ``first`` to before ``last``."""
        own = self.history[self.history["member"].between(first, last - 1)]
        return Trained(
            {name: tensor[first:last] for name, tensor in self.parameters.items()}, self.best_epoch[first:last],
            self.best_loss[first:last], self.epochs[first:last],
            own.assign(member=own["member"] - first).reset_index(drop=True),
        )  # fmt: skip


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
    extras: Extras = Extras(),  # noqa: B008 (frozen)
    weighing: Weighing = Weighing(),  # noqa: B008 (frozen)
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
        extras: each member's inputs behind the features.
        weighing: how each member's errors weigh.

    Raises:
        ConfigError: a member's loss (of rows that validate, where any do) was never a number.
    """
    names = names or [f"member {place}" for place in range(len(splits))]
    members = [
        Member(place, names[place], split, seed, np.random.default_rng(seed), settings.stop)
        for place, (split, seed) in enumerate(zip(splits, seeds, strict=True))
    ]
    start = {
        **start,
        **{
            name: own.expand(len(members), *own.shape)
            for name, own in network.named_buffers() if name not in start
        },
    }  # fmt: skip
    groups = _groups(network, start, windows, settings, device, threads, extras)
    interrupted, report = Event(), Report(len(members), settings.epochs)
    data = Targets(windows, settings, device, dtype)

    def train_group(places: np.ndarray) -> None:
        own = {
            name: tensor[places].to(device, dtype if tensor.is_floating_point() else None)
            for name, tensor in start.items()
        }
        inputs = ScaledInputs(windows, scaler.take(places), device, dtype, extras.take(places))
        told = weighing.take(places)
        told = Weighing(*(None if part is None else part.to(device, dtype) for part in (told.unit, told.level)))
        if settings.engine == "loop":
            trainer: Stack | Plain = Plain(network, own, frozen, settings)
        else:
            trainer = Stack(copy.deepcopy(network), own, frozen, settings, alone=len(members) == 1)
        part = checkpoints.part(places) if checkpoints else None
        own_members = [members[place] for place in places]
        group = Group(trainer, inputs, data, own_members, settings, draws_of(network), part, told)
        group.run(interrupted, report.tell)

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
    extras: Extras,
) -> list[np.ndarray]:
    """Places of the members that are trained together."""
    count = len(next(iter(start.values())))
    if settings.engine == "loop":
        return list(np.arange(count)[:, None])
    most = members_at_once(network, start, windows.features, settings.rows, torch.device(device), extras.width)
    on_gpu = torch.device(device).type == "cuda"
    groups = min(count, max(1 if on_gpu else threads, math.ceil(count / most)))
    return np.array_split(np.arange(count), groups)


def _trained(members: Sequence[Member], start: Mapping[str, Tensor], dtype: torch.dtype) -> Trained:
    lost = [member for member in members if member.best is None]
    if lost:
        kind = "validation loss" if any(len(member.split.validation) for member in lost) else "loss"
        raise ConfigError(
            f"the {kind} of {len(lost)} of {len(members)} members was never a number "
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


class Report:
    """Says now and then how far the training of all members is; what each group of members tells is put together."""

    def __init__(self, members: int, epochs: int) -> None:
        self._members, self._epochs, self._lock = members, epochs, Lock()
        self._groups: dict[int, tuple[Sequence[Member], int]] = {}
        self._began = self._said_at = time.monotonic()

    def tell(self, group: Sequence[Member], running: int) -> None:
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
