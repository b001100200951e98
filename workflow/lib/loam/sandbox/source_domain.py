"""The source domain: stations over a continent's range of climates and soils, with the target's physics.

Every station has a patch of land of its own (in one mosaic of terrain), its own place in the climate and its own
altitude. What differs from the target grows with ``domain_distance``: at 0 the climates, the soils and how soil
translates into moisture are the target's outside its peat country; at 1 they reach from as wet and cool as there to
dry and warm with summer rain, on soils with more clay, less carbon, less pore space and less water at hand, as
Widyastuti et al. find between Australia and Tasmania (their fig. 4). A model of the source alone is therefore biased
in the target, in a way that a few local probes can mend.

    source = SourceDomain(settings)
    source.stations                 station, latitude, longitude, landcover, first_day, last_day
    source.static                   true maps at the stations (``world.STATIC``): [station] or [4, station]
    source.weather(days)            {"rain", "tmin", "tmax"}: [day, station], float32
    for day in source.run(days):    day.moisture [layer, station]; day.area: the mean around it [layer, station]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from loam.sandbox.land.cover_map import LANDCOVER, Cover, cover_at
from loam.sandbox.land.ground import Ground, ground_at
from loam.sandbox.land.hydraulics import Physics
from loam.sandbox.land.relief import Relief, draw_relief
from loam.sandbox.land.soil_map import Character, Soils, soils_at
from loam.sandbox.land.station_sites import quotas_of
from loam.sandbox.lattice import random_numbers
from loam.sandbox.water.climate import Climate, Weather, drought_and_wet
from loam.sandbox.water.hillslopes import CELL, LAPSE, Hillslopes, cells_of, rain_factor
from loam.sandbox.world import climate_along, static_fields
from loam.sandbox.world_settings import WorldSettings

DOMAIN = "source"
PATCH = 6 * CELL  # pixels a side of a station's land
PATCH_CELLS = PATCH // CELL
AREA_CELLS = 4  # cells beside the station's own that stand for its surroundings
EASTING = (0.33, 1.0)  # of the target's climates at distance 0; none has peat
ALTITUDE = 200.0  # m at most that is added to a patch's relief at distance 0
LATITUDE, LONGITUDE = -42.0, 147.3
DEGREE = 111_000.0  # m
FIELD_LENGTH, REGIONAL = 500_000.0, 0.1  # of the weather's random fields


@dataclass(frozen=True)
class SourceDay:
    """What is true at the stations on one day.

    Args:
        day: the day.
        moisture: mean of the day [layer, station], m3 m-3, float32, layers ``balance.BOUNDS``.
        area: the same of the land around each station, for what sees only wide cells.
        end: moisture at the end of the day, if asked for.
        leaves: share of ground under leaves [station].
    """

    day: date
    moisture: np.ndarray
    area: np.ndarray
    end: np.ndarray | None
    leaves: np.ndarray


@dataclass(frozen=True)
class _Places:
    """Climate and soils of the stations, each [station]."""

    easting: np.ndarray
    altitude: np.ndarray
    north: np.ndarray
    dryness: np.ndarray
    clay: np.ndarray
    carbon: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray


class SourceDomain:
    """The source domain (the module's docstring says what it gives)."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self._count, self._distance = settings.source_stations, settings.domain_distance
        self._across = int(np.ceil(np.sqrt(self._count)))
        self._down = -(-self._count // self._across)
        self.physics = physics_at(self._distance)

    @cached_property
    def relief(self) -> Relief:
        """The mosaic of the stations' patches."""
        return draw_relief(self.settings.seed, DOMAIN, (self._down * PATCH, self._across * PATCH), "none")

    @cached_property
    def stations(self) -> pd.DataFrame:
        """One row a station, with its pixel in the mosaic."""
        rows, cols = self._pixels
        names = {code: name for name, code in LANDCOVER.items()}
        return pd.DataFrame({
            "station": [f"S{number:02d}" for number in range(1, self._count + 1)],
            "row": rows, "col": cols, "latitude": self._drawn.latitude, "longitude": self._drawn.longitude,
            "landcover": [names[int(code)] for code in self.static["landcover"]],
            "first_day": self.settings.source_first_day, "last_day": self.settings.source_last_day,
        })  # fmt: skip

    @cached_property
    def static(self) -> Mapping[str, np.ndarray]:
        """True maps at the stations."""
        return static_fields(*self._places(*self._pixels, np.arange(self._count)))

    def weather(self, days: Sequence[date]) -> dict[str, np.ndarray]:
        """Weather at the stations: ``rain``, ``tmin``, ``tmax``, each [day, station] float32."""
        nodes = self._weather.days(min(days), max(days))
        numbers = [(day - nodes.first).days for day in days]
        elevation = self.static["elevation"].astype(np.float64)
        return {
            "rain": (nodes.rain[numbers] * rain_factor(elevation)).astype(np.float32),
            "tmin": (nodes.tmin[numbers] - LAPSE * elevation).astype(np.float32),
            "tmax": (nodes.tmax[numbers] - LAPSE * elevation).astype(np.float32),
        }

    def run(self, days: Sequence[date], threads: int = 1, ends: bool = False) -> Iterator[SourceDay]:
        """True moisture at the stations on ``days``, from the first to the last; none before the source's period."""
        days = sorted(days)
        if days[0] < self.settings.source_first_day:
            raise ValueError(f"{days[0]} is before the first day, {self.settings.source_first_day}")
        rows, cols = self._pixels
        _, _, own = self._cells
        pixel = rows % CELL * CELL + cols % CELL
        hillslopes = self.hillslopes()
        land = (hillslopes.cover > 0).reshape(self._count, -1)
        share = land / np.maximum(land.sum(axis=1, keepdims=True), 1)
        for day in hillslopes.run(self._weather.days(self.settings.source_start, days[-1]), days, threads, ends):
            around = np.nan_to_num(day.moisture).reshape(len(day.moisture), self._count, -1)
            end = None if day.end is None else day.end[:, own, pixel]
            yield SourceDay(
                day.day, day.moisture[:, own, pixel], (around * share).sum(axis=2).astype(np.float32), end,
                day.leaves[own, pixel],
            )  # fmt: skip

    def hillslopes(self) -> Hillslopes:
        """The cells at the beginning of the spin-up, station by station, ``AREA_CELLS`` + 1 each."""
        cells, owner, _ = self._cells
        rows, cols = cells_of(cells[0], cells[1])
        ground, cover, soils = self._places(rows, cols, np.broadcast_to(owner[:, None], rows.shape))
        middle = np.full(rows.shape, 0.5)
        return Hillslopes(
            self.settings.seed, DOMAIN, ground, cover, soils.hydraulics, self.physics,
            np.repeat(owner[:, None], 4, axis=1), (middle, middle),
        )  # fmt: skip

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column of every cell [2, cell], its station [cell], and the number of each station's own cell."""
        rng = random_numbers(self.settings.seed, DOMAIN, "cells")
        rows, cols = self._pixels
        found = []
        for station in range(self._count):
            corner = np.array(self._corner(station)) // CELL
            own = (rows[station] // CELL - corner[0]) * PATCH_CELLS + cols[station] // CELL - corner[1]
            others = np.delete(np.arange(PATCH_CELLS**2), own)
            numbers = np.r_[own, rng.choice(others, AREA_CELLS, replace=False)]
            found.append(corner[:, None] + np.stack(np.divmod(numbers, PATCH_CELLS)))
        size = AREA_CELLS + 1
        return np.concatenate(found, axis=1), np.repeat(np.arange(self._count), size), np.arange(self._count) * size

    @cached_property
    def _pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each station: in its patch, on the land cover that is its turn where there is any."""
        rng = random_numbers(self.settings.seed, DOMAIN, "stations")
        quotas = quotas_of(self._count)
        turns = rng.permutation(np.repeat([LANDCOVER[name] for name in quotas], list(quotas.values())))
        pixels = []
        for station, code in enumerate(turns):
            row, col = self._corner(station)
            rows, cols = (part.ravel() for part in np.mgrid[row : row + PATCH, col : col + PATCH])
            ground, cover = self._cover(rows, cols, np.full(len(rows), station))
            order = rng.permutation(len(rows))
            order = order[np.argsort(2 * (cover.landcover[order] != code) + ~ground.land[order], kind="stable")]
            pixels.append((rows[order[0]], cols[order[0]]))
        return tuple(np.array(part) for part in zip(*pixels, strict=True))

    def _corner(self, station: int) -> tuple[int, int]:
        return station // self._across * PATCH, station % self._across * PATCH

    def _places(self, rows: np.ndarray, cols: np.ndarray, station: np.ndarray) -> tuple[Ground, Cover, Soils]:
        drawn = self._drawn
        ground, cover = self._cover(rows, cols, station)
        ground = replace(ground, elevation=ground.elevation + np.where(ground.land, drawn.altitude[station], 0.0))
        character = Character(clay=drawn.clay[station], carbon=drawn.carbon[station])
        return ground, cover, soils_at(self.settings.seed, DOMAIN, ground, cover, self.physics, character)

    def _cover(self, rows: np.ndarray, cols: np.ndarray, station: np.ndarray) -> tuple[Ground, Cover]:
        """Before the patch is lifted to its altitude: land cover follows from relief within the patch."""
        ground = ground_at(self.relief, rows, cols, self._drawn.easting[station])
        return ground, cover_at(self.settings.seed, DOMAIN, ground)

    @cached_property
    def _drawn(self) -> _Places:
        rng, distance, count = random_numbers(self.settings.seed, DOMAIN, "places"), self._distance, self._count
        north, west = rng.random(count), rng.random(count)
        latitude = LATITUDE + rng.uniform(-0.6, 0.6, count) + distance * 13.0 * north
        return _Places(
            easting=rng.uniform(*EASTING, count),
            altitude=ALTITUDE * rng.random(count) + distance * 350.0 * rng.random(count) ** 2,
            north=north,
            dryness=distance * rng.normal(0.30, 0.40, count),
            clay=distance * rng.normal(7.0, 6.0, count),
            carbon=np.exp(distance * rng.normal(-0.5, 0.2, count)),
            latitude=np.minimum(latitude, -12.0),
            longitude=np.maximum(LONGITUDE + rng.uniform(-0.8, 0.8, count) - distance * 26.0 * west, 114.0),
        )

    @cached_property
    def _weather(self) -> Weather:
        drawn, distance, settings = self._drawn, self._distance, self.settings
        like = climate_along(drawn.easting)
        climate = Climate(
            x=DEGREE * np.cos(np.radians(drawn.latitude)) * drawn.longitude,
            y=DEGREE * drawn.latitude,
            rain=like["rain"] * np.exp(-drawn.dryness),
            wet_share=np.clip(like["wet_share"] * np.exp(-0.6 * drawn.dryness), 0.08, 0.7),
            wettest=like["wettest"] + distance * 140.0 * drawn.north,
            seasonality=np.clip(like["seasonality"] + distance * 0.3 * (drawn.north - 0.4), 0.0, 0.8),
            temperature=like["temperature"] + distance * 9.0 * drawn.north,
            latitude=drawn.latitude,
        )
        years = drought_and_wet(max(settings.source_last_day.year - 1, settings.source_first_day.year),
                                settings.source_first_day.year)  # fmt: skip
        return Weather(settings.seed, DOMAIN, climate, FIELD_LENGTH, years, REGIONAL)


def physics_at(distance: float) -> Physics:
    """How soil translates into moisture at a distance from the target's domain."""
    return Physics(
        residual=-0.010 * distance,
        porosity=-0.045 * distance,
        conductivity=1.3**distance,
        suction=0.6**distance,
        rooting=1.25**distance,
    )
