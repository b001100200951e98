"""Predictions of members on samples, above all those at the station that a member never met."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from loam.covariates.features import FeatureSet
from loam.errors import TableError
from loam.io.schemas import PREDICTIONS
from loam.protocols.spans import FoldRoles, roles_by_fold, rows_of_days
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows
from loam.training.card import Members
from loam.training.device_inputs import ScaledInputs
from loam.training.extras import Extras, extras_of
from loam.training.group import predict
from loam.training.stacked import run_each, run_members

MISSED = 0.005  # m3 m-3; what a map may miss of what came before its window, unwarned: a tenth of a usual error
DAYS_AT_ONCE = 512  # of a series that a network runs along; bounds the memory

log = logging.getLogger("loam")


def bounded(output: torch.Tensor) -> torch.Tensor:
    """``output`` as a prediction: a share of a volume lies in 0 to 1, and what lies outside becomes the bound."""
    return output.clamp(0, 1)


def predict_rows(
    members: Members,
    windows: Windows,
    own: Sequence[np.ndarray],
    device: torch.device | str = "cpu",
    training: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Raw outputs [network, row, layer], m3 m-3, of each fold's networks for the fold's ``own`` rows (positions).

    ``training``: positions of each fold's training rows, where networks read what the other probes of the day say.
    """
    inputs = ScaledInputs(windows, members.scaler, device, torch.float32, extras_of_members(members, windows, training))
    layers, found = len(members.card["layers"]), []
    run = run_each if members.card["training"]["engine"] == "loop" else run_members
    for network, parameters in zip(members.networks, members.parameters, strict=True):
        there = {name: tensor.to(device) for name, tensor in parameters.items()}
        outputs = predict(partial(run, network.eval(), there), inputs, own)
        if carries(network, windows) and not members.card.get("extras"):
            by_window = outputs
            outputs = [
                predict_along(
                    network, {name: tensor[fold] for name, tensor in there.items()}, inputs, fold, windows, rows
                )
                for fold, rows in enumerate(own)
            ]
            outputs = [output.unsqueeze(1) for output in outputs]
            _tell_what_windows_miss(outputs, by_window, layers, len(windows.lags))
        found.append([output[:, -1, :layers].cpu().numpy() for output in outputs])
    return [np.stack(networks) for networks in zip(*found, strict=True)]


def carries(network: nn.Module, windows: Windows) -> bool:
    """Whether a network runs along a series: it has ``carry``, and reads days one by one and what does not change."""
    steps = windows.features.sequence
    daily = bool(steps) and steps[0][0].step.days == 1 and bool((np.diff(windows.lags) == -1).all())
    return hasattr(network, "carry") and daily and not (windows.of_day.shape[1] or windows.features.patch)


@torch.no_grad()
def predict_along(
    network: nn.Module,
    parameters: Mapping[str, Tensor],
    inputs: ScaledInputs,
    member: int,
    windows: Windows,
    rows: np.ndarray,
) -> Tensor:
    """Outputs [row, output] of a member whose network runs each station's series once, its state carried from day to
    day; after a day that is missing it begins anew.

    Args:
        network: has ``carry(inputs, state)``, which answers [batch, step, output] and the state to go on from.
        parameters: and buffers of the member.
        inputs: of the domain.
        member: place of the member's scaler.
        windows: the domain's rows.
        rows: positions.
    """
    network = copy.deepcopy(network).to(inputs.device, inputs.dtype).eval()
    network.load_state_dict(parameters)
    carry: Any = network.carry
    days = len(windows.series.days)
    known = np.isfinite(windows.of_step).all(1).reshape(-1, days)
    answers: list[Tensor] = [torch.empty(0)] * len(rows)
    for station in np.unique(windows.station[rows]):
        series = inputs.along(member, int(station))
        own = np.flatnonzero(windows.station[rows] == station)
        wanted = windows.day[rows[own]] - windows.lags[-1]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], known[station], [0]])))
        for first, last in edges.reshape(-1, 2):
            state = None
            for begin in range(first, last, DAYS_AT_ONCE):
                end = min(begin + DAYS_AT_ONCE, last)
                part = {"static": series["static"], "sequence": series["sequence"][:, begin:end]}
                said, state = carry(part, state)
                for place in np.flatnonzero((wanted >= begin) & (wanted < end)):
                    answers[own[place]] = said[0, wanted[place] - begin]
    return torch.stack(answers)


def _tell_what_windows_miss(along: Sequence[Tensor], by_window: Sequence[Tensor], layers: int, length: int) -> None:
    """How far answers along a series, which are scored, lie from those of the window alone, which a map reads."""
    apart = torch.cat(
        [(one[:, -1, :layers] - other[:, -1, :layers]).abs() for one, other in zip(along, by_window, strict=True)]
    )
    greatest, mean = apart.max().item(), apart.mean().item()
    log.log(
        logging.WARNING if greatest > MISSED else logging.INFO,
        "a map reads the window of %d days, not the whole series: at the predicted rows that differs by up to %.4f m3 "
        "m-3, %.4f in the mean%s", length, greatest, mean,
        "; lengthen the model's window until its map is what is scored" if greatest > MISSED else "",
    )  # fmt: skip


def predict_held_out(
    members: Members, series: SampleSeries, folds: pd.DataFrame, features: FeatureSet, layers: list[str]
) -> pd.DataFrame:
    """Predict each held-out row with the members of its fold; those of the source domain predict all.

    The networks of a family are averaged before their mean is brought within 0 to 1; their standard deviation is the
    spread.

    Args:
        members: of any scenario.
        series: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        features: that the model reads.
        layers: names of the run's layers.

    Returns:
        Schema PREDICTIONS: one row for each observed value of a row that a fold tests, by fold, layer, station and
        date.

    Raises:
        ConfigError: the members were trained on other features or layers.
        TableError: the members' folds are not ``folds``.
    """
    members.check(features.columns, layers)
    windows = Windows(series, features, layers, "target")
    card, keys = members.card, windows.keys[["station", "date"]]
    parted = list(roles_by_fold(keys, folds))
    tested = [np.flatnonzero(fold.roles == "test") for fold in parted]
    if card["scenario"] == "source":
        (everywhere,) = predict_rows(members, windows, [np.arange(len(windows))])
        outputs = [everywhere[:, places] for places in tested]
    else:
        _check_trained_on(members, keys, parted)
        training = [np.flatnonzero(np.isin(fold.roles.astype(str), _training_roles(card))) for fold in parted]
        outputs = predict_rows(members, windows, tested, training=training)
    tables = []
    for fold, places, found in zip(parted, tested, outputs, strict=True):
        output = found.mean(0) if len(found) > 1 else found[0]
        spread = found.std(0, ddof=1) if len(found) > 1 else np.full(output.shape, np.nan)
        tables += [
            keys.iloc[places].assign(
                size=fold.size, draw=fold.draw, fold=fold.fold, layer=layer, output=output[:, column],
                spread=spread[:, column], observed=windows.observed[places, column],
            )
            for column, layer in enumerate(layers)
        ]  # fmt: skip
    table = pd.concat(tables, ignore_index=True).dropna(subset="observed")
    table = table.sort_values(["fold", "layer", "station", "date"], kind="stable", ignore_index=True)
    table = table.astype({"output": float, "spread": float})
    outside = 100 * np.mean((table["output"] < 0) | (table["output"] > 1))
    log.info("%.2f %% of the outputs lay outside 0 to 1 m3 m-3 and became the bound", outside)
    log.info("%d held-out predictions at %d stations in %d folds", len(table), table["station"].nunique(), len(parted))
    return table.assign(
        predicted=table["output"].clip(0, 1), protocol=folds["protocol"].iloc[0], domain="target", lower=np.nan,
        upper=np.nan,
        model=card["model"], scenario=card["scenario"], rows=card.get("rows", "training"),
    )[[*PREDICTIONS.columns]]  # fmt: skip


def extras_of_members(members: Members, windows: Windows, training: Sequence[np.ndarray] | None) -> Extras:
    """The inputs behind the features, as the members were trained with them."""
    card = members.card
    if not (names := card.get("extras", [])):
        return Extras()
    unit = np.array([member["unit"] for member in card["members"][: len(members.scaler.mean)]])
    return extras_of(windows, training, names, unit, card["neighbours"])


def _training_roles(card: Mapping[str, Any]) -> list[str]:
    """Roles in the folds of the rows that trained the members."""
    return ["training", "validation"] if card.get("rows") == "all" else ["training"]


def _roles_told(card: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of each role of a card's days, whose rows are the folds', the roles in the folds."""
    if card["scenario"] == "both":  # the card's also hold the source domain's days
        return {"test": ["test"]}
    told = {"training": _training_roles(card), "test": ["test"]}
    return told if card.get("rows") == "all" else {**told, "validation": ["validation"]}


def _check_trained_on(members: Members, keys: pd.DataFrame, folds: Sequence[FoldRoles]) -> None:
    """Raise a TableError unless the card's members have the roles of ``folds`` on every row (station, date)."""
    card = members.card
    described = card["members"][: len(members.scaler.mean)]
    if [member["fold"] for member in described] == [fold.fold for fold in folds] and all(
        np.array_equal(rows_of_days(member["days"].get(role, {}), keys), np.isin(fold.roles.astype(str), roles))
        for member, fold in zip(described, folds, strict=True)
        for role, roles in _roles_told(card).items()
    ):
        return
    raise TableError(
        "the folds are not those that the members were trained on",
        where=f"card of {card['model']} {card['scenario']}", fix="rerun its training",
    )  # fmt: skip
