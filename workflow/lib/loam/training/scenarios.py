"""The three scenarios of Widyastuti et al.: trained on the source domain, on the target domain, and transfer.

Transfer starts every fold from the source domain's network and fine-tunes it on the target's stations; the first hidden
layers stay as they were pretrained.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from loam.covariates.features import FeatureSet, feature_set
from loam.errors import LeakageError
from loam.training.batched import TrainingSettings, train_members
from loam.training.card import Members
from loam.training.device import describe, use_device
from loam.training.networks import build_network, draw_parameters
from loam.training.rows import hash_of_samples, rows_of
from loam.training.scaling import Scaler, fit_scaler
from loam.training.seeds import derive_seed
from loam.training.split import Split, split_folds, split_source

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Plan:
    """What a run's config says about the training of one model.

    Args:
        model: name of the network.
        network: its settings, the config's ``training.<model>``.
        features: what it reads.
        layers: names of the layers that it predicts.
        training: how it is trained.
        seed: the run's seed.
        device: where it is trained.
    """

    model: str
    network: dict[str, Any]
    features: FeatureSet
    layers: list[str]
    training: TrainingSettings
    seed: int
    device: torch.device


@dataclass(frozen=True)
class Result:
    """What a scenario leaves: parameters [member, ...], the card's content, the history (member is the fold)."""

    parameters: dict[str, Tensor]
    card: dict[str, Any]
    history: pd.DataFrame


def read_plan(values: Mapping[str, Any]) -> Plan:
    """The plan in the values of a training rule; sets device and threads."""
    training = values["training"]
    settings = TrainingSettings(*(training[key] for key in ("learning_rate", "batch_size", "epochs", "patience")))
    return Plan(
        values["model"], training[values["model"]], feature_set(values["features"]),
        [layer["name"] for layer in values["layers"]], settings, values["seed"],
        use_device(training["device"], values["threads"]),
    )  # fmt: skip


def train_source(plan: Plan, source: pd.DataFrame, validation: Mapping[str, Any]) -> Result:
    """One member on the source domain.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        validation: the config's ``training.validation``.
    """
    split = split_source(source, plan.layers, validation, plan.seed)
    rows = rows_of(source, plan.features, plan.layers, "source")
    scaler = fit_scaler(rows.inputs, [split.training], plan.features)
    stations = source["station"].to_numpy()
    described = {"fold": 0, "test_station": None, "validation_station": np.unique(stations[split.validation]).tolist()}
    return _train(plan, "source", "source", source, [split], [described], scaler, {"source": source})


def train_target(
    plan: Plan,
    target: pd.DataFrame,
    folds: pd.DataFrame,
    scaling: str,
    source: pd.DataFrame,
    validation: Mapping[str, Any],
) -> Result:
    """One member a fold, on the target domain alone.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``fold`` (each fold's own training rows) or ``source`` (the source domain's training rows).
        source: samples of the source domain, read only for ``scaling`` by it.
        validation: the config's ``training.validation``; tells the source domain's training rows.

    Raises:
        LeakageError: scaling by the source domain, and a target station is one of its stations.
    """
    splits = split_folds(target, plan.layers, folds)
    rows = rows_of(target, plan.features, plan.layers, "target")
    if scaling == "fold":
        scaler = fit_scaler(rows.inputs, [split.training for split in splits], plan.features)
    else:
        _refuse_shared_stations(set(source["station"]), target)
        read = rows_of(source, plan.features, plan.layers, "source")
        training = split_source(source, plan.layers, validation, plan.seed).training
        scaler = fit_scaler(read.inputs, [training], plan.features).of_members(len(splits))
    data = {"target": target} if scaling == "fold" else {"source": source, "target": target}
    return _train(plan, "target", scaling, target, splits, _described(folds), scaler, data)


def fine_tune(plan: Plan, target: pd.DataFrame, folds: pd.DataFrame, scaling: str, pretrained: Members) -> Result:
    """One member a fold, from the source domain's network on, with the plan's first hidden layers frozen.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``source`` (the pretrained network's scaler, with which the frozen layers were trained) or ``fold``.
        pretrained: the member of scenario ``source``.

    Raises:
        ConfigError: the pretrained network has other features or layers.
        LeakageError: a target station trained or validated the pretrained network.
    """
    pretrained.check(plan.features.columns, plan.layers)
    before = pretrained.card["members"][0]
    _refuse_shared_stations({*before["training_stations"], *before["validation_station"]}, target)
    splits = split_folds(target, plan.layers, folds)
    rows = rows_of(target, plan.features, plan.layers, "target")
    if scaling == "fold":
        scaler = fit_scaler(rows.inputs, [split.training for split in splits], plan.features)
    else:
        scaler = Scaler(pretrained.mean.numpy(), pretrained.std.numpy()).of_members(len(splits))
    return _train(
        plan, "transfer", scaling, target, splits, _described(folds), scaler, {"target": target},
        start={name: tensor.expand(len(splits), *tensor.shape[1:]) for name, tensor in pretrained.parameters.items()},
        frozen=pretrained.network.frozen_parameters(plan.network["frozen"]),
        pretrained=pretrained.card["data"],
    )  # fmt: skip


def _train(
    plan: Plan,
    scenario: str,
    scaling: str,
    samples: pd.DataFrame,
    splits: Sequence[Split],
    described: Sequence[dict[str, Any]],
    scaler: Scaler,
    data: Mapping[str, pd.DataFrame],
    *,
    start: Mapping[str, Tensor] | None = None,
    frozen: Collection[str] = (),
    pretrained: Mapping[str, str] | None = None,
) -> Result:
    """Train the members that ``described`` names (fold, test and validation station) and describe them in a card."""
    rows = rows_of(samples, plan.features, plan.layers, "source" if scenario == "source" else "target")
    network = build_network(plan.model, plan.network, plan.features.shape, len(plan.layers))
    seeds = [derive_seed(plan.seed, plan.model, scenario, member["fold"]) for member in described]
    if start is None:
        start = draw_parameters(network, [derive_seed(seed, "weights") for seed in seeds])
    log.info("%s %s: %d member(s), %d to %d training rows, seed %d, %d parameters, %d of them frozen",
             plan.model, scenario, len(splits), *_extremes([len(split.training) for split in splits]), plan.seed,
             sum(tensor[0].numel() for tensor in start.values()), sum(start[name][0].numel() for name in frozen))  # fmt: skip
    began = time.perf_counter()
    trained = train_members(
        network, start, rows, splits, [derive_seed(seed, "batches") for seed in seeds], scaler, plan.training,
        frozen=frozen, device=plan.device,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    steps = sum(
        epochs * -(-len(split.training) // plan.training.batch_size)
        for epochs, split in zip(trained.epochs, splits, strict=True)
    )
    log.info("%d steps in %.1f s, %.3f ms a step of one member", steps, seconds, seconds / steps * 1000)
    members = []
    for place, (member, split) in enumerate(zip(described, splits, strict=True)):
        members.append({
            **member, **_rows_described(samples, split), "seed": seeds[place],
            "scaler": {"mean": scaler.mean[place].tolist(), "std": scaler.std[place].tolist()},
            "best_epoch": trained.best_epoch[place], "best_validation_loss": trained.best_loss[place],
            "epochs": trained.epochs[place],
        })  # fmt: skip
        log.info("fold %d, test station %s, validation station %s: best validation loss %.4f in epoch %d of %d",
                 member["fold"], member["test_station"], member["validation_station"], trained.best_loss[place],
                 trained.best_epoch[place], trained.epochs[place])  # fmt: skip
    card = {
        "model": plan.model, "scenario": scenario, "layers": plan.layers, "features": plan.features.columns,
        "shape": list(plan.features.shape), "network": plan.network, "training": asdict(plan.training),
        "scaling": scaling, "frozen": list(frozen), "seed": plan.seed,
        "data": {domain: hash_of_samples(frame, plan.features, plan.layers) for domain, frame in data.items()},
        "pretrained": pretrained, "device": describe(plan.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "members": members,
    }  # fmt: skip
    folds = np.array([member["fold"] for member in described])
    history = trained.history.assign(member=folds[trained.history["member"]])
    return Result(trained.parameters, card, history)


def _described(folds: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(folds[["fold", "test_station", "validation_station"]].to_json(orient="records"))


def _rows_described(samples: pd.DataFrame, split: Split) -> dict[str, Any]:
    training, validation = samples.iloc[split.training], samples.iloc[split.validation]
    return {
        "training_stations": sorted(training["station"].unique().tolist()),
        "training_rows": len(training),
        "validation_rows": len(validation),
        "training_dates": [f"{day:%Y-%m-%d}" for day in _extremes(training["date"])],
        "validation_dates": [f"{day:%Y-%m-%d}" for day in _extremes(validation["date"])],
    }


def _refuse_shared_stations(seen: set[str], target: pd.DataFrame) -> None:
    shared = sorted(seen & set(target["station"]))
    if shared:
        raise LeakageError(
            f"station {', '.join(shared)} is in the source domain too", where="samples of the target domain",
            expected="stations that the source domain has not seen",
            fix="take it out of one of the two tables, or give two stations two names",
        )  # fmt: skip


def _extremes(values: Any) -> tuple[Any, Any]:
    return min(values), max(values)
