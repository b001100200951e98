"""The scenarios of Widyastuti et al.: trained on the source domain, on the target domain, and transfer; and both.

Transfer starts every fold from the source domain's network and fine-tunes it on the target's stations; the first hidden
layers stay as they were pretrained. ``both`` trains every fold on the source's rows and the target's together.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from loam.config.code import code_version
from loam.covariates.features import FeatureSet, feature_set
from loam.errors import LeakageError
from loam.io.tables import write_table
from loam.models.parts.initial import draw_parameters
from loam.protocols.spans import KEY, days_by_role
from loam.samples.series import SampleSeries, join_series
from loam.samples.windows import Windows
from loam.training.card import Members, write_members
from loam.training.checkpoints import Checkpoints
from loam.training.device import describe, use_device
from loam.training.extras import Extras, extras_of, names_of_extras
from loam.training.group import Weighing
from loam.training.levels import moisture_of, output_scale, weighing_of
from loam.training.members import Trained, train_members
from loam.training.networks import build_networks, frozen_of, names_of
from loam.training.ranges import range_of_rows, read_range
from loam.training.scaling import Scaler, fit_scaler
from loam.training.seeds import derive_seed
from loam.training.split import Split, all_training, split_folds, split_source
from loam.training.steps import few_steps
from loam.training.training_settings import TrainingSettings, training_settings

log = logging.getLogger("loam")


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


@dataclass(frozen=True)
class Result:
    """What a scenario leaves: parameters [fold, ...] of each network, the card's content, the history."""

    parameters: list[dict[str, Tensor]]
    card: dict[str, Any]
    history: pd.DataFrame


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


def train_source(plan: Plan, source: SampleSeries, validation: Mapping[str, Any]) -> Result:
    """One member on the source domain.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        validation: the config's ``training.validation``.
    """
    windows = plan.windows(source, "source")
    split = plan.split(split_source(windows.keys, plan.layers, validation, plan.seed))
    scaler = fit_scaler(windows, [split.training], plan.scaling)
    member = {"fold": 0, "size": 0, "draw": 1}
    about = {"protocol": None, "scaling": "source", "data": {"source": windows.hash}}
    return _train(plan, "source", windows, [split], [member], scaler, about)


def train_target(
    plan: Plan,
    target: SampleSeries,
    folds: pd.DataFrame,
    scaling: str,
    source: SampleSeries | None,
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
    windows = plan.windows(target, "target")
    splits = plan.split_folds(windows, folds)
    protocol = folds["protocol"].iloc[0]
    if scaling == "fold" or source is None:
        scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
        about = {"protocol": protocol, "scaling": scaling, "data": {"target": windows.hash}}
    else:
        others = plan.windows(source, "source")
        _refuse_shared_stations(set(others.stations), windows)
        training = split_source(others.keys, plan.layers, validation, plan.seed).training
        scaler = fit_scaler(others, [training], plan.scaling).of_members(len(splits))
        data = {"source": others.hash, "target": windows.hash}
        about = {"protocol": protocol, "scaling": scaling, "data": data}
    return _train(plan, "target", windows, splits, _members(folds), scaler, about)


def train_both(
    plan: Plan,
    source: SampleSeries,
    target: SampleSeries,
    folds: pd.DataFrame,
    validation: Mapping[str, Any],
    weights: Mapping[str, float],
) -> Result:
    """One member a fold, on the source domain's training rows and the fold's together.

    Args:
        plan: what the config says.
        source: samples of the source domain.
        target: samples of the target domain.
        folds: schema FOLDS.
        validation: the config's ``training.validation``; tells the source domain's training rows.
        weights: of each domain in the loss.

    Raises:
        LeakageError: a target station is one of the source domain's.
    """
    alone, others = plan.windows(target, "target"), plan.windows(source, "source")
    _refuse_shared_stations(set(others.stations), alone)
    windows = plan.windows(join_series(source, target, weights), "source and target")
    place = pd.Series(np.arange(len(windows)), pd.MultiIndex.from_frame(windows.keys[["station", "date"]]))

    def moved(own: Windows, rows: np.ndarray) -> np.ndarray:
        return place[pd.MultiIndex.from_frame(own.keys.loc[rows, ["station", "date"]])].to_numpy(copy=True)

    more = moved(others, plan.split(split_source(others.keys, plan.layers, validation, plan.seed)).training)
    splits = [
        Split(
            np.concatenate([more, moved(alone, split.training)]),
            moved(alone, split.validation),
            moved(alone, split.test),
        )
        for split in plan.split_folds(alone, folds)
    ]
    scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
    data = {"source": others.hash, "target": alone.hash}
    about = {"protocol": folds["protocol"].iloc[0], "scaling": "fold", "data": data}
    return _train(plan, "both", windows, splits, _members(folds), scaler, about)


def fine_tune(plan: Plan, target: SampleSeries, folds: pd.DataFrame, scaling: str, pretrained: Members) -> Result:
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
    windows = plan.windows(target, "target")
    _refuse_shared_stations({*days["training"], *days.get("validation", {})}, windows)
    splits = plan.split_folds(windows, folds)
    if scaling == "fold":
        scaler = fit_scaler(windows, [split.training for split in splits], plan.scaling)
    else:
        scaler = pretrained.scaler.of_members(len(splits))
    about = {
        "protocol": folds["protocol"].iloc[0],
        "scaling": scaling,
        "data": {**pretrained.card["data"], "target": windows.hash},
    }
    return _train(plan, "transfer", windows, splits, _members(folds), scaler, about, pretrained)


def write_result(result: Result, weights: Path, card: Path, history: Path) -> None:
    """Write what a scenario leaves to its three files; the state that training kept is no longer needed."""
    write_members(result.parameters, result.card, weights, card)
    write_table(result.history, history)
    shutil.rmtree(weights.with_name("checkpoint"), ignore_errors=True)


def _train(
    plan: Plan,
    scenario: str,
    windows: Windows,
    splits: Sequence[Split],
    members: Sequence[Mapping[str, Any]],
    scaler: Scaler,
    about: Mapping[str, Any],
    pretrained: Members | None = None,
) -> Result:
    """Train one member of each network for each of ``members`` (fold, size, draw).

    ``about`` enters the card.
    """
    learned = range_of_rows(windows, [split.training for split in splits])
    if pretrained is not None:
        learned = learned.union(read_range(pretrained.card))
    static, steps, variables = plan.features.shape
    shape = (static + len(plan.extras), steps, variables)
    networks = build_networks(
        plan.plugin,
        plan.network,
        plan.family,
        shape,
        len(plan.layers),
        plan.training.loss,
        plan.features.patch_shape,
        plan.seeds,
    )
    labels = names_of(plan.family, plan.seeds)
    moisture = [moisture_of(windows, split.training) for split in splits]
    unit = np.stack([std for _, std in moisture])
    extras = extras_of(windows, [split.training for split in splits], plan.extras, unit, plan.neighbours)
    weighing = weighing_of(plan.training, windows, splits, unit, scaler)
    frozen = [frozen_of(network, plan.network) if pretrained is not None else [] for network in networks]
    log.info("%s, scenario %s: %d network(s), %d member(s) each, seed %d, training rows %s", plan.model, scenario,
             len(networks), len(members), plan.seed, [len(split.training) for split in splits])  # fmt: skip
    parameters, histories, described = [], [], []
    folds = np.array([member["fold"] for member in members])
    rows = [_describe_rows(windows, split) for split in splits]
    seeds = [
        [derive_seed(plan.seed, plan.model, scenario, *([label] if label else []), fold) for fold in folds.tolist()]
        for label in labels
    ]
    starts = [
        _start(network, own, moisture, pretrained.parameters[number] if pretrained is not None else None)
        for number, (network, own) in enumerate(zip(networks, seeds, strict=True))
    ]
    # networks that differ by what they draw alone are trained side by side; one alone goes without the cost of it
    together = plan.seeds if len(members) > 1 else 1
    for first in range(0, len(networks), together):
        numbers = range(first, first + together)
        trained = _train_networks(
            plan, networks[first], [starts[number] for number in numbers], [labels[number] for number in numbers],
            windows, splits, [seeds[number] for number in numbers], members, scaler, frozen[first], extras, weighing,
        )  # fmt: skip
        for number, own in zip(numbers, trained, strict=True):
            parameters.append(own.parameters)
            histories.append(own.history.assign(member=folds[own.history["member"]], network=labels[number]))
            more = [{"unit": size.tolist()} if plan.extras else {} for size in unit]
            if plan.training.level_weight == "reml" and weighing.level is not None:
                more = [
                    one | {"level_weight": weight} for one, weight in zip(more, weighing.level.tolist(), strict=True)
                ]
            described += _describe(rows, splits, members, seeds[number], scaler, own, labels[number], more)
    for member in described:
        log.info("fold %d: %s; %s", member["fold"], _stations_told(member["days"]), _loss_told(member))
    card = {
        "model": plan.model,
        "scenario": scenario,
        "layers": plan.layers,
        "features": plan.features.columns,
        "shape": list(shape),
        **({"patch": list(plan.features.patch_shape)} if plan.features.patch else {}),
        **({"extras": plan.extras, "neighbours": plan.neighbours} if plan.extras else {}),
        **({"seeds": plan.seeds} if plan.seeds > 1 else {}),
        "rows": "training" if plan.validates else "all",
        "network": plan.network,
        "family": plan.family,
        "training": asdict(plan.training),
        "frozen": list(dict.fromkeys(name for names in frozen for name in names)),
        "scaler": plan.scaling,
        **about,
        "range": learned.described(),
        "seed": plan.seed,
        "device": describe(plan.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "members": described,
    }
    if warning := few_steps(card):
        log.warning("%s", warning)
    history = pd.concat(histories, ignore_index=True)
    return Result(parameters, card, history if len(networks) > 1 or plan.family else history.drop(columns="network"))


def _start(
    network: nn.Module,
    seeds: Sequence[int],
    moisture: Sequence[tuple[np.ndarray, np.ndarray]],
    pretrained: Mapping[str, Tensor] | None,
) -> dict[str, Tensor]:
    """What the members of a network start from, by name, [member, ...]: drawn, or as pretrained."""
    if pretrained is not None:
        return {name: tensor.expand(len(seeds), *tensor.shape[1:]) for name, tensor in pretrained.items()}
    drawn = draw_parameters(network, [derive_seed(seed, "weights") for seed in seeds])
    return drawn | output_scale(network, moisture)


def _train_networks(
    plan: Plan,
    network: nn.Module,
    starts: Sequence[Mapping[str, Tensor]],
    labels: Sequence[str],
    windows: Windows,
    splits: Sequence[Split],
    seeds: Sequence[Sequence[int]],
    members: Sequence[Mapping[str, Any]],
    scaler: Scaler,
    frozen: Sequence[str],
    extras: Extras,
    weighing: Weighing,
) -> list[Trained]:
    """Train the members of several networks that are built alike, ``starts``, ``labels`` and ``seeds`` of each."""
    label = labels[0]
    log.info("%s%d parameters, %d of them frozen", f"{label}: " if label else "",
             sum(tensor[0].numel() for tensor in starts[0].values()),
             sum(starts[0][name][0].numel() for name in frozen))  # fmt: skip
    count, drawn = len(members), [seed for own in seeds for seed in own]
    start = {name: torch.cat([own[name] for own in starts]) for name in starts[0]}
    again, places = [*splits] * len(starts), np.tile(np.arange(count), len(starts))
    checkpoints = None
    if plan.checkpoints is not None:
        key = _key_of(plan, windows.hash, again, drawn, start, scaler, frozen)
        checkpoints = Checkpoints(plan.checkpoints / (label or "network"), key)
    began = time.perf_counter()
    trained = train_members(
        network, start, windows, again, [derive_seed(seed, "batches") for seed in drawn], scaler.take(places),
        plan.training, frozen=frozen, device=plan.device, threads=plan.threads,
        names=[f"{label} fold {member['fold']}".strip() for label in labels for member in members],
        checkpoints=checkpoints, extras=extras.take(places), weighing=weighing.take(places),
    )  # fmt: skip
    log.info("%d member(s) trained in %.1f s", len(again), time.perf_counter() - began)
    return [trained.take(first, first + count) for first in range(0, len(again), count)]


def _key_of(
    plan: Plan, data: str, splits: Sequence[Split], seeds: Sequence[int], start: Mapping[str, Tensor], scaler: Scaler,
    frozen: Sequence[str],
) -> str:  # fmt: skip
    """Hash of all that the numbers of a training follow from."""
    digest = hashlib.sha256()
    for part in (plan.model, code_version("train_target", plan.plugin), asdict(plan.training), data, seeds, frozen,
                 torch.__version__, describe(plan.device)):  # fmt: skip
        digest.update(repr(part).encode())
    for split in splits:
        digest.update(split.training.tobytes() + split.validation.tobytes())
    for name in sorted(start):
        digest.update(name.encode() + start[name].contiguous().cpu().numpy().tobytes())
    for numbers in (scaler.mean, scaler.std, scaler.median):
        digest.update(b"" if numbers is None else numbers.tobytes())
    digest.update(repr((plan.extras, plan.neighbours)).encode())
    return digest.hexdigest()


def _describe(
    rows: Sequence[Mapping[str, Any]],
    splits: Sequence[Split],
    members: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    scaler: Scaler,
    trained: Trained,
    label: str,
    more: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What the card says of each member of a network."""
    return [
        {
            **({"network": label} if label else {}),
            **member,
            **rows[place],
            "seed": seeds[place],
            "scaler": scaler.described(place),
            **more[place],
            "best_epoch": trained.best_epoch[place],
            "best_validation_loss": trained.best_loss[place] if len(splits[place].validation) else None,
            "epochs": trained.epochs[place],
        }
        for place, member in enumerate(members)
    ]


def _members(folds: pd.DataFrame) -> list[dict[str, Any]]:
    return folds[KEY].drop_duplicates().sort_values("fold").to_dict("records")


def _describe_rows(windows: Windows, split: Split) -> dict[str, Any]:
    roles = np.full(len(windows), "unused", object)
    described: dict[str, Any] = {}
    for role in ("training", "validation", "test"):
        places = getattr(split, role)
        roles[places] = role
        described[f"{role}_rows"] = len(places)
    described["days"] = days_by_role(windows.keys[["station", "date"]], roles)
    return described


def _stations_told(days: Mapping[str, Mapping[str, Any]]) -> str:
    few = {role: ", ".join([*held][:3]) + (" and more" if len(held) > 3 else "") for role, held in days.items()}
    validates = f"validates {few['validation']}, " if "validation" in few else ""
    return f"tests {few.get('test', 'nothing')}, {validates}trains {len(days['training'])} stations"


def _loss_told(member: Mapping[str, Any]) -> str:
    if member["best_validation_loss"] is None:
        return f"{member['epochs']} epochs"
    return (
        f"best validation loss {member['best_validation_loss']:.4f} in epoch {member['best_epoch']} of "
        f"{member['epochs']}"
    )


def _refuse_shared_stations(seen: set[str], windows: Windows) -> None:
    shared = sorted(seen & set(windows.stations))
    if shared:
        raise LeakageError(
            f"station {', '.join(shared)} is in the source domain too", where=windows.where,
            expected="stations that the source domain has not seen",
            fix="take it out of one of the two tables, or rename it if two stations share a name",
        )  # fmt: skip
