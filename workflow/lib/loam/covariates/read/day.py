"""The inputs of a day's map, tile by tile, from whatever source: as the samples of that day are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

import numpy as np

from loam.covariates.features import FeatureSet
from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import DAILY, RowReader, Settings, Source
from loam.covariates.read.tiles import Around, Completeness, TileInputs
from loam.errors import RasterError
from loam.raster.grid import Grid, Tile


class MapDay:
    """One day of a source, read tile by tile for a map.

    Args:
        grid: of the map.
        features: what the model reads.
        day: to map.
        settings: how covariates are derived.
        at: the pixels at positions [pixel] of a tile, counted row by row.
        one_at_a_time: whether ``at`` is for one thread alone.
    """

    def __init__(
        self, grid: Grid, features: FeatureSet, day: np.datetime64, settings: Settings,
        at: Callable[[Tile, np.ndarray], Source], *, one_at_a_time: bool = False,
    ) -> None:  # fmt: skip
        self.grid, self.features, self.day, self._settings, self._at = grid, features, day, settings, at
        self._completeness = Completeness(features)
        self._one_at_a_time: AbstractContextManager[Any] = Lock() if one_at_a_time else nullcontext()

    def read(self, tile: Tile) -> TileInputs:
        """Every feature at the land pixels of ``tile`` that have them all; from any thread."""
        with self._one_at_a_time:
            return self._read(tile)

    def _read(self, tile: Tile) -> TileInputs:
        land = np.flatnonzero(self.grid.land_mask(tile))
        reader = RowReader(self.features, self._at(tile, land), np.array([self.day]), self._settings)
        static = reader.read(self.features.static, np.zeros(len(land), np.int64), np.arange(len(land)))
        index, cells = self._sequence(reader, len(land))
        return self._completeness.keep(land, static, index, cells, self._around(tile) if self.features.patch else None)

    def log_missing(self) -> None:
        """Log how many land pixels were mapped, and the missing share of each feature that lacks any."""
        self._completeness.log_missing()

    def _around(self, tile: Tile) -> Around:
        """The bands of patches at the land pixels of ``tile`` and of its margin."""
        size, steps = self.features.size, self.features.patch
        reach = size // 2
        wide = self.grid.around(tile, reach)
        land = np.flatnonzero(self.grid.land_mask(wide))
        reader = RowReader(FeatureSet(tuple(feature for step in steps for feature in step), ()), self._at(wide, land),
                           np.array([self.day]), self._settings)  # fmt: skip
        shape = (tile.height + 2 * reach, tile.width + 2 * reach, len(steps), len(steps[0]))
        values = np.full(shape, np.nan, np.float32)
        rows, cols = land // wide.width + wide.row - tile.row + reach, land % wide.width + wide.col - tile.col + reach
        day, pixel = np.zeros(len(land), np.int64), np.arange(len(land))
        for band in range(shape[3]):
            for place, step in enumerate(steps):
                if place and step[band].kind not in DAILY:
                    values[..., place, band] = values[..., 0, band]
                else:
                    values[rows, cols, place, band] = reader.column(step[band], day, pixel)
        return Around(values, tile.width, size)

    def _sequence(self, reader: RowReader, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """The distinct sequences [cell, step, variable], and which each pixel reads."""
        steps = self.features.sequence
        if not steps or not pixels:
            shape = (len(steps), len(steps[0])) if steps else (0, 0)
            return np.zeros(pixels, np.int64), np.zeros((1, *shape), np.float32)
        key = np.zeros(pixels, np.int64)
        for index in {id(index): index for index in map(reader.index_of, steps[0])}.values():
            group = index.group
            key = key * (int(group.max()) + 1) + group
        _, first, index = np.unique(key, return_index=True, return_inverse=True)
        flat = [feature for step in steps for feature in step]
        rows = reader.read(flat, np.zeros(len(first), np.int64), first)
        return index, rows.reshape(len(first), len(steps), len(steps[0]))


@contextmanager
def open_cube_day(cube: Cube, features: FeatureSet, day: str) -> Iterator[MapDay]:
    """The inputs of a map of ``day`` (YYYY-MM-DD).

    Raises:
        RasterError: the day's month is not among the cube's.
    """
    if day[:7] not in cube.months:
        raise RasterError(
            f"has no {day[:7]}", where="covariates/dynamic", expected=f"{', '.join(cube.months)}",
            fix="give the rule the months of files.months_of_days",
        )  # fmt: skip

    def at(tile: Tile, land: np.ndarray) -> Source:
        return cube.at(tile.row + land // tile.width, tile.col + land % tile.width)

    yield MapDay(cube.grid, features, np.datetime64(day, "D"), cube.settings, at)
