"""The three scenarios of Widyastuti et al.: trained on the source domain, on the target domain, and transfer.

Transfer starts every fold from the source domain's network and fine-tunes it on the target's stations; the first hidden
layers stay as they were pretrained.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from loam.covariates.features import FeatureSet, feature_set
from loam.errors import LeakageError
from loam.io.tables import write_table
from loam.protocols.spans import KEY, days_by_role
from loam.training.batched import TrainingSettings, train_members
from loam.training.card import Members, write_members
from loam.training.device import describe, use_device
from loam.training.networks import build_network, draw_parameters
from loam.training.ranges import range_of_rows, read_range
from loam.training.rows import Rows, hash_of_samples, rows_of
from loam.training.scaling import Scaler, fit_scaler
from loam.training.seeds import derive_seed
from loam.training.split import Split, split_folds, split_source
from loam.training.steps import few_steps

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
        threads: threads that it may use.
    """

    model: str
    network: dict[str, Any]
    features: FeatureSet
    layers: list[str]
    training: TrainingSettings
    seed: int
    device: torch.device
    threads: int


@dataclass(frozen=True)
class Result:
    """What a scenario leaves: parameters [member, ...], the card's content, the history (member is the fold)."""

    parameters: dict[str, Tensor]
    card: dict[str, Any]
    history: pd.DataFrame


def read_plan(values: Mapping[str, Any]) -> Plan:
    """The plan in the values of a training rule.

    Threads go to groups of members, and none to PyTorch's own loops: a member's numbers do not depend on their number.
    """
    training = values["training"]
    settings = TrainingSettings(*(training[key] for key in ("learning_rate", "batch_size", "epochs", "patience")))
    return Plan(
        values["model"], training[values["model"]], feature_set(values["features"]),
        [layer["name"] for layer in values["layers"]], settings, values["seed"],
        use_device(training["device"], 1), values["threads"],
    )  # fmt: skip


def train_source(plan: Plan, source: pd.DataFrame, validation: Mapping[str, Any]) -> Result:
    """One member on the source domain.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        validation: the config's ``training.validation``.
    """
    rows = rows_of(source, plan.features, plan.layers, "source")
    split = split_source(source, plan.layers, validation, plan.seed)
    scaler = fit_scaler(rows.inputs, [split.training], plan.features)
    member = {"fold": 0, "size": 0, "draw": 1}
    about = {"protocol": None, "scaling": "source", "data": _hashes(plan, source=source)}
    return _train(plan, "source", source, rows, [split], [member], scaler, about)


def train_target(
    plan: Plan,
    target: pd.DataFrame,
    folds: pd.DataFrame,
    scaling: str,
    source: pd.DataFrame | None,
    validation: Mapping[str, Any],
) -> Result:
    """One member a fold, on the target domain alone.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``fold`` (each fold's own training rows) or ``source`` (the source domain's training rows).
        source: samples of the source domain, for ``scaling`` by it.
        validation: the config's ``training.validation``; tells the source domain's training rows.

    Raises:
        LeakageError: scaling by the source domain, and a target station is one of its stations.
    """
    rows = rows_of(target, plan.features, plan.layers, "target")
    splits, protocol = split_folds(target, plan.layers, folds), folds["protocol"].iloc[0]
    if scaling == "fold":
        scaler = fit_scaler(rows.inputs, [split.training for split in splits], plan.features)
        about = {"protocol": protocol, "scaling": scaling, "data": _hashes(plan, target=target)}
    else:
        _refuse_shared_stations(set(source["station"]), target)
        training = split_source(source, plan.layers, validation, plan.seed).training
        inputs = rows_of(source, plan.features, plan.layers, "source").inputs
        scaler = fit_scaler(inputs, [training], plan.features).of_members(len(splits))
        about = {"protocol": protocol, "scaling": scaling, "data": _hashes(plan, source=source, target=target)}
    return _train(plan, "target", target, rows, splits, _members(folds), scaler, about)


def fine_tune(plan: Plan, target: pd.DataFrame, folds: pd.DataFrame, scaling: str, pretrained: Members) -> Result:
    """One member a fold, from the source domain's network on, its first hidden layers frozen.

    Args:
        plan: what the config says.
        target: samples of the target domain.
        folds: schema FOLDS.
        scaling: ``source`` (the pretrained network's scaler, with which the frozen layers were trained) or ``fold``.
        pretrained: the member of scenario ``source``.

    Raises:
        ConfigError: the pretrained network has other features or layers.
        TableError: the pretrained network's card tells no range of its training data.
        LeakageError: a target station trained or validated the pretrained network.
    """
    pretrained.check(plan.features.columns, plan.layers)
    days = pretrained.card["members"][0]["days"]
    _refuse_shared_stations({*days["training"], *days["validation"]}, target)
    rows = rows_of(target, plan.features, plan.layers, "target")
    splits = split_folds(target, plan.layers, folds)
    if scaling == "fold":
        scaler = fit_scaler(rows.inputs, [split.training for split in splits], plan.features)
    else:
        scaler = Scaler(pretrained.mean.numpy(), pretrained.std.numpy()).of_members(len(splits))
    about = {
        "protocol": folds["protocol"].iloc[0],
        "scaling": scaling,
        "data": {**pretrained.card["data"], **_hashes(plan, target=target)},
        "frozen": pretrained.network.frozen_parameters(plan.network["frozen"]),
    }
    return _train(plan, "transfer", target, rows, splits, _members(folds), scaler, about, pretrained)


def write_result(result: Result, weights: Path, card: Path, history: Path) -> None:
    """Write what a scenario leaves to its three files."""
    write_members(result.parameters, result.card, weights, card)
    write_table(result.history, history)


def _train(
    plan: Plan,
    scenario: str,
    samples: pd.DataFrame,
    rows: Rows,
    splits: Sequence[Split],
    members: Sequence[Mapping[str, Any]],
    scaler: Scaler,
    about: Mapping[str, Any],
    pretrained: Members | None = None,
) -> Result:
    """Train one member for each of ``members`` (fold, size, draw); ``about`` enters the card."""
    learned = range_of_rows(rows.inputs, [split.training for split in splits], plan.features)
    network = build_network(plan.model, plan.network, plan.features.shape, len(plan.layers))
    seeds = [derive_seed(plan.seed, plan.model, scenario, member["fold"]) for member in members]
    if pretrained is None:
        start = draw_parameters(network, [derive_seed(seed, "weights") for seed in seeds])
    else:
        start = {name: tensor.expand(len(splits), *tensor.shape[1:]) for name, tensor in pretrained.parameters.items()}
        learned = learned.union(read_range(pretrained.card))
    frozen = about.get("frozen", [])
    log.info("%s, scenario %s: %d member(s), seed %d, training rows %s", plan.model, scenario, len(members), plan.seed,
             [len(split.training) for split in splits])  # fmt: skip
    log.info("%d parameters, %d of them frozen", sum(tensor[0].numel() for tensor in start.values()),
             sum(start[name][0].numel() for name in frozen))  # fmt: skip
    began = time.perf_counter()
    trained = train_members(
        network, start, rows, splits, [derive_seed(seed, "batches") for seed in seeds], scaler, plan.training,
        frozen=frozen, device=plan.device, threads=plan.threads,
    )  # fmt: skip
    log.info("trained in %.1f s", time.perf_counter() - began)
    described = [
        {
            **member,
            **_describe_rows(samples, splits[place]),
            "seed": seeds[place],
            "scaler": {"mean": scaler.mean[place].tolist(), "std": scaler.std[place].tolist()},
            "best_epoch": trained.best_epoch[place],
            "best_validation_loss": trained.best_loss[place],
            "epochs": trained.epochs[place],
        }
        for place, member in enumerate(members)
    ]
    for member in described:
        log.info(
            "fold {fold}: {days}; best validation loss {best_validation_loss:.4f} in epoch {best_epoch} of "
            "{epochs}".format(**member | {"days": _stations_told(member["days"])})
        )
    card = {
        "model": plan.model,
        "scenario": scenario,
        "layers": plan.layers,
        "features": plan.features.columns,
        "shape": list(plan.features.shape),
        "network": plan.network,
        "training": asdict(plan.training),
        "frozen": frozen,
        **about,
        "range": learned.described(),
        "seed": plan.seed,
        "device": describe(plan.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "members": described,
    }
    if warning := few_steps(card):
        log.warning("%s", warning)
    folds = np.array([member["fold"] for member in members])
    return Result(trained.parameters, card, trained.history.assign(member=folds[trained.history["member"]]))


def _members(folds: pd.DataFrame) -> list[dict[str, Any]]:
    return folds[KEY].drop_duplicates().sort_values("fold").to_dict("records")


def _hashes(plan: Plan, **domains: pd.DataFrame) -> dict[str, str]:
    return {name: hash_of_samples(samples, plan.features, plan.layers) for name, samples in domains.items()}


def _describe_rows(samples: pd.DataFrame, split: Split) -> dict[str, Any]:
    roles, described = np.full(len(samples), "unused", object), {}
    for role in ("training", "validation", "test"):
        places = getattr(split, role)
        roles[places] = role
        described[f"{role}_rows"] = len(places)
    described["days"] = days_by_role(samples[["station", "date"]], roles)
    return described


def _stations_told(days: Mapping[str, Mapping[str, Any]]) -> str:
    few = {role: ", ".join([*held][:3]) + (" and more" if len(held) > 3 else "") for role, held in days.items()}
    return f"tests {few.get('test', 'nothing')}, validates {few['validation']}, trains {len(days['training'])} stations"


def _refuse_shared_stations(seen: set[str], target: pd.DataFrame) -> None:
    shared = sorted(seen & set(target["station"]))
    if shared:
        raise LeakageError(
            f"station {', '.join(shared)} is in the source domain too", where="samples of the target domain",
            expected="stations that the source domain has not seen",
            fix="take it out of one of the two tables, or rename it if two stations share a name",
        )  # fmt: skip
