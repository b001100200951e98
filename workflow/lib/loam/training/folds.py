"""Folds of leave-one-station-out: each target station is the test set once (Widyastuti et al.).

One other station, drawn at random, decides when training stops; the rest train. The table of folds is drawn once a run
and read by every model, so that all of them are scored on the same split.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.training.seeds import derive_seed

log = logging.getLogger("loam")


def draw_folds(samples: pd.DataFrame, layers: Sequence[str], seed: int) -> pd.DataFrame:
    """One fold a station, in the order of the stations' names.

    Any station with a sample is tested, also one that has a single layer. The validation station is drawn among the
    others that have at least two observed values in every layer: concordance needs two.

    Args:
        samples: samples of the target domain; columns ``station`` and one a layer (m3 m-3, NaN where not observed).
        layers: names of the layers.
        seed: the run's seed.

    Returns:
        Columns fold (from 1), test_station, validation_station.

    Raises:
        TableError: fewer than three stations, a layer without observations, or no station that can validate a fold.
    """
    counts = samples.groupby("station", sort=True)[list(layers)].count()
    stations = [str(station) for station in counts.index]
    where = "samples of the target domain"
    if len(stations) < 3:
        raise TableError(
            f"{len(stations)} station(s): {', '.join(stations) or 'none'}", where=where,
            expected="at least 3: one tests, one validates, one trains",
            fix="see dropped.csv for rows that went because a covariate was missing",
        )  # fmt: skip
    eligible = [station for station, enough in zip(stations, (counts >= 2).all(axis=1), strict=True) if enough]
    generator = np.random.default_rng(derive_seed(seed, "folds"))
    folds = []
    for number, test_station in enumerate(stations, start=1):
        others = [station for station in eligible if station != test_station]
        if not others:
            raise TableError(
                f"no station can validate the fold of station {test_station}", where=where,
                expected=f"another station with two or more values in each of {', '.join(layers)}",
                fix="add a station, or leave out a layer that few stations have",
            )  # fmt: skip
        folds.append((number, test_station, others[generator.integers(len(others))]))
    log.info("%d folds, seed %d; %d stations can validate", len(folds), seed, len(eligible))
    return pd.DataFrame(folds, columns=["fold", "test_station", "validation_station"])
