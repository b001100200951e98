"""Predictions of members on samples, above all those at the station that a member never met."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from loam.covariates.features import FeatureSet
from loam.errors import TableError
from loam.io.schemas import PREDICTIONS
from loam.protocols.spans import FoldRoles, roles_by_fold, rows_of_days
from loam.training.card import Members
from loam.training.dense import bounded
from loam.training.inputs import ScaledInputs, predict
from loam.training.rows import Rows, rows_of
from loam.training.scaling import Scaler
from loam.training.stack import run_members

log = logging.getLogger("loam")


def predict_rows(
    members: Members, rows: Rows, own: Sequence[np.ndarray], device: torch.device | str = "cpu"
) -> list[np.ndarray]:
    """Moisture [row, layer], m3 m-3, that each member predicts for its ``own`` rows (their positions)."""
    inputs = ScaledInputs(rows, Scaler(members.mean.numpy(), members.std.numpy()), device, torch.float32)
    parameters = {name: tensor.to(device) for name, tensor in members.parameters.items()}
    predicted = torch.cat(outputs := predict(partial(run_members, members.network, parameters), inputs, own))
    outside = ((predicted < 0) | (predicted > 1)).float().mean().item()
    log.info("%.2f %% of the outputs lay outside 0 to 1 m3 m-3 and became the bound", 100 * outside)
    return [bounded(output).cpu().numpy() for output in outputs]


def predict_held_out(
    members: Members, samples: pd.DataFrame, folds: pd.DataFrame, features: FeatureSet, layers: list[str]
) -> pd.DataFrame:
    """Predict each held-out row with the member of its fold; the member of the source domain predicts all.

    Args:
        members: of any scenario.
        samples: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        features: the run's features.
        layers: names of the run's layers.

    Returns:
        Schema PREDICTIONS: one row for each observed value of a row that a fold tests, by fold, layer, station and
        date.

    Raises:
        ConfigError: the members were trained on other features or layers.
        TableError: the members' folds are not ``folds``.
    """
    members.check(features.columns, layers)
    card, rows = members.card, rows_of(samples, features, layers, "target")
    keys = samples[["station", "date"]]
    parted = list(roles_by_fold(keys, folds))
    tested = [np.flatnonzero(fold.roles == "test") for fold in parted]
    if card["scenario"] == "source":
        (everywhere,) = predict_rows(members, rows, [np.arange(len(samples))])
        moisture = [everywhere[places] for places in tested]
    else:
        _check_trained_on(card, keys, parted)
        moisture = predict_rows(members, rows, tested)
    tables = [
        keys.iloc[places].assign(
            size=fold.size, draw=fold.draw, fold=fold.fold, layer=layer, observed=rows.targets[places, column],
            predicted=predicted[:, column],
        )
        for fold, places, predicted in zip(parted, tested, moisture, strict=True)
        for column, layer in enumerate(layers)
    ]  # fmt: skip
    table = pd.concat(tables, ignore_index=True).dropna(subset="observed")
    table = table.sort_values(["fold", "layer", "station", "date"], kind="stable", ignore_index=True)
    log.info("%d held-out predictions at %d stations in %d folds", len(table), table["station"].nunique(), len(parted))
    unknown = dict.fromkeys(["output", "spread", "lower", "upper"], np.nan)
    named = {"protocol": folds["protocol"].iloc[0], "domain": "target"}
    return table.assign(model=card["model"], scenario=card["scenario"], **named, **unknown)[[*PREDICTIONS.columns]]


def _check_trained_on(card: Mapping[str, Any], keys: pd.DataFrame, folds: Sequence[FoldRoles]) -> None:
    """Raise a TableError unless the card's members have the roles of ``folds`` on every row (station, date)."""
    if [member["fold"] for member in card["members"]] == [fold.fold for fold in folds] and all(
        np.array_equal(rows_of_days(member["days"].get(role, {}), keys), fold.roles == role)
        for member, fold in zip(card["members"], folds, strict=True)
        for role in ("training", "validation", "test")
    ):
        return
    raise TableError(
        "the folds are not those that the members were trained on",
        where=f"card of {card['model']} {card['scenario']}", fix="rerun its training",
    )  # fmt: skip
