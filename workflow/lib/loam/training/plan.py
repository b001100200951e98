"""What a run's config says about the training of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from loam.covariates.features import FeatureSet, feature_set
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows
from loam.training.device import use_device
from loam.training.extras import names_of_extras
from loam.training.split import Split, all_training, split_folds
from loam.training.training_settings import TrainingSettings, training_settings


@dataclass(frozen=True)
class Plan:
    """What a run's config says about the training of one model.

    Args:
        model: its name.
        plugin: where its network stands.
        network: its settings.
        family: values of some settings, of which each combination is a network.
        features: what it reads.
        layers: names of the layers that it predicts.
        training: how it is trained.
        scaling: ``standard``, ``limits`` or ``log_skewed``.
        seeds: networks of each combination, a fold; their mean is the answer.
        extras: names of the inputs behind the features.
        neighbours: ``features.neighbours``: how the other probes of the day weigh.
        seed: the run's seed.
        device: where it is trained.
        threads: threads that it may use.
        checkpoints: folder for the state of a training that takes long; None: none is kept.
    """

    model: str
    plugin: str
    network: dict[str, Any]
    features: FeatureSet
    layers: list[str]
    training: TrainingSettings
    seed: int
    device: torch.device
    threads: int
    family: dict[str, list[Any]] = field(default_factory=dict)
    scaling: str = "standard"
    seeds: int = 1
    extras: list[str] = field(default_factory=list)
    neighbours: dict[str, float] = field(default_factory=dict)
    checkpoints: Path | None = None

    def windows(self, series: SampleSeries, domain: str) -> Windows:
        """The rows of a domain's samples, as the model reads them."""
        return Windows(series, self.features, self.layers, domain)

    @property
    def validates(self) -> bool:
        """Whether rows that validate do so; else they train."""
        return self.training.validation != "none"

    def split(self, split: Split) -> Split:
        """A split as the model trains on it."""
        return split if self.validates else all_training(split)

    def split_folds(self, windows: Windows, folds: pd.DataFrame) -> list[Split]:
        """The split of each fold as the model trains on it."""
        return split_folds(windows.keys, self.layers, folds, validates=self.validates)


def read_plan(values: Mapping[str, Any], weights: Path | None = None) -> Plan:
    """The plan in the values of a training rule.

    Threads go to groups of members, and none to PyTorch's own loops: a member's numbers do not depend on their number.

    Args:
        values: of the rule.
        weights: the file that training will write; its state is kept beside it.
    """
    model, training = values["model"], values["training"]
    chosen, neighbours = training[model], values["features"]["neighbours"]
    layers = [layer["name"] for layer in values["layers"]]
    return Plan(
        model, chosen["plugin"], chosen["settings"], feature_set(values["features"], chosen["window"]), layers,
        training_settings(chosen, neighbours["absent"]), values["seed"], use_device(training["device"], 1),
        values["threads"], chosen["family"], chosen["scaling"], chosen["seeds"], names_of_extras(chosen, layers),
        neighbours, weights.with_name("checkpoint") if weights else None,
    )  # fmt: skip
