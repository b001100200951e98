"""Hillslope cells, packed so that the water balance runs through them one by one, and what comes out laid on pixels.

A cell is 10 x 10 pixels of the grid, at multiples of 10 from its corner; a block is widened to whole cells, so that it
gives what the whole region would give, bit for bit. Memory is that of the cells: about 0.6 kB a pixel, and a batch of
days on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from loam.io.progress import progress
from loam.sandbox.land.cover_map import Cover
from loam.sandbox.land.ground import Ground
from loam.sandbox.land.hydraulics import Hydraulics, Physics
from loam.sandbox.lattice import key_of, lattice_uniform
from loam.sandbox.water import balance
from loam.sandbox.water.climate import NodeWeather

CELL = balance.CELL
NODE = 5 * CELL  # pixels between weather nodes
LAPSE = 0.0065  # K m-1
RAIN_HEIGHT, OROGRAPHY = 300.0, 0.0007  # m at which the nodes' rain falls, and by how much it grows, a metre
OROGRAPHY_LIMITS = (0.75, 1.9)
BOTTOM, SILTED, BOTTOM_LIMITS = 0.08, 0.35, (0.004, 0.2)  # conductivity of 60-100 cm, relative; falls with wetness
SLOPING = (0.25, 1 / 25.0, 0.85)  # share of drainage that stays on the hillslope: on flats, more a degree, at most
EXPOSURE = 0.18  # how much more a steep slope that faces the sun can evaporate
GATHERING = 1.1  # index by which a pixel's part of the lateral water grows e-fold
LARGEST_GATHERING = 4.0  # index above the cell's mean that still counts
BATCH_BYTES = 48_000_000
FIRST_SATURATION = 0.55  # of the pores, on the first day of the spin-up


@dataclass(frozen=True)
class Day:
    """What is true on one day.

    Args:
        day: the day.
        moisture: mean of the day [layer, ...], m3 m-3, float32, layers ``balance.BOUNDS``; NaN where there is no land.
        end: at the end of the day, of the same shape; None if not asked for.
        leaves: share of ground under leaves [...], float32.
    """

    day: date
    moisture: np.ndarray
    end: np.ndarray | None
    leaves: np.ndarray


class Hillslopes:
    """The water of some cells, and how it changes.

    Attributes:
        water: mm above residual [cell, pixel, layer]. canopy: mm [cell, pixel]. vigour: of plants, 0 to 1.
        totals: water of the days that were run [cell, pixel, ``balance.FLUXES``], mm.
        layers, surface, cover: parameters (``loam.sandbox.water.balance``).
    """

    def __init__(
        self, seed: int, domain: str, ground: Ground, cover: Cover, soil: Hydraulics, physics: Physics,
        quads: np.ndarray, fractions: tuple[np.ndarray, np.ndarray],
    ) -> None:  # fmt: skip
        """Cells at the beginning of the spin-up.

        Args:
            seed, domain: what irrigation's calendar follows from.
            ground, cover: of the cells' pixels, [cell, pixel].
            soil: at the four depths of the maps [depth, cell, pixel].
            physics: of the domain.
            quads: weather nodes around each cell [cell, 4].
            fractions: how far down and across between them each pixel lies [cell, pixel].
        """
        shape = ground.rows.shape
        self.cover, self.quads = cover.landcover, np.ascontiguousarray(quads, np.int64)
        self.layers = _layers(soil, ground.wetness)
        self.surface = np.empty((*shape, balance.PIXEL_COLUMNS))
        self.surface[..., balance.RAIN_FACTOR] = rain_factor(ground.elevation)
        self.surface[..., balance.COOLING] = LAPSE * ground.elevation
        self.surface[..., balance.EXPOSURE] = 1.0 + EXPOSURE * np.sin(np.radians(ground.slope)) * ground.north
        self.surface[..., balance.SLOPING] = np.minimum(SLOPING[0] + SLOPING[1] * ground.slope, SLOPING[2])
        self.surface[..., balance.WEIGHT] = _weights(ground)
        self.surface[..., balance.DOWN], self.surface[..., balance.ACROSS] = fractions
        self.phase = (lattice_uniform(key_of(seed, f"{domain} turn"), cover.circle, np.zeros_like(cover.circle))
                      * balance.IRRIGATION_INTERVAL).astype(np.uint8)  # fmt: skip
        self.roots = balance.rooting(physics.rooting)
        self.water = FIRST_SATURATION * self.layers[..., balance.PORES]
        self.canopy = np.zeros(shape)
        self.vigour = np.full(shape, 0.7)
        self.totals = np.zeros((*shape, len(balance.FLUXES)))

    @property
    def stored(self) -> np.ndarray:
        """Water in soil above residual and on leaves [cell, pixel], mm."""
        return self.water.sum(axis=2) + self.canopy

    def run(self, weather: NodeWeather, days: Sequence[date], threads: int = 1, ends: bool = False) -> Iterator[Day]:
        """Run all days of ``weather``; yield those of ``days``, [layer, cell, pixel].

        Args:
            weather: at the nodes that ``quads`` name, from the first day that has not been run.
            days: to yield, sorted.
            threads: that share the cells; their number does not change a bit.
            ends: whether moisture at the end of the day is wanted too.
        """
        wanted = {(day - weather.first).days for day in days}
        count, pixels = len(weather.rain), self.cover.size
        batch = max(1, min(64, BATCH_BYTES // max(1, pixels * 4 * (balance.LAYERS * (1 + ends) + 1))))
        start = 0
        days_done = progress(count, "days of the synthetic world")
        while start < count:
            numbers = []
            stop = start
            while stop < count and len(numbers) < batch and stop - start < 400:
                if stop in wanted:
                    numbers.append(stop)
                stop += 1
            yield from self._batch(weather, start, stop, numbers, threads, ends)
            days_done.step(stop - start)
            start = stop

    def _batch(
        self, weather: NodeWeather, start: int, stop: int, numbers: list[int], threads: int, ends: bool
    ) -> Iterator[Day]:
        days = [weather.first + timedelta(days=number) for number in range(start, stop)]
        observed = np.full(len(days), -1)
        observed[np.array(numbers, int) - start] = np.arange(len(numbers))
        cells, pixels = self.cover.shape
        mean = np.full((len(numbers), balance.LAYERS, cells, pixels), np.nan, np.float32)
        end = np.full((len(numbers) if ends else 0, balance.LAYERS, cells, pixels), np.nan, np.float32)
        leaves = np.full((len(numbers), cells, pixels), np.nan, np.float32)
        part = slice(start, stop)
        given = (
            self.water, self.canopy, self.vigour, self.layers, self.surface, self.roots, self.cover, self.phase,
            self.quads, weather.rain[part], (weather.tmin[part] + weather.tmax[part]) / 2, weather.demand[part],
            balance.green_season(np.array([day.timetuple().tm_yday for day in days], float)),
            np.array([day.month in balance.IRRIGATION_MONTHS for day in days]),
            np.array([day.toordinal() for day in days]), observed, self.totals, mean, end, leaves,
        )  # fmt: skip
        if threads == 1:
            balance.advance(0, cells, *given)
        else:
            limits = np.linspace(0, cells, 4 * threads + 1).astype(int)
            with ThreadPoolExecutor(threads) as pool:
                jobs = [pool.submit(balance.advance, *pair, *given) for pair in pairwise(limits)]
            for job in jobs:
                job.result()
        for place, number in enumerate(numbers):
            yield Day(days[number - start], mean[place], end[place] if ends else None, leaves[place])


def rain_factor(elevation: np.ndarray) -> np.ndarray:
    """How much more rain falls at ``elevation`` (m) than at the nodes' height."""
    return np.clip(np.exp(OROGRAPHY * (elevation - RAIN_HEIGHT)), *OROGRAPHY_LIMITS)


def cells_of(rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of cells at ``rows``, ``cols`` (of cells) [cell]: each [cell, pixel]."""
    down, across = (part.ravel() for part in np.indices((CELL, CELL)))
    return rows[:, None] * CELL + down, cols[:, None] * CELL + across


def node_places(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Weather nodes around pixels, and where between them a pixel lies.

    Args:
        rows, cols: of pixels, any one shape.
        shape: of the lattice of nodes.

    Returns:
        Numbers of the nodes north-west, north-east, south-west, south-east [..., 4], shares down and across.
    """
    node_row, node_col = rows // NODE, cols // NODE
    first = node_row * shape[1] + node_col
    quads = np.stack([first, first + 1, first + shape[1], first + shape[1] + 1], axis=-1)
    return quads, (rows + 0.5) / NODE - node_row, (cols + 0.5) / NODE - node_col


def _layers(soil: Hydraulics, wetness: np.ndarray) -> np.ndarray:
    """Parameters of the five layers; 60-100 cm is as 30-60 cm, but denser, and lets less through where it is wet."""
    out = np.empty((*wetness.shape, balance.LAYERS, balance.LAYER_COLUMNS))
    tightness = np.clip(BOTTOM * np.exp(-SILTED * (wetness - 8.0)), *BOTTOM_LIMITS)
    for layer, thickness in enumerate(balance.THICKNESS):
        depth = min(layer, len(soil.residual) - 1)
        deep = layer == balance.LAYERS - 1
        residual = soil.residual[depth]
        space = (soil.porosity[depth] - residual) * (0.94 if deep else 1.0)
        part = out[:, :, layer]
        part[..., balance.RESIDUAL] = residual
        part[..., balance.PORES] = space * thickness
        part[..., balance.CONDUCTIVITY] = soil.conductivity[depth] * (tightness if deep else 1.0)
        part[..., balance.EXPONENT] = 2.0 * soil.exponent[depth] + 3.0
        part[..., balance.WILTING] = (soil.wilting[depth] - residual) * thickness
        part[..., balance.COMFORT] = 0.5 * (soil.capacity[depth] - soil.wilting[depth]) * thickness
    return out


def _weights(ground: Ground) -> np.ndarray:
    """Each pixel's part of its cell's lateral water [cell, pixel]; they add up to 1 where the cell has land."""
    count = np.maximum(ground.land.sum(axis=1, keepdims=True), 1)
    middle = np.where(ground.land, ground.wetness, 0.0).sum(axis=1, keepdims=True) / count
    above = np.minimum(ground.wetness - middle, LARGEST_GATHERING)
    part = np.where(ground.land, np.exp(above / GATHERING), 0.0)
    whole = part.sum(axis=1, keepdims=True)
    return part / np.where(whole > 0, whole, 1.0)
