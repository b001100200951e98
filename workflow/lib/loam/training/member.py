"""One member in training: its rows, how far it has come, and the weights it would end with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from loam.training.split import Split


@dataclass
class Member:
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
        """An epoch is done, with ``weights``; without rows that validate, the training loss says whether it is one."""
        epoch, rule = len(self.history) + 1, self.stop["stop"]
        self.history.append((epoch, training_loss, validation_loss))
        loss = validation_loss if len(self.split.validation) else training_loss
        better = loss < self.best_loss
        if better:
            self.best_epoch, self.best_loss = epoch, loss
        if better if rule == "early" else math.isfinite(loss):
            copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
            self.best = copied
            if rule == "average":
                self.kept = [*self.kept, copied][-self.stop["epochs"] :]

    @property
    def failed(self) -> bool:
        """Its last losses are no numbers."""
        losses = self.history[-1][1:] if len(self.split.validation) else self.history[-1][1:2]
        return not all(map(math.isfinite, losses))

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
