"""What every rival reads: the samples, and the rows of each fold; and what becomes of what it says of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from loam.io.progress import Progress, progress
from loam.io.schemas import PREDICTIONS
from loam.protocols.spans import FoldRoles, roles_by_fold
from loam.rivals.station_days import StationDays

ROLES_THAT_FIT = {"training": ["training"], "all": ["training", "validation"]}

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Trial:
    """Samples and folds of one protocol.

    Args:
        source: samples of the source domain; None in a run without one.
        target: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        layers: names.
        columns: the networks' features.
        coarse: the feature that is the modelled moisture of a layer, by layer.
        seed: of every draw.
        threads: folds side by side.
        level: predictions (schema PREDICTIONS) of the rival whose level others take; None where none does.
    """

    source: pd.DataFrame | None
    target: pd.DataFrame
    folds: pd.DataFrame
    layers: list[str]
    columns: list[str]
    coarse: Mapping[str, str]
    seed: int
    threads: int = 1
    level: pd.DataFrame | None = None

    @property
    def scenarios(self) -> dict[str, pd.DataFrame | None]:
        """What a rival that learns from features is trained on beside the target, by scenario."""
        return {"target": None} | ({} if self.source is None else {"both": self.source})

    @property
    def widest(self) -> str:
        """The scenario with the most rows."""
        return [*self.scenarios][-1]

    @cached_property
    def by_role(self) -> list[FoldRoles]:
        """Each fold's role of each target row."""
        return list(roles_by_fold(self.target[["station", "date"]], self.folds))

    @cached_property
    def features(self) -> np.ndarray:
        """Features of the target [row, feature]."""
        return self.target[self.columns].to_numpy(float)

    @cached_property
    def days(self) -> StationDays:
        """The target's moisture by station and day."""
        return StationDays.of(self.target, self.layers)


@dataclass(frozen=True)
class Held:
    """One fold's rows of the target.

    Args:
        fold: number, size, draw and roles.
        known: bool [row], what may be read: the rows that fit.
        training: positions of those of them at which the layer was observed.
        test: positions of the rows to predict, at which it was observed too.
    """

    fold: FoldRoles
    known: np.ndarray
    training: np.ndarray
    test: np.ndarray


Fit = Callable[[Held], np.ndarray]  # -> moisture of ``test`` [row], m3 m-3; NaN where there is nothing to say


def by_fold(trial: Trial, model: str, scenario: str, fits: Mapping[str, Fit], rows: str = "training") -> pd.DataFrame:
    """Run the fit of each layer on each fold's rows and collect what it says of its test rows.

    Rows that the fit leaves undefined (NaN) are dropped and counted in the log, and so are those of a fold whose
    training rows never observed the layer. Folds of all layers run side by side, with one OpenMP thread each: the
    tables are small, and OpenMP threads that wait for each other on a busy machine cost ten times what they save.

    Args:
        trial: samples and folds.
        model, scenario: names of the rival.
        fits: by layer.
        rows: "training", or "all": the fold's validation rows fit too.

    Returns:
        Schema PREDICTIONS.
    """
    name = f"{model} {scenario}"
    tasks = [(layer, held) for layer in fits for held in _split(trial, layer, rows)]
    with (
        progress(len(tasks), f"{name}, folds of all layers") as count,
        ThreadPoolExecutor(trial.threads, initializer=threadpool_limits, initargs=(1,)) as pool,
    ):
        predicted = list(pool.map(partial(_predict_fold, trial.target, name, fits, count), *zip(*tasks, strict=True)))
    kept = [part.dropna(subset="predicted") for part in predicted]
    for layer in fits:
        own = [place for place, (tested, _) in enumerate(tasks) if tested == layer]
        said = sum(len(kept[place]) for place in own)
        dropped = sum(len(predicted[place]) for place in own) - said
        silent = dropped and not said
        log.log(
            logging.WARNING if silent else logging.INFO, "%s %s: %d folds; %d rows without a prediction%s", name, layer,
            len(own), dropped, ", so none at all" if silent else "",
        )  # fmt: skip
    parts = [part for part in kept if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(PREDICTIONS.columns))
    named = {"protocol": trial.folds["protocol"].iloc[0], "model": model, "scenario": scenario, "rows": rows}
    unknown = dict.fromkeys(["output", "spread", "lower", "upper"], np.nan)
    table = pd.concat(parts, ignore_index=True).assign(domain="target", **named, **unknown)
    return table[list(PREDICTIONS.columns)]


def _predict_fold(
    target: pd.DataFrame, name: str, fits: Mapping[str, Fit], count: Progress, layer: str, held: Held
) -> pd.DataFrame:
    fold = held.fold
    if not len(held.training):
        log.warning("%s: no training station of fold %d observed layer %s", name, fold.fold, layer)
    predicted = fits[layer](held) if len(held.training) else np.nan
    count.step()
    rows = target.iloc[held.test]
    return rows[["station", "date"]].assign(
        size=fold.size, draw=fold.draw, fold=fold.fold, layer=layer, observed=rows[layer], predicted=predicted
    )


def _split(trial: Trial, layer: str, rows: str) -> Iterator[Held]:
    """The rows of each fold that tests the layer."""
    observed = trial.target[layer].notna().to_numpy()
    for fold in trial.by_role:
        known = np.isin(fold.roles.astype(str), ROLES_THAT_FIT[rows])
        test = np.flatnonzero(observed & (fold.roles == "test"))
        if len(test):
            yield Held(fold, known, np.flatnonzero(observed & known), test)
