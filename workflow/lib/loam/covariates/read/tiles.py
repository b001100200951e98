"""What a network reads for one tile of a map, and the count of what lacked."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from threading import Lock

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
        around: what lies around the pixels, where the network reads patches.
    """

    pixel: np.ndarray
    static: np.ndarray
    cell: np.ndarray
    cells: np.ndarray
    around: Around | None = None


@dataclass(frozen=True)
class Around:
    """A tile with a margin, out of which patches are cut.

    Args:
        values: [row, column, step, band], float32, NaN where missing and outside the grid; half a patch more than the
            tile on each side.
        width: of the tile.
        size: pixels a side of a patch.
    """

    values: np.ndarray
    width: int
    size: int

    def middle(self, pixel: np.ndarray) -> np.ndarray:
        """The pixels' own values: [pixel, step, band]."""
        reach = self.size // 2
        return self.values[reach + pixel // self.width, reach + pixel % self.width]

    def patches(self, pixel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The patches around pixels (positions in the tile), [pixel, step, row, column, band], and how many numbers of
        each band are those of the middle pixel, [band].
        """
        windows = np.lib.stride_tricks.sliding_window_view(self.values, (self.size, self.size), axis=(0, 1))
        found = np.moveaxis(windows[pixel // self.width, pixel % self.width], 2, -1).copy()
        return found, fill_from_middle(found)


def fill_from_middle(patches: np.ndarray) -> np.ndarray:
    """Give pixels of ``patches`` [..., row, column, band] that are missing the value of the middle one, in place.

    Returns:
        How many took it, [band].
    """
    middle = patches.shape[-2] // 2
    own = patches[..., middle : middle + 1, middle : middle + 1, :].copy()
    lacking = np.isnan(patches) & ~np.isnan(own)
    np.copyto(patches, own, where=lacking)
    return np.count_nonzero(lacking.reshape(-1, patches.shape[-1]), axis=0)


class Completeness:
    """Keeps the pixels that have every input, and counts what the others lack."""

    def __init__(self, features: FeatureSet) -> None:
        self.names = [feature.name if feature.kind == "class" else feature.column for feature in features.all]
        self.land = self.mapped = 0
        self.missing: Counter[str] = Counter()
        self._counting = Lock()

    def keep(
        self, land: np.ndarray, static: np.ndarray, index: np.ndarray, cells: np.ndarray, around: Around | None = None
    ) -> TileInputs:
        """The inputs of the pixels that lack nothing.

        Args:
            land: [pixel] positions in the tile.
            static: [pixel, feature]. index: [pixel] into ``cells`` [cell, step, variable]; NaN where missing.
            around: of patches.
        """
        lacking = np.isnan(cells).reshape(len(cells), -1)
        own = np.zeros((len(land), 0), bool) if around is None else np.isnan(around.middle(land)).reshape(len(land), -1)
        complete = ~(np.isnan(static).any(axis=1) | lacking.any(axis=1)[index] | own.any(axis=1))
        missing = np.isnan(static).sum(axis=0).tolist()
        missing += (np.bincount(index, minlength=len(lacking)) @ lacking).tolist() + own.sum(axis=0).tolist()
        with self._counting:
            self.land += len(land)
            self.mapped += int(complete.sum())
            self.missing.update({name: count for name, count in zip(self.names, missing, strict=True) if count})
        used, cell = np.unique(index[complete], return_inverse=True)
        return TileInputs(land[complete], static[complete], cell, cells[used], around)

    def log_missing(self) -> None:
        """Log how many land pixels were mapped, and the missing share of each feature that lacks any."""
        share = 100 * self.mapped / max(self.land, 1)
        log.info("%d land pixels, %.2f %% of them with every input", self.land, share)
        for column, count in self.missing.most_common():
            log.info("missing %s: %.2f %% of the land", column, 100 * count / self.land)
