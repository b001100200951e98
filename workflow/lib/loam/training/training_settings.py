"""How members are trained, as the config's ``training.<model>`` says (``loam.config.models``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

EPOCH = 50  # steps, where batches are drawn by stations


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
        level_weight: of the losses within stations; ``reml`` estimates it from each member's training stations.
        betas: of Adam.
        decay: of the weights, biases apart, decoupled from the gradient (Loshchilov & Hutter 2019), times the rate.
        anchor: of what all parameters have moved from their start, likewise (Li et al. 2018).
        batch: ``stations`` a batch, ``rows`` of each, ``target_share`` of the stations where both domains train; None:
            ``batch_size`` rows, every row once an epoch.
        steps: of batches by stations; ``EPOCH`` of them are an epoch.
        validation: ``fold``: rows that validate do not train; ``none``: they do.
        absent: share of the rows that are shown without what the other probes of the day say.
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
    level_weight: float | str = 0.03
    betas: Sequence[float] = field(default_factory=lambda: [0.9, 0.999])
    decay: float = 0.0
    anchor: float = 0.0
    batch: Mapping[str, Any] | None = None
    steps: int | None = None
    validation: str = "fold"
    absent: float = 0.0

    @property
    def rows(self) -> int:
        """Rows of a step."""
        return self.batch["stations"] * self.batch["rows"] if self.batch else self.batch_size

    @property
    def rows_of_station(self) -> int:
        """Rows that a batch by stations has of each."""
        return self.batch["rows"] if self.batch else 1

    @property
    def length(self) -> float:
        """Epochs of the whole training, the last of which may be a part of one, where batches are by stations."""
        return self.steps / EPOCH if self.steps else self.epochs


def training_settings(chosen: Mapping[str, Any], absent: float = 0.0) -> TrainingSettings:
    """The settings among all that ``training.<model>`` chooses; ``absent`` is of ``features.neighbours``."""
    given = {item.name: chosen[item.name] for item in fields(TrainingSettings) if item.name != "absent"}
    given["absent"] = absent if chosen["neighbours"] else 0.0
    if given["steps"]:
        batch = given["batch"]
        given |= {"epochs": -(-given["steps"] // EPOCH), "batch_size": batch["stations"] * batch["rows"], "patience": 1}
    return TrainingSettings(**given)
