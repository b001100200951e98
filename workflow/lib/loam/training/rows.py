"""The samples of a domain as arrays: what every network, fold and scenario reads from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.covariates.features import FeatureSet
from loam.errors import TableError


@dataclass(frozen=True)
class Rows:
    """Rows of one domain.

    Args:
        inputs: features [row, feature], float64, unscaled: static ones, then the sequence step by step, oldest first.
        targets: moisture [row, layer], m3 m-3, float64; NaN where not observed.
        shape: number of static features, of steps and of sequence variables.
    """

    inputs: np.ndarray
    targets: np.ndarray
    shape: tuple[int, int, int]


def rows_of(samples: pd.DataFrame, features: FeatureSet, layers: Sequence[str], domain: str) -> Rows:
    """Rows of ``samples`` in their order.

    Raises:
        TableError: a column is missing, or a feature is not a finite number.
    """
    where = f"samples of the {domain} domain"
    missing = [column for column in (*features.columns, *layers) if column not in samples]
    if missing:
        raise TableError(f"no column {', '.join(missing)}", where=where, fix="rerun build_samples")
    inputs = samples[features.columns].to_numpy(np.float64, copy=True)
    bad = ~np.isfinite(inputs)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise TableError(
            f"feature '{features.columns[column]}' is {inputs[row, column]}",
            where=f"{where}, row {row} (station {samples['station'].iloc[row]})", expected="a finite number",
        )  # fmt: skip
    return Rows(inputs, samples[list(layers)].to_numpy(np.float64, copy=True), features.shape)


def hash_of_samples(samples: pd.DataFrame, features: FeatureSet, layers: Sequence[str]) -> str:
    """SHA-256 of all that training reads of ``samples``: station, date, layers and features; 64 hex digits."""
    digest = hashlib.sha256("\n".join(["station", "date", *layers, *features.columns]).encode())
    digest.update("\n".join(samples["station"].astype(str)).encode())
    digest.update(samples["date"].to_numpy("datetime64[ns]").astype("<i8").tobytes())
    digest.update(samples[[*layers, *features.columns]].to_numpy("<f8").tobytes())
    return digest.hexdigest()
