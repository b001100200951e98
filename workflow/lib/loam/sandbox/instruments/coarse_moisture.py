"""Modelled moisture of 9 km cells, as SMAP L4 gives it: near the truth of the cell, never the truth.

Cells are those of the EASE-Grid 2.0 (Brodzik et al., 2012, EPSG:6933). The truth of a cell is the area-weighted mean
of its land. What is published differs from it by a bias of the region, one of each cell, a smaller range, an error with
memory of some days, and noise from one 3-hourly field to the next; now and then fields of a day are lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.grid import Tile
from loam.sandbox.instruments.cell_means import cells_of_region, overlaps_of
from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform
from loam.sandbox.world import World, depth_mean

EASE_CELL, EASE_ORIGIN, EASE_SHAPE = 9008.055210146, (-17367530.4451615, 7314540.8306386), (1624, 3856)
DEPTHS = {"sm_surface": (0, 5), "sm_rootzone": (0, 100)}  # cm
FIELDS_A_DAY = 8

GAIN, MIDDLE = 0.9, 0.25  # the model's moisture varies less than the real one, about this value
REGIONAL_BIAS = {"sm_surface": 0.035, "sm_rootzone": 0.045}  # m3 m-3, of the target at domain distance 1
CELL_BIAS = 0.015  # m3 m-3, standard deviation between cells
ERROR, ERROR_DAYS = 0.012, 4  # m3 m-3, and the days after which it is another
FIELD_NOISE = 0.006  # m3 m-3, from one 3-hourly field to the next
MODEL_ONLY = 1.6  # factor of the error on days when no satellite data entered the model
LOST_DAYS, LOST_FIELDS = 0.015, 5  # share of days that lack fields, and how many at most
LIMITS = (0.01, 0.8)  # m3 m-3
APART = 1024  # between numbers of cells in the random fields, so that cells have nothing in common
BLOCK = 320  # pixels a side of what is simulated at once


@dataclass(frozen=True)
class CellTruth:
    """True moisture of coarse cells: the area-weighted means that a perfect instrument would see.

    Args:
        cells: their grid; row, col: of its first cell in the global grid.
        days: of the record.
        values: m3 m-3 [variable, day, row, column], variables as in ``DEPTHS``; NaN: no land of the region.
    """

    cells: GeoBox
    row: int
    col: int
    days: list[date]
    values: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """Number of each cell [row, column] in the global grid."""
        rows, cols = np.indices(self.cells.shape)
        return (rows + self.row) * EASE_SHAPE[1] + cols + self.col


def ease_grid() -> GeoBox:
    """The global 9 km EASE-Grid 2.0."""
    west, north = EASE_ORIGIN
    return GeoBox(EASE_SHAPE, Affine(EASE_CELL, 0.0, west, 0.0, -EASE_CELL, north), "EPSG:6933")


def cell_truth(world: World, days: Sequence[date], threads: int = 1, grid: GeoBox | None = None) -> CellTruth:
    """True moisture of the cells over the world's region, its blocks simulated one after another.

    Args:
        world: the target domain.
        days: of the record.
        threads: of the simulation.
        grid: of the cells; the EASE-Grid if not given.
    """
    cells, row, col = cells_of_region(grid or ease_grid(), world.geobox)
    totals = np.zeros((2, len(DEPTHS), len(days), *cells.shape))
    for tile in blocks_of(world.geobox.shape, BLOCK):
        overlaps = overlaps_of(world.geobox, tile, cells)
        for number, day in enumerate(world.run(days, tile, threads)):
            layers = np.stack([depth_mean(day.moisture, *depth) for depth in DEPTHS.values()])
            totals[:, :, number] += overlaps.sums(layers)
    values, area = totals
    means = np.divide(values, area, out=np.full(values.shape, np.nan), where=area > 0)
    return CellTruth(cells, row, col, list(days), means)


def blocks_of(shape: tuple[int, int], size: int) -> list[Tile]:
    """Blocks of at most ``size`` pixels a side that make up a grid of ``shape``."""
    return [
        Tile(row, col, min(size, shape[0] - row), min(size, shape[1] - col))
        for row in range(0, shape[0], size)
        for col in range(0, shape[1], size)
    ]


def fields_found(seed: int, days: Sequence[date]) -> np.ndarray:
    """How many of a day's fields there are [day], most days all of them."""
    numbers = np.array([day.toordinal() for day in days])
    zero = np.zeros_like(numbers)
    lost = lattice_uniform(key_of(seed, "days with lost fields"), numbers, zero) < LOST_DAYS
    count = 1 + (lattice_uniform(key_of(seed, "lost fields"), numbers, zero) * LOST_FIELDS).astype(int)
    return FIELDS_A_DAY - np.where(lost, count, 0)


def observed(
    seed: int, variable: str, truth: np.ndarray, days: Sequence[date], numbers: np.ndarray, found: np.ndarray, *,
    regional: float, model_only: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Daily means as they are published.

    Args:
        seed: of the world.
        variable: of ``DEPTHS``.
        truth: [day, cell] m3 m-3.
        days: of its first axis.
        numbers: of the cells [cell], by which each has its own errors.
        found: fields of each day [day], that the mean is taken over.
        regional: how much of the regional bias the domain has.
        model_only: bool [day], days without satellite data.

    Returns:
        float32 [day, cell], NaN where ``truth`` is.
    """
    row = np.array([day.toordinal() for day in days], np.int64)[:, None]
    col = np.broadcast_to(numbers.astype(np.int64) * APART, truth.shape)

    def field(name: str, rows: np.ndarray, length: float) -> np.ndarray:
        return lattice_field(key_of(seed, f"{variable} {name}"), np.broadcast_to(rows, truth.shape), col, length)

    bias = REGIONAL_BIAS[variable] * regional + CELL_BIAS * field("bias", np.zeros_like(row), 1.0)
    error = ERROR * field("error", row, ERROR_DAYS)
    if model_only is not None:
        error *= np.where(model_only, MODEL_ONLY, 1.0)[:, None]
    noise = np.zeros(truth.shape)
    for number in range(FIELDS_A_DAY):
        there = (number < found)[:, None]
        noise += np.where(there, field("noise", row * FIELDS_A_DAY + number, 0.5), 0.0)
    noise *= FIELD_NOISE / np.maximum(found, 1)[:, None]
    value = MIDDLE + GAIN * (truth - MIDDLE) + bias + error + noise
    return np.clip(value, *LIMITS).astype(np.float32)
