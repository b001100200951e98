"""Coarse cells as stations: each cell of the modelled moisture over land of the run's grid, with means over its pixels.

What the model says of a cell is what a network can learn from it, at the model's scale: covariates that do not change
and weather are means over the cell's land pixels, classes the shares of them, and the modelled moisture its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj

from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import Observations, Series
from loam.errors import ConfigError
from loam.raster.cell_index import CellIndex
from loam.raster.classes import CODES
from loam.raster.grid import cells_at, crs_of, project

GROUP = "coarse_moisture"


class CoarseCells:
    """The coarse cells over land of a cube's grid.

    Args:
        cube: of the run.
    """

    def __init__(self, cube: Cube) -> None:
        self.cube, grid = cube, cube.grid
        self._geobox, self._indexes = cube.geobox(GROUP), dict[str, CellIndex]()
        width = self._geobox.shape[1]
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # of each tile: rows, columns, cells
        for tile in grid.tiles:
            land = np.flatnonzero(grid.land_mask(tile))
            rows, cols = tile.row + land // tile.width, tile.col + land % tile.width
            row, col = self._cells_of(GROUP, rows, cols)
            inside = row >= 0
            self._parts.append((rows[inside], cols[inside], (row * width + col)[inside]))
        cells, self.pixels = np.unique(np.concatenate([part[2] for part in self._parts]), return_counts=True)
        if not len(cells):
            raise ConfigError(
                "no coarse cell lies over land of the grid", where="config key 'covariates.domains'",
                fix="fetch the coarse moisture of the run's region",
            )  # fmt: skip
        self._parts = [(rows, cols, np.searchsorted(cells, own)) for rows, cols, own in self._parts]
        self.rows, self.cols = cells // width, cells % width

    def about(self) -> pd.DataFrame:
        """Latitude and longitude of the cells' centres, by names that sort as the cells do."""
        transform = self._geobox.transform
        x, y = transform.c + transform.a * (self.cols + 0.5), transform.f + transform.e * (self.rows + 0.5)
        longitude, latitude = project(x, y, crs_of(self._geobox), pyproj.CRS("EPSG:4326"))
        names = [f"cell_{row:05d}_{col:05d}" for row, col in zip(self.rows, self.cols, strict=True)]
        return pd.DataFrame({"latitude": latitude, "longitude": longitude}, index=pd.Index(names, name="station"))

    def at(self, place: np.ndarray) -> CellSource:
        """Some cells, by their positions."""
        return CellSource(self, np.asarray(place, np.int64))

    def mean(self, name: str, value: float | None = None) -> np.ndarray:
        """A static covariate's mean over the land pixels of each cell that have it, or the share of them in a class."""
        total, count = np.zeros(len(self.rows)), np.zeros(len(self.rows))
        for rows, cols, cell in self._parts:
            values = self.cube.at(rows, cols).static(name).astype(float)
            known = np.isfinite(values)
            counted = values if value is None else values == value
            total += np.bincount(cell[known], counted[known], len(total))
            count += np.bincount(cell[known], minlength=len(count))
        with np.errstate(invalid="ignore"):
            return total / count

    def index_of(self, group: str) -> CellIndex:
        """Which cells of a group's grid the cells read, weighted by the land pixels that lie in both."""
        if group in self._indexes:
            return self._indexes[group]
        width = self.cube.geobox(group).shape[1]
        pairs: dict[tuple[int, int], int] = {}
        for rows, cols, cell in self._parts:
            row, col = self._cells_of(group, rows, cols)
            inside = row >= 0
            found, count = np.unique(np.stack([cell, row * width + col])[:, inside], axis=1, return_counts=True)
            for own, other, number in zip(*found.tolist(), count.tolist(), strict=True):
                pairs[own, other] = pairs.get((own, other), 0) + number
        others = np.array(sorted({other for _, other in pairs}), np.int64)
        corners = max(np.bincount([own for own, _ in pairs], minlength=1)) if pairs else 1
        which, weight = np.full((len(self.rows), corners), -1), np.zeros((len(self.rows), corners))
        filled = np.zeros(len(self.rows), np.int64)
        for (own, other), number in sorted(pairs.items()):
            which[own, filled[own]] = np.searchsorted(others, other)
            weight[own, filled[own]] = number / self.pixels[own]
            filled[own] += 1
        self._indexes[group] = CellIndex(others // width, others % width, which, weight)
        return self._indexes[group]

    def _cells_of(self, group: str, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.cube.grid.centres_of(rows, cols)
        transformer = self.cube.transformer(group)
        return cells_at(self.cube.geobox(group), *((x, y) if transformer is None else transformer.transform(x, y)))


class CellSource:
    """Some coarse cells, as ``loam.covariates.read.derive`` reads them."""

    def __init__(self, cells: CoarseCells, place: np.ndarray) -> None:
        self.cells, self.place = cells, place
        self._means: dict[tuple[str, float | None], np.ndarray] = {}

    def holds(self, name: str) -> bool:
        """Whether the cells have the covariate itself: never; all is made from what the cube has."""
        return False

    def static(self, name: str) -> np.ndarray:
        """A static covariate's mean over the land pixels: [cell], NaN where none has it."""
        return self._mean(name)

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """The share of the land pixels that a class has: [cell], NaN where none has any."""
        return self._mean(f"{name}_share_{value}") if shares else self._mean(name, CODES[value])

    def classes(self) -> np.ndarray:
        """The code of the class with the largest share: [cell], NaN where no pixel has any."""
        shares = np.stack([self._mean("landcover", code) for code in CODES.values()], axis=1)
        largest = np.array(list(CODES.values()), float)[np.nan_to_num(shares).argmax(axis=1)]
        return np.where(
            np.isnan(shares).any(axis=1), np.nan, np.where(np.nan_to_num(shares).max(axis=1) > 0, largest, 0)
        )

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable: the cell's own of the modelled moisture, the mean over its land pixels of others."""
        group = self.cells.cube.group_of(variable)
        index = self.cells.index_of(group)
        here = CellIndex(index.rows, index.cols, index.cell[self.place], index.weight[self.place])
        return Series(first, self.cells.cube.values(variable, index.rows, index.cols, first, last)), here

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """None: what passes see of pixels is not averaged over cells."""
        raise ConfigError(
            f"{variable} of {group} cannot be had of coarse cells", where="config section 'features'",
            fix="leave it out, or set covariates.domains to points or cube",
        )  # fmt: skip

    def _mean(self, name: str, value: float | None = None) -> np.ndarray:
        if (name, value) not in self._means:
            self._means[name, value] = self.cells.mean(name, value)
        return self._means[name, value][self.place]
