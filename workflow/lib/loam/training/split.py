"""Which rows train and which decide when training stops; the rows that are held out are in neither.

For the source domain the config splits by dates or by a share of the stations; for a fold of the target domain the
table of folds does, by station and day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import ConfigError, TableError
from loam.protocols.spans import roles_by_fold
from loam.training.seeds import derive_seed


@dataclass(frozen=True)
class Split:
    """Positions of rows in a table of samples.

    Args:
        training: rows that fit weights and scaler, int64.
        validation: rows that decide when training stops, int64.
        test: rows that are held out and predicted, int64; none in the source domain.
    """

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def all_training(split: Split) -> Split:
    """The split of a training that validates nothing: what would validate trains too."""
    return Split(np.sort(np.concatenate([split.training, split.validation])), np.empty(0, np.int64), split.test)


def split_source(samples: pd.DataFrame, layers: Sequence[str], validation: Mapping[str, Any], seed: int) -> Split:
    """Split the source domain as the config's ``training.validation`` says.

    Args:
        samples: samples of the source domain.
        layers: names of the layers.
        validation: ``by`` is ``dates`` (first and last day of ``training_dates`` and ``validation_dates`` included;
            rows outside both are not used) or ``stations`` (``station_share`` of the stations, at least one, validate).
        seed: the run's seed; it draws the stations.

    Raises:
        ConfigError: a part has no row, or fewer than two values of a layer.
    """
    if validation["by"] == "dates":
        parts = {"training": "training_dates", "validation": "validation_dates"}
        masks = {part: _within(samples["date"], validation[key]) for part, key in parts.items()}
    else:
        parts = dict.fromkeys(("training", "validation"), "station_share")
        stations = np.sort(samples["station"].unique())
        count = min(max(1, round(validation["station_share"] * len(stations))), len(stations) - 1)
        drawn = np.random.default_rng(derive_seed(seed, "source validation")).permutation(stations)[:count]
        masks = {"validation": samples["station"].isin(drawn).to_numpy()}
        masks["training"] = ~masks["validation"]
    for part, mask in masks.items():
        for layer in layers:
            count = int(samples.loc[mask, layer].notna().sum())
            if count < 2:
                first, last = (f"{day:%Y-%m-%d}" for day in (samples["date"].min(), samples["date"].max()))
                raise ConfigError(
                    f"{count} observed values of layer '{layer}' in the source domain's {mask.sum()} {part} rows",
                    where=f"config key 'training.validation.{parts[part]}'", expected="at least two",
                    fix=f"the source samples run from {first} to {last} at {samples['station'].nunique()} station(s)",
                )  # fmt: skip
    return Split(*(np.flatnonzero(masks[part]) for part in ("training", "validation")))


def split_folds(
    samples: pd.DataFrame, layers: Sequence[str], folds: pd.DataFrame, *, validates: bool = True
) -> list[Split]:
    """The split of each fold, by number, as the table says of each (station, day).

    Args:
        samples: samples of the target domain.
        layers: names of the layers.
        folds: schema FOLDS, of one protocol.
        validates: whether rows that validate do so; else they train.

    Raises:
        TableError: the folds are not of these samples, or a fold's rows lack a layer.
        LeakageError: a (station, day) has two roles in a fold.
    """
    splits = []
    for fold in roles_by_fold(samples[["station", "date"]], folds):
        parts = {role: np.flatnonzero(fold.roles == role) for role in ("training", "validation", "test")}
        split = Split(**parts) if validates else all_training(Split(**parts))
        for role in ("training", "validation") if validates else ("training",):
            for layer in layers:
                if samples[layer].iloc[getattr(split, role)].notna().sum() < 2:
                    raise TableError(
                        f"fewer than two observed values of layer '{layer}' in the {role} rows",
                        where=f"fold {fold.fold} of {folds['protocol'].iloc[0]}",
                        fix="leave the layer out, or add a station that has it",
                    )  # fmt: skip
        splits.append(split)
    return splits


def _within(dates: pd.Series, limits: Sequence[str]) -> np.ndarray:
    first, last = (pd.Timestamp(day) for day in limits)
    return dates.between(first, last, inclusive="both").to_numpy()
