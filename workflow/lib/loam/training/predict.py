"""Predictions of members on samples, above all those at the station that a member never met."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch

from loam.covariates.features import FeatureSet
from loam.errors import TableError
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
    """Predict each target station with the member that has not met it; members of the source domain met none.

    Args:
        members: of any scenario.
        samples: samples of the target domain.
        folds: schema FOLDS.
        features: the run's features.
        layers: names of the run's layers.

    Returns:
        Schema PREDICTIONS: one row for each observed value of ``samples``, by fold, layer and date.

    Raises:
        ConfigError: the members were trained on other features or layers.
        TableError: the members' folds are not ``folds``.
    """
    members.check(features.columns, layers)
    card, rows = members.card, rows_of(samples, features, layers, "target")
    stations = samples["station"].to_numpy()
    if card["scenario"] == "source":
        own = [np.arange(len(samples))]
    else:
        tested = [(member["fold"], member["test_station"]) for member in card["members"]]
        if tested != list(folds[["fold", "test_station"]].itertuples(index=False, name=None)):
            raise TableError(
                "the folds are not those that the members were trained on",
                where=f"card of {card['model']} {card['scenario']}", fix="rerun its training",
            )  # fmt: skip
        own = [np.flatnonzero(stations == station) for _, station in tested]
    moisture = np.empty(rows.targets.shape)
    for places, predicted in zip(own, predict_rows(members, rows, own), strict=True):
        moisture[places] = predicted
    number = dict(zip(folds["test_station"], folds["fold"], strict=True))
    tables = [
        pd.DataFrame({
            "model": card["model"], "scenario": card["scenario"], "fold": [number[station] for station in stations],
            "station": stations, "date": samples["date"].to_numpy(), "layer": layer,
            "observed": rows.targets[:, column], "predicted": moisture[:, column],
        })
        for column, layer in enumerate(layers)
    ]  # fmt: skip
    table = pd.concat(tables, ignore_index=True).dropna(subset="observed")
    log.info("%d held-out predictions at %d stations", len(table), len(folds))
    return table.sort_values(["fold", "layer", "date"], kind="stable", ignore_index=True)
