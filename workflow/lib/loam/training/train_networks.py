"""All networks of a plan, a member for each split: built, begun, trained and described."""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from loam.config.code import code_version
from loam.io.tables import write_table
from loam.models.parts.initial import draw_parameters
from loam.samples.windows import Windows
from loam.training.card import Members, write_members
from loam.training.card_content import card_of, describe_members, describe_rows, tell_member
from loam.training.checkpoints import Checkpoints
from loam.training.device import describe
from loam.training.extras import Extras, extras_of
from loam.training.group import Weighing
from loam.training.levels import moisture_of, output_scale, weighing_of
from loam.training.members import Trained, train_members
from loam.training.networks import build_networks, frozen_of, names_of
from loam.training.plan import Plan
from loam.training.ranges import range_of_rows, read_range
from loam.training.scaling import Scaler
from loam.training.seeds import derive_seed
from loam.training.split import Split
from loam.training.steps import few_steps

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Result:
    """What a scenario leaves: parameters [fold, ...] of each network, the card's content, the history."""

    parameters: list[dict[str, Tensor]]
    card: dict[str, Any]
    history: pd.DataFrame


def train_networks(
    plan: Plan,
    scenario: str,
    windows: Windows,
    splits: Sequence[Split],
    members: Sequence[Mapping[str, Any]],
    scaler: Scaler,
    about: Mapping[str, Any],
    pretrained: Members | None = None,
) -> Result:
    """Train one member of each network of a plan for each split.

    Args:
        plan: what the config says.
        scenario: its name.
        windows: the rows.
        splits: of the rows, of each member.
        members: fold, size and draw of each.
        scaler: of each.
        about: what the card says of protocol, scaling and data.
        pretrained: networks to start from, whose first layers stay; None: weights are drawn.
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
    rows = [describe_rows(windows, split) for split in splits]
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
        trained = _train_alike(
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
            described += describe_members(rows, splits, members, seeds[number], scaler, own, labels[number], more)
    for member in described:
        log.info("%s", tell_member(member))
    card = card_of(plan, scenario, shape, frozen, about, learned, described)
    if warning := few_steps(card):
        log.warning("%s", warning)
    history = pd.concat(histories, ignore_index=True)
    return Result(parameters, card, history if len(networks) > 1 or plan.family else history.drop(columns="network"))


def write_result(result: Result, weights: Path, card: Path, history: Path) -> None:
    """Write what a scenario leaves to its three files; the state that training kept is no longer needed."""
    write_members(result.parameters, result.card, weights, card)
    write_table(result.history, history)
    shutil.rmtree(weights.with_name("checkpoint"), ignore_errors=True)


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


def _train_alike(
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
