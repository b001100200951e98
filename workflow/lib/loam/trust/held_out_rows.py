"""The dissimilarity index of every held-out row, against what the systems of its fold may have learned from.

It depends on features, folds and the layers that training rows observed, not on what any system predicts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.io.schemas import DISSIMILARITY
from loam.protocols.spans import FoldRoles, roles_by_fold
from loam.training.seeds import derive_seed
from loam.trust.dissimilarity import Area, area_of_applicability
from loam.trust.importance import importance_by_trees, weights_of
from loam.trust.thinning import MOST, thin_rows

ROLES_THAT_FIT = {"training": ["training"], "all": ["training", "validation"]}

log = logging.getLogger("loam")


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a system may learn from.

    Args:
        features: [row, feature].
        moisture: [row, layer], m3 m-3; NaN where not observed.
        station: names [row].
    """

    features: np.ndarray
    moisture: np.ndarray
    station: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, columns: Sequence[str], layers: Sequence[str]) -> TrainingRows:
        """Of a table of samples, with the features ``columns``."""
        return cls(
            rows[list(columns)].to_numpy(float), rows[list(layers)].to_numpy(float),
            rows["station"].to_numpy(str),
        )  # fmt: skip

    def part(self, rows: np.ndarray) -> TrainingRows:
        """Those at the positions, or of the mask, ``rows``."""
        return TrainingRows(self.features[rows], self.moisture[rows], self.station[rows])

    def joined(self, other: TrainingRows) -> TrainingRows:
        """These and those of ``other``."""
        return TrainingRows(
            np.concatenate([self.features, other.features]), np.concatenate([self.moisture, other.moisture]),
            np.concatenate([self.station, other.station]),
        )  # fmt: skip

    def thinned(self, seed: int) -> TrainingRows:
        """So many as the index is held against."""
        return self.part(thin_rows(self.station, MOST, seed))

    def weights(self, seed: int) -> np.ndarray:
        """Of each feature [feature], by its importance."""
        return weights_of(importance_by_trees(self.features, self.moisture, self.station, seed=seed))


def dissimilarity_of_folds(
    source: pd.DataFrame | None,
    target: pd.DataFrame,
    folds: pd.DataFrame,
    *,
    columns: Sequence[str],
    layers: Sequence[str],
    seed: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Index of every row that a fold tests, and whether it lies in the area of applicability.

    Args:
        source: samples of the source domain; None in a run without one.
        target: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        columns: the features.
        layers: names.
        seed: of the run.
        threads: folds side by side.

    Returns:
        Schema DISSIMILARITY; NaN where a fold's rows give no index (one row, or rows that do not differ), and
        ``inside_area`` also where they are of one station.

    Raises:
        TableError: the folds are not those of the target's rows.
        LeakageError: a (station, day) has two roles in a fold.
    """
    own = TrainingRows.of(target, columns, layers)
    other = None if source is None else TrainingRows.of(source, columns, layers)
    protocol, told = folds["protocol"].iloc[0], []

    def of_source() -> tuple[np.ndarray, np.ndarray]:
        points = other.thinned(derive_seed(seed, "training points", "source"))
        return _read(_area(points, points.weights(derive_seed(seed, "importance", "source")), "source"), own)

    def of_fold(fold: FoldRoles) -> list[pd.DataFrame]:
        test = np.flatnonzero(fold.roles == "test")
        parts = {("source", rows): tuple(part[test] for part in by_source) for rows in ROLES_THAT_FIT if by_source}
        parts |= {
            key: _read(area, own.part(test)) for key, area in _areas(own, other, fold, (seed, protocol, fold.fold))
        }
        rows = target[["station", "date"]].iloc[test]
        return [
            rows.assign(fold=fold.fold, learned=learned, rows=fitted, dissimilarity=index, inside_area=inside)
            for (learned, fitted), (index, inside) in parts.items()
        ]

    by_source = None if other is None else of_source()
    with ThreadPoolExecutor(threads) as pool:
        for parts in pool.map(of_fold, roles_by_fold(target[["station", "date"]], folds)):
            told += parts
    table = pd.concat(told, ignore_index=True).assign(protocol=protocol)
    for (learned, fitted), part in table.groupby(["learned", "rows"], sort=False):
        log.info(
            "learned from %s, %s rows: %d held-out rows, index %.2f (median), %.1f %% in the area of applicability",
            learned, fitted, len(part), part["dissimilarity"].median(), 100 * part["inside_area"].mean(),
        )  # fmt: skip
    return table[list(DISSIMILARITY.columns)]


def _areas(
    own: TrainingRows, other: TrainingRows | None, fold: FoldRoles, purpose: tuple[object, ...]
) -> Iterator[tuple[tuple[str, str], Area | None]]:
    """The areas of a fold by what is learned from. The weights are those of all rows that it does not test, which have
    to be found once.
    """
    for learned in ["target"] if other is None else ["target", "both"]:
        weights = None
        for fitted in reversed(ROLES_THAT_FIT):
            rows = own.part(np.isin(fold.roles.astype(str), ROLES_THAT_FIT[fitted]))
            if learned == "both":
                rows = rows.joined(other)
            name = f"fold {fold.fold} of {purpose[1]}, {learned}, {fitted} rows"
            points = rows.thinned(derive_seed(*purpose, "training points", learned, fitted))
            if weights is None:
                weights = points.weights(derive_seed(*purpose, "importance", learned))
            yield (learned, fitted), _area(points, weights, name)


def _area(points: TrainingRows, weights: np.ndarray, name: str) -> Area | None:
    """None, with a warning, where the points give no area."""
    try:
        return area_of_applicability(points.features, points.station, weights)
    except TableError as error:
        log.warning("%s: no dissimilarity index: %s", name, error)
        return None


def _read(area: Area | None, rows: TrainingRows) -> tuple[np.ndarray, np.ndarray]:
    if area is None:
        return (np.full(len(rows.station), np.nan),) * 2
    index = area.index(rows.features).astype(float)
    return index, np.where(np.isnan(area.threshold), np.nan, index <= area.threshold)
