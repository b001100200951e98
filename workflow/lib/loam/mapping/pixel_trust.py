"""How far each pixel of a map may be trusted, as the bands of ``trust.tif``.

``inside_training_range`` says whether the inputs lie within the range of the training data; ``class`` is one of
``loam.trust.pixel_reasons.MEANING``; ``reasons_inputs`` and ``reasons_place`` hold the reasons for it as sums of bits;
``dissimilarity`` is the index in percent of the one at which the area of applicability ends, up to 254.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock

import numpy as np

from loam.covariates.features import FeatureSet
from loam.covariates.read.tiles import TileInputs
from loam.mapping.trust import INCOMPLETE, RangeCheck, with_gaps
from loam.raster.grid import Grid, Tile, pixel_metres
from loam.training.ranges import NO_VALUE, RANGE_BAND
from loam.trust.dissimilarity import Area
from loam.trust.pixel_reasons import (
    AVOID,
    INPUTS,
    MEANING,
    PLACE,
    Place,
    bits_of_index,
    bits_of_result,
    classify,
    names_of,
)

BANDS = [RANGE_BAND, "class", "reasons_inputs", "reasons_place", "dissimilarity"]
MOST = 254  # percent
MISSING = np.array([INCOMPLETE, AVOID, INPUTS["missing"].bit, 0, NO_VALUE], np.uint8)  # of land where an input lacks

log = logging.getLogger("loam")


def trust_tags() -> dict[str, str]:
    """Tags of the file that tell its numbers."""
    bits = {"reasons_inputs": INPUTS, "reasons_place": PLACE}
    return {
        "class": "; ".join(f"{number} {text}" for number, text in MEANING.items()),
        **{band: "; ".join(f"{item.bit} {item.name}" for item in held.values()) for band, held in bits.items()},
        "dissimilarity": "index in percent of the end of the area of applicability, up to 254",
    }


class PixelTrust:
    """Tells the bands of a tile, and counts.

    Args:
        check: of the range of the training data.
        features: what the model reads.
        grid: of the map.
        area: of applicability; None where it is not known: no pixel is outside.
    """

    def __init__(self, check: RangeCheck, features: FeatureSet, grid: Grid, area: Area | None = None) -> None:
        self.check, self.grid, self.area = check, grid, area
        self._counting = Lock()
        self.place = Place(features, check.low, float(np.mean(pixel_metres(grid.geobox))))
        self.counts = np.zeros(len(MEANING), np.int64)
        self.reasons: dict[str, int] = {name: 0 for held in (INPUTS, PLACE) for name in held}

    def index(self, inputs: TileInputs) -> np.ndarray | None:
        """The dissimilarity index of the pixels of a tile [pixel]; None without an area."""
        if self.area is None:
            return None
        cells = inputs.cells.reshape(len(inputs.cells), -1)
        return self.area.index(np.concatenate([inputs.static, cells[inputs.cell]], axis=1))

    def bands(
        self, tile: Tile, inputs: TileInputs, ranges: np.ndarray, index: np.ndarray | None, widest: np.ndarray,
        spread: np.ndarray, bounded: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Positions of the land pixels of a tile [land], and their values [land, band], uint8, as in ``BANDS``.

        Args:
            tile: of the grid.
            inputs: what the model reads there, before anything is held at the edge of the range.
            ranges: reasons by ``RangeCheck.reasons`` [pixel].
            index: of ``index`` there.
            widest: half width of the 90 % interval [layer] or [pixel, layer], m3 m-3; NaN where not known.
            spread: standard deviation over the members [pixel, layer].
            bounded: whether the model left what is possible [pixel].
        """
        of_inputs, percent = ranges.copy(), np.full(len(ranges), NO_VALUE, np.uint8)
        if self.area is not None and index is not None:
            of_inputs |= bits_of_index(index, self.area.edge, self.area.threshold)
            if np.isfinite(self.area.threshold):
                percent = np.minimum(np.rint(100 * index / self.area.threshold), MOST).astype(np.uint8)
        of_place = self.place.bits(inputs.static, inputs.pixel, (tile.height, tile.width))
        of_place |= bits_of_result(widest, spread, bounded)
        values = [self.check.side_of(ranges), classify(of_inputs, of_place), of_inputs, of_place, percent]
        land, told = with_gaps(self.grid, tile, inputs.pixel, np.stack(values, axis=1), MISSING)
        self._count(told)
        return land, told

    def _count(self, told: np.ndarray) -> None:
        with self._counting:
            self.counts += np.bincount(told[:, 1], minlength=len(self.counts))
            for column, held in ((2, INPUTS), (3, PLACE)):
                sums = np.bincount(told[:, column], minlength=128)
                for number in np.flatnonzero(sums):
                    for name in names_of(int(number), held):
                        self.reasons[name] += int(sums[number])

    def log_classes(self) -> None:
        """Log the share of the land in each class, and of each reason."""
        land = max(int(self.counts.sum()), 1)
        log.info("trust: %s", "; ".join(_told(MEANING[place].split(":")[0], count / land)
                                        for place, count in enumerate(self.counts)))  # fmt: skip
        found: Mapping[str, int] = {name: count for name, count in self.reasons.items() if count}
        log.info("reasons: %s", "; ".join(_told(name, count / land) for name, count in found.items()) or "none")
        if lacking := [name for name in ("organic_soil", "frozen", "open_water", "steep")
                       if name not in self.place.known]:  # fmt: skip
            log.info("not known of any pixel, for want of a feature that tells: %s", ", ".join(lacking))
        if self.area is None:
            log.info("not known of any pixel, for want of an area of applicability: rim_of_area, outside_area")


def _told(name: str, share: float) -> str:
    return f"{name} {100 * share:.1f} %"
