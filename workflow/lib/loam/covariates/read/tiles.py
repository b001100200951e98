"""What a network reads for one tile of a map, and the count of what lacked."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

import numpy as np

from loam.covariates.features import FeatureSet

log = logging.getLogger("loam")


@dataclass(frozen=True)
class TileInputs:
    """What a network reads for one tile.

    Args:
        pixel: the land pixels with every input, as positions in the tile counted row by row: [pixel].
        static: [pixel, feature], float32, in FeatureSet.static order.
        cell: the sequence that each pixel reads: [pixel], into ``cells``.
        cells: the distinct sequences: [cell, step, variable], float32, oldest step first; [1, 0, 0] without sequence.
    """

    pixel: np.ndarray
    static: np.ndarray
    cell: np.ndarray
    cells: np.ndarray


class Completeness:
    """Keeps the pixels that have every input, and counts what the others lack."""

    def __init__(self, features: FeatureSet) -> None:
        self.names = [feature.name if feature.kind == "class" else feature.column for feature in features.all]
        self.land = self.mapped = 0
        self.missing: Counter[str] = Counter()

    def keep(self, land: np.ndarray, static: np.ndarray, index: np.ndarray, cells: np.ndarray) -> TileInputs:
        """The inputs of the pixels that lack nothing.

        Args:
            land: [pixel] positions in the tile.
            static: [pixel, feature]. index: [pixel] into ``cells`` [cell, step, variable]; NaN where missing.
        """
        lacking = np.isnan(cells).reshape(len(cells), -1)
        complete = ~(np.isnan(static).any(axis=1) | lacking.any(axis=1)[index])
        self.land += len(land)
        self.mapped += int(complete.sum())
        missing = np.isnan(static).sum(axis=0).tolist()
        missing += (np.bincount(index, minlength=len(lacking)) @ lacking).tolist()
        self.missing.update({name: count for name, count in zip(self.names, missing, strict=True) if count})
        used, cell = np.unique(index[complete], return_inverse=True)
        return TileInputs(land[complete], static[complete], cell, cells[used])

    def log_missing(self) -> None:
        """Log how many land pixels were mapped, and the missing share of each feature that lacks any."""
        share = 100 * self.mapped / max(self.land, 1)
        log.info("%d land pixels, %.2f %% of them with every input", self.land, share)
        for column, count in self.missing.most_common():
            log.info("missing %s: %.2f %% of the land", column, 100 * count / self.land)
