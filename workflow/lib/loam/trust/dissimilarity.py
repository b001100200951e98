"""How unlike the training data a place is, and up to where a model may be applied.

Dissimilarity index and area of applicability of Meyer and Pebesma (2021, Methods Ecol. Evol. 12, 1620,
doi 10.1111/2041-210X.13650). Features are standardised by the training points and multiplied by their importance. The
index of a new point is its distance to the nearest training point, divided by the mean distance between training
points. The area of applicability ends at the greatest index that a training point has against the points of the other
stations, outliers (beyond the upper quartile + 1.5 interquartile ranges) left out. The local point density (Schumacher
et al., 2025, Geosci. Model Dev. 18, 10185, doi 10.5194/gmd-18-10185-2025) is how many training points lie within that
distance.

Training points are few (``loam.trust.thinning``), so the nearest one is found by distances to all of them, which are
one matrix product: in some ten dimensions or more that takes half the time of a k-d tree (benchmarks/trust.py). The
product runs over the principal axes of the training points: rotating changes no distance, and the axes in which the
training points do not differ tell nothing about which of them is the nearest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from loam.errors import TableError, naming
from loam.io.atomic import atomic_path

KEPT = 0.9999  # of the variance of the training points that the axes hold; an index is off by less than 0.01 for it
ROWS = 256  # rows at a time, whose distances to a thousand points stay in a processor's cache

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Area:
    """Training points in the space of the index, and where the area of applicability ends.

    Args:
        mean: of each feature over the training points [feature].
        factor: importance over standard deviation [feature]; 0 for a feature that no training point differs in.
        points: (features - mean) * factor [point, feature].
        mean_distance: between training points.
        threshold: greatest index within the area; NaN where the training points are of one station.
        indices: of the training points themselves, against those of the other stations [point].
    """

    mean: np.ndarray
    factor: np.ndarray
    points: np.ndarray
    mean_distance: float
    threshold: float
    indices: np.ndarray

    @property
    def edge(self) -> float:
        """Where the rim of the area begins: the index that three of four training points stay below; NaN likewise."""
        return float(np.quantile(self.indices, 0.75))

    def index(self, features: np.ndarray, *, threads: int = 1) -> np.ndarray:
        """The dissimilarity index of rows of ``features`` [row, feature]: [row], float32, 0 at a training point."""
        return self.index_and_density(features, threads=threads)[0]

    def index_and_density(self, features: np.ndarray, *, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The index [row], float32, and the local point density [row], int32, of rows of ``features`` [row, feature].

        Raises:
            TableError: rows have another number of features than the training points, or one that is not finite.
        """
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise TableError(
                f"features of shape {features.shape}", where="dissimilarity index",
                expected=f"[row, feature] with {len(self.mean)} features, those of the training points",
            )  # fmt: skip
        distance, density = np.empty(len(features), np.float32), np.empty(len(features), np.int32)

        def work(starts: np.ndarray) -> None:
            product = self._axes[2]
            along = np.ones((ROWS, len(product)), np.float32)
            squared, near = np.empty((ROWS, product.shape[1]), np.float32), np.empty((ROWS, product.shape[1]), bool)
            for first in starts:
                rows = slice(first, min(first + ROWS, len(features)))
                count = rows.stop - first
                distance[rows], density[rows] = self._nearest(
                    features[rows], along[:count], squared[:count], near[:count]
                )

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, np.array_split(np.arange(0, len(features), ROWS), threads)))
        if len(strange := np.flatnonzero(~np.isfinite(distance))):
            raise TableError(
                f"a feature of row {strange[0]} is not a finite number ({len(strange)} such rows)",
                where="dissimilarity index", fix="leave rows out that lack a feature",
            )  # fmt: skip
        return distance / np.float32(self.mean_distance), density

    @cached_property
    def _axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Principal axes [feature, axis], the points along them [point, axis], and what turns a row [axis + 1] into
        squared distances to all points, less its own square: [axis + 1, point].
        """
        _, size, axes = np.linalg.svd(self.points, full_matrices=False)
        held = np.cumsum(size**2) / max((size**2).sum(), np.finfo(float).tiny)
        axes = axes[: int(np.searchsorted(held, KEPT)) + 1].T
        along = self.points @ axes
        product = np.concatenate([-2 * along.T, (along**2).sum(axis=1)[None]])
        return axes.astype(np.float32), along.astype(np.float32), product.astype(np.float32)

    def _nearest(
        self, features: np.ndarray, along: np.ndarray, squared: np.ndarray, near: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distance to the nearest point, and how many lie within the threshold; the other arguments are room for it."""
        axes, points, product = self._axes
        rows = (features - self.mean.astype(np.float32)).astype(np.float32) * self.factor.astype(np.float32)
        np.matmul(rows, axes, out=along[:, :-1])
        own = np.einsum("ra,ra->r", along[:, :-1], along[:, :-1])
        beside = np.maximum(np.einsum("rf,rf->r", rows, rows) - own, 0)
        np.matmul(along, product, out=squared)
        nearest = points[squared.argmin(axis=1)]
        left = np.float32((self.threshold * self.mean_distance) ** 2) - beside - own
        np.less(squared, left[:, None], out=near)
        density = np.add.reduce(near.view(np.uint8), axis=1, dtype=np.uint32)
        return np.sqrt(((along[:, :-1] - nearest) ** 2).sum(axis=1) + beside), density


def area_of_applicability(
    features: np.ndarray, station: Sequence[object] | np.ndarray, weights: np.ndarray | None = None
) -> Area:
    """The space of the index from training points, and its threshold.

    Args:
        features: of the training points [point, feature].
        station: of each point [point]: its index is its distance to the points of the others. A fold of a
            cross-validation does as well.
        weights: importance of each feature [feature]; below 0 counts as 0. None: all alike.

    Raises:
        TableError: there are fewer than two points, one has a feature that is not finite, the points do not differ in
            any feature that has a weight, or there are not as many weights as features.
    """
    features, where = np.asarray(features, np.float64), "training points of the dissimilarity index"
    if len(features) < 2:
        raise TableError(f"{len(features)} training points", where=where, expected="at least two")
    if len(strange := np.argwhere(~np.isfinite(features))):
        row, column = strange[0]
        raise TableError(
            f"feature {column} of point {row} is {features[row, column]}", where=where, expected="finite numbers"
        )
    importance = np.ones(features.shape[1]) if weights is None else np.asarray(weights, np.float64)
    if importance.shape != features.shape[1:] or not np.isfinite(importance).all():
        raise TableError(
            f"weights {importance.tolist()}", where=where, expected=f"{features.shape[1]} finite numbers, one a feature"
        )
    mean, deviation = features.mean(axis=0), features.std(axis=0, ddof=1)
    differ = np.ptp(features, axis=0) > 1e-6 * np.abs(features).max(axis=0)
    factor = np.where(differ, importance.clip(min=0) / np.where(differ, deviation, 1), 0)
    if not factor.any():
        raise TableError("do not differ in any feature that has a weight", where=where, fix="give other weights")
    points = (features - mean) * factor
    numbers = np.unique(np.asarray(station).astype(str), return_inverse=True)[1]
    total, nearest = 0.0, np.full(len(points), np.nan)
    for number in range(numbers.max() + 1):
        own = numbers == number
        distances = cdist(points[own], points)
        total += distances.sum()
        if not own.all():
            nearest[own] = distances[:, ~own].min(axis=1)
    mean_distance = total / (len(points) * (len(points) - 1))
    indices = nearest / mean_distance
    return Area(mean, factor, points, mean_distance, upper_whisker(indices), indices)


def write_area(area: Area, path: str | Path) -> None:
    """Write an area as a file of arrays (``.npz``)."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **asdict(area))


def read_area(path: str | Path, features: int) -> Area:
    """The area in a file that ``write_area`` wrote.

    Args:
        path: of the file.
        features: how many a row has.

    Raises:
        TableError: it is no such file, or has another number of features.
    """
    with naming(TableError, "is no area of applicability", where=path, fix="rerun measure_area"):
        if not is_zipfile(path):
            raise ValueError("no archive of arrays")
        with np.load(path, allow_pickle=False) as file:
            held = {field.name: file[field.name] for field in fields(Area)}
        area = Area(**held | {name: float(held[name]) for name in ("mean_distance", "threshold")})
    if area.mean.shape != (features,):
        raise TableError(
            f"is of {len(area.mean)} features", where=path, expected=f"{features}, those that the model reads",
            fix="rerun measure_area",
        )  # fmt: skip
    return area


def upper_whisker(values: np.ndarray) -> float:
    """The greatest of ``values`` that is no more than 1.5 interquartile ranges above the upper quartile; NaN of NaN."""
    if np.isnan(values).any():
        return np.nan
    low, high = np.quantile(values, [0.25, 0.75])
    return float(values[values <= high + 1.5 * (high - low)].max())
