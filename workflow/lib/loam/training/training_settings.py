"""How members are trained, as the config's ``training.<model>`` says (``loam.config.models``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class TrainingSettings:
    """How members are trained.

    Args:
        learning_rate: of the optimiser, times the schedule's factor.
        batch_size: rows a step; an epoch's last batch is what is left.
        epochs: at most so many.
        patience: epochs without a better validation loss before a member stops, where stopping is early.
        loss: name of ``loam.config.models.LOSSES``.
        optimiser: ``adam``, ``adamw`` or ``adadelta``; its other constants are PyTorch's defaults.
        schedule: of the learning rate: ``name`` and its parameters.
        stop: which weights a member ends with: ``early``, those of the epoch with the least validation loss; ``last``;
            ``average``, the mean of those after each of the last ``epochs`` epochs.
        l2: factor of the squares of parameters by pattern of their names, added to the loss.
        clip: greatest norm of a step's gradient.
        engine: ``stacked`` (members side by side) or ``loop`` (plain PyTorch, one by one).
        answers: ``last`` or ``every``: the network answers for the window's last day, or for each of its days.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    loss: str = "concordance"
    optimiser: str = "adam"
    schedule: Mapping[str, Any] = field(default_factory=lambda: {"name": "constant"})
    stop: Mapping[str, Any] = field(default_factory=lambda: {"stop": "early", "epochs": 1})
    l2: Mapping[str, float] = field(default_factory=dict)
    clip: float | None = None
    engine: str = "stacked"
    answers: str = "last"


def training_settings(chosen: Mapping[str, Any]) -> TrainingSettings:
    """The settings among all that ``training.<model>`` chooses."""
    return TrainingSettings(**{item.name: chosen[item.name] for item in fields(TrainingSettings)})
