"""Daily weather of cells of 0.1 degrees, as a reanalysis gives it: means of the true weather, and wrong.

Rain has an error of the cell and day that multiplies it, smoother rain over more days, and drizzle on dry ones;
temperatures have a bias of the cell and an error of the cell and day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.grid import Tile
from loam.sandbox.instruments.cell_means import Overlaps, cells_of_region, overlaps_of
from loam.sandbox.instruments.coarse_moisture import APART, BLOCK, blocks_of
from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform
from loam.sandbox.world import World

STEP = 0.1  # degrees
SHAPE = (1800, 3600)
RAIN_ERROR, RAIN_BIAS = 0.30, 0.08  # standard deviations of the logarithm of factors, of a day and of a cell
DRIZZLE_SHARE, DRIZZLE = 0.12, 1.2  # of dry days, and the most of it, mm d-1
TEMPERATURE_ERROR, TEMPERATURE_BIAS = 0.9, 0.5  # K, standard deviations, of a day and of a cell
NEIGHBOURS = 3  # cells within which the errors of a day are alike
VARIABLES = ("rain", "tmin", "tmax")
LARGEST = 512.0  # mm or K that no value reaches


def degree_grid() -> GeoBox:
    """The global grid of 0.1 degrees."""
    return GeoBox(SHAPE, Affine(STEP, 0.0, -180.0, 0.0, -STEP, 90.0), "EPSG:4326")


class CellWeather:
    """True weather of the cells over the world's region."""

    def __init__(self, world: World) -> None:
        """Weather of the cells over ``world``."""
        self.world = world
        self.cells, self.row, self.col = cells_of_region(degree_grid(), world.geobox)
        self._kept: tuple[Tile, Overlaps] | None = None  # of one block: a region of many does not fill the memory

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each cell [row, column] in the global grid."""
        rows, cols = np.indices(self.cells.shape)
        return rows + self.row, cols + self.col

    def true(self, days: Sequence[date]) -> np.ndarray:
        """Area-weighted means [variable, day, row, column]; NaN: nothing of the region lies in the cell."""
        totals = np.zeros((2, len(VARIABLES), len(days), *self.cells.shape))
        for tile in blocks_of(self.world.geobox.shape, BLOCK):
            if self._kept is None or self._kept[0] != tile:
                self._kept = tile, overlaps_of(self.world.geobox, tile, self.cells)
            weather = self.world.weather(days, tile)
            for number, name in enumerate(VARIABLES):
                totals[:, number] += self._kept[1].sums(weather[name], LARGEST)
        values, area = totals
        return np.divide(values, area, out=np.full(values.shape, np.nan), where=area > 0)


def observed(
    seed: int, truth: np.ndarray, days: Sequence[date], rows: np.ndarray, cols: np.ndarray, *, neighbours: bool
) -> np.ndarray:
    """Weather as it is published.

    Args:
        seed: of the world.
        truth: [variable, day, ...], variables as in ``VARIABLES``; mm d-1, degC.
        days: of its second axis.
        rows, cols: where its places lie in the global grid [...], by which each has its own errors.
        neighbours: whether errors of neighbouring cells are alike; else each place has its own.

    Returns:
        float32 of the shape of ``truth``, NaN where it is.
    """
    spread = np.int64(1 if neighbours else APART)
    rows, cols = rows.astype(np.int64) * spread, cols.astype(np.int64) * spread

    def field(name: str) -> np.ndarray:
        return lattice_field(key_of(seed, f"weather {name}"), rows, cols, NEIGHBOURS if neighbours else 0.5)

    out = np.empty(truth.shape, np.float32)
    wet_bias, warm_bias = RAIN_BIAS * field("rain bias"), TEMPERATURE_BIAS * field("temperature bias")
    for number, day in enumerate(days):
        rain, tmin, tmax = truth[:, number]
        factor = np.exp(RAIN_ERROR * field(f"rain {day}") - RAIN_ERROR**2 / 2 + wet_bias)
        chance = lattice_uniform(key_of(seed, f"weather drizzle {day}"), rows, cols)
        drizzle = np.where((rain < 0.1) & (chance < DRIZZLE_SHARE), DRIZZLE * chance / DRIZZLE_SHARE, 0.0)
        low = tmin + warm_bias + TEMPERATURE_ERROR * field(f"tmin {day}")
        high = tmax + warm_bias + TEMPERATURE_ERROR * field(f"tmax {day}")
        out[:, number] = rain * factor + drizzle, low, np.maximum(high, low + 0.5)
    return out
