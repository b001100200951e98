"""Batches by stations: of some stations some rows each, so that a loss can tell a station's level from its dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loam.samples.windows import Windows


class StationBatches:
    """Draws of one member's batches.

    A station is drawn with a probability that grows with the square root of its rows, with replacement; so are rows of
    it. Where rows of both domains train, ``target_share`` of the stations are the target's.

    Args:
        windows: the domain's rows.
        training: positions of the member's training rows.
        batch: ``stations``, ``rows``, ``target_share``.
    """

    def __init__(self, windows: Windows, training: np.ndarray, batch: Mapping[str, Any]) -> None:
        self._rows = training[np.argsort(windows.station[training], kind="stable")]
        stations, self._first, self._count = np.unique(
            windows.station[self._rows], return_index=True, return_counts=True
        )
        self._stations, self._size = int(batch["stations"]), int(batch["rows"])
        of_target = windows.of_target[stations]
        weight = np.sqrt(self._count)
        both = of_target.any() and not of_target.all()
        share = round(batch["target_share"] * self._stations) if both else self._stations * int(of_target.any())
        self._parts = [
            (count, np.cumsum(np.where(own, weight, 0.0)) / weight[own].sum())
            for count, own in ((share, of_target), (self._stations - share, ~of_target))
            if count
        ]

    def draw(self, generator: np.random.Generator, steps: int) -> np.ndarray:
        """Positions [step, row] of the rows of ``steps`` batches; a station's rows stand together."""
        drawn = [
            np.searchsorted(chances, generator.random((steps, count)), side="right") for count, chances in self._parts
        ]
        station = np.minimum(np.concatenate(drawn, 1), len(self._count) - 1)
        place = generator.random((steps, self._stations, self._size)) * self._count[station][..., None]
        return self._rows[self._first[station][..., None] + place.astype(np.int64)].reshape(steps, -1)
