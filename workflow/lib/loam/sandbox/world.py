"""A synthetic Tasmania whose truth is known: what the instruments look at, and evaluation is scored against.

    world = World(settings_of(seed, config["sandbox"]))
    world.geobox                           the target region's grid, 80 m, EPSG:28355
    world.static(tile)                     true maps of a block, by name (``STATIC``)
    world.weather(days, tile)              {"rain", "tmin", "tmax"}: [day, row, column], float32
    world.weather_at(days, rows, cols)     the same at pixels: [day, pixel]
    for day in world.run(days, tile):      true moisture, day by day
        day.moisture                       mean of the day [layer, row, column], layers BOUNDS; NaN: sea, lake
        depth_mean(day.moisture, 0, 30)    0-30 cm; 30-60, 0-5 (surface) and 0-100 (root zone) likewise
        day.leaves                         share of ground under leaves, for NDVI and backscatter
    world.run_points(days, rows, cols)     the same at pixels: Day with [layer, pixel]
    world.stations                         probes of the target: station, row, col, x, y, latitude, longitude,
                                           landcover, first_day, last_day
    SourceDomain(settings)                 loam.sandbox.source_domain: stations of the source

All of it follows from the settings alone; what is asked for in blocks, at points or in one piece is the same, bit for
bit. The simulation always begins ``spin_up_days`` before the first day of the period. Memory is the terrain (25 bytes a
pixel of the region) and about 1 kB a pixel of the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from loam.raster.grid import Tile, crs_of, project
from loam.sandbox.land.cover_map import Cover, cover_at
from loam.sandbox.land.ground import Ground, ground_at
from loam.sandbox.land.hydraulics import Physics
from loam.sandbox.land.relief import Relief, draw_relief
from loam.sandbox.land.soil_map import Soils, soils_at
from loam.sandbox.land.station_sites import draw_sites
from loam.sandbox.water import balance
from loam.sandbox.water.climate import Climate, NodeWeather, Weather, drought_and_wet
from loam.sandbox.water.hillslopes import CELL, LAPSE, NODE, Day, Hillslopes, cells_of, node_places, rain_factor
from loam.sandbox.world_settings import PIXEL, WorldSettings

DOMAIN = "target"
STATIC = {
    "elevation": "m", "slope": "degree", "north": "1", "east": "1", "wetness": "1", "valley": "m",  # NaN: sea
    "clay": "%", "sand": "%", "soc": "%", "bulk_density": "g cm-3", "awc": "%",  # [4, row, column]; NaN: sea, lake
    "residual": "m3 m-3", "porosity": "m3 m-3",  # [4, row, column]
    "landcover": "1", "peat": "1", "water": "1", "circle": "1",  # integers; water: 1 lake, 2 sea
}  # fmt: skip
RAIN_WEST, RAIN_EAST = 5.2, 1.55  # mm d-1 at 300 m
WET_WEST, WET_EAST = 0.58, 0.33  # share of days
TEMPERATURE, WETTEST, SEASONALITY = 12.5, 210.0, 0.30


class World:
    """The target domain (the module's docstring says what it gives)."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self.geobox: GeoBox = settings.geobox
        self.physics = Physics()
        self._weather_cache: dict[tuple[date, date], NodeWeather] = {}

    @cached_property
    def relief(self) -> Relief:
        """Terrain of the whole region."""
        settings = self.settings
        return draw_relief(settings.seed, DOMAIN, (settings.rows, settings.columns), settings.coast)

    @cached_property
    def stations(self) -> pd.DataFrame:
        """Probes of the target domain: one row a station, on distinct pixels, none in peat or water."""
        frame = draw_sites(self.settings, self.relief)
        transform = self.geobox.transform
        x = transform.c + transform.a * (frame["col"].to_numpy() + 0.5)
        y = transform.f + transform.e * (frame["row"].to_numpy() + 0.5)
        longitude, latitude = project(x, y, crs_of(self.geobox), "EPSG:4326")
        return frame.assign(x=x, y=y, latitude=latitude, longitude=longitude)

    def static(self, tile: Tile) -> dict[str, np.ndarray]:
        """True maps of a block: ``STATIC``, float32 but the last four (uint8; circle int32)."""
        return self.static_at(*_pixels(tile))

    def static_at(self, rows: np.ndarray, cols: np.ndarray) -> dict[str, np.ndarray]:
        """True maps at pixels ``rows``, ``cols`` (integers of any one shape)."""
        ground, cover, soils = self._places(rows, cols)
        return static_fields(ground, cover, soils)

    def weather(self, days: Sequence[date], tile: Tile) -> dict[str, np.ndarray]:
        """Weather of a block: ``rain`` (mm d-1), ``tmin``, ``tmax`` (degC), each [day, row, column] float32."""
        return self.weather_at(days, *_pixels(tile))

    def weather_at(self, days: Sequence[date], rows: np.ndarray, cols: np.ndarray) -> dict[str, np.ndarray]:
        """Weather at pixels: as ``weather``, each [day, ...]; in the sea, that of its surface."""
        ground = ground_at(self.relief, rows, cols)
        nodes = self._nodes(min(days), max(days))
        numbers = np.array([(day - nodes.first).days for day in days])
        quads, down, across = node_places(ground.rows, ground.cols, self._node_shape)
        factor, cooling = rain_factor(ground.elevation), LAPSE * ground.elevation

        def between(values: np.ndarray) -> np.ndarray:
            out = np.empty((len(numbers), *down.shape))
            for place, number in enumerate(numbers):
                corner = values[number][quads]
                top = corner[..., 0] * (1.0 - across) + corner[..., 1] * across
                bottom = corner[..., 2] * (1.0 - across) + corner[..., 3] * across
                out[place] = top * (1.0 - down) + bottom * down
            return out

        return {
            "rain": (between(nodes.rain) * factor).astype(np.float32),
            "tmin": (between(nodes.tmin) - cooling).astype(np.float32),
            "tmax": (between(nodes.tmax) - cooling).astype(np.float32),
        }

    def run(self, days: Sequence[date], tile: Tile, threads: int = 1, ends: bool = False) -> Iterator[Day]:
        """True moisture of a block on ``days``: [layer, row, column], from the first day to the last.

        Args:
            days: none before the first day of the period.
            tile: the block.
            threads: that share the work.
            ends: whether moisture at the end of the day is wanted too.
        """
        rows, cols = (
            np.arange(start // CELL, -(-(start + size) // CELL))
            for start, size in ((tile.row, tile.height), (tile.col, tile.width))
        )
        cell_rows, cell_cols = self._with_land(*(part.ravel() for part in np.meshgrid(rows, cols, indexing="ij")))
        pixel_rows, pixel_cols = cells_of(cell_rows, cell_cols)
        inside = (pixel_rows >= tile.row) & (pixel_rows < tile.row + tile.height)
        inside &= (pixel_cols >= tile.col) & (pixel_cols < tile.col + tile.width)
        place = (pixel_rows[inside] - tile.row) * tile.width + pixel_cols[inside] - tile.col

        def laid(values: np.ndarray | None) -> np.ndarray | None:
            if values is None:
                return None
            flat = np.full((*values.shape[:-2], tile.height * tile.width), np.nan, np.float32)
            flat[..., place] = values[..., inside]
            return flat.reshape(*values.shape[:-2], tile.height, tile.width)

        for day in self._run_cells(days, cell_rows, cell_cols, threads, ends):
            yield Day(day.day, laid(day.moisture), laid(day.end), laid(day.leaves))

    def run_points(
        self, days: Sequence[date], rows: np.ndarray, cols: np.ndarray, threads: int = 1, ends: bool = False
    ) -> Iterator[Day]:
        """True moisture at pixels ``rows``, ``cols`` [pixel] on ``days``: [layer, pixel]; only their cells are run."""
        cells, number = np.unique(np.stack([rows // CELL, cols // CELL]), axis=1, return_inverse=True)
        pixel = rows % CELL * CELL + cols % CELL
        for day in self._run_cells(days, cells[0], cells[1], threads, ends):
            end = None if day.end is None else day.end[:, number, pixel]
            yield Day(day.day, day.moisture[:, number, pixel], end, day.leaves[number, pixel])

    def hillslopes(self, cell_rows: np.ndarray, cell_cols: np.ndarray) -> Hillslopes:
        """Cells at the beginning of the spin-up."""
        ground, cover, soils = self._places(*cells_of(cell_rows, cell_cols))
        quads, down, across = node_places(ground.rows, ground.cols, self._node_shape)
        return Hillslopes(
            self.settings.seed, DOMAIN, ground, cover, soils.hydraulics, self.physics, quads[:, 0], (down, across)
        )

    def _run_cells(
        self, days: Sequence[date], cell_rows: np.ndarray, cell_cols: np.ndarray, threads: int, ends: bool
    ) -> Iterator[Day]:
        days = sorted(days)
        if days[0] < self.settings.first_day:
            raise ValueError(f"{days[0]} is before the first day, {self.settings.first_day}")
        nodes = self._nodes(self.settings.start, days[-1])
        yield from self.hillslopes(cell_rows, cell_cols).run(nodes, days, threads, ends)

    def _with_land(self, cell_rows: np.ndarray, cell_cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of the cells that have a pixel above the sea."""
        rows, cols = cells_of(cell_rows, cell_cols)
        at = np.minimum(rows, self.settings.rows - 1), np.minimum(cols, self.settings.columns - 1)
        kept = np.isfinite(self.relief.elevation[at]).any(axis=1)
        return cell_rows[kept], cell_cols[kept]

    def _places(self, rows: np.ndarray, cols: np.ndarray) -> tuple[Ground, Cover, Soils]:
        ground = ground_at(self.relief, rows, cols)
        cover = cover_at(self.settings.seed, DOMAIN, ground)
        return ground, cover, soils_at(self.settings.seed, DOMAIN, ground, cover, self.physics)

    @property
    def _node_shape(self) -> tuple[int, int]:
        return -(-self.settings.rows // NODE) + 1, -(-self.settings.columns // NODE) + 1

    def _nodes(self, first: date, last: date) -> NodeWeather:
        """Weather at the nodes; the last few stretches are kept."""
        if (first, last) not in self._weather_cache:
            if len(self._weather_cache) >= 3:
                self._weather_cache.pop(next(iter(self._weather_cache)))
            self._weather_cache[first, last] = self._source_of_weather.days(first, last)
        return self._weather_cache[first, last]

    @cached_property
    def _source_of_weather(self) -> Weather:
        settings = self.settings
        rows, cols = (part.ravel() * NODE for part in np.indices(self._node_shape))
        x, y = settings.corner[0] + cols * PIXEL, settings.corner[1] - rows * PIXEL
        _, latitude = project(x, y, crs_of(self.geobox), "EPSG:4326")
        easting = np.minimum(cols / settings.columns, 1.0)
        climate = Climate(x=x, y=y, latitude=latitude, **climate_along(easting))
        length = float(np.clip(max(settings.rows, settings.columns) * PIXEL / 3, 6_000.0, 60_000.0))
        years = drought_and_wet(settings.drought_year, settings.wet_year)
        return Weather(settings.seed, DOMAIN, climate, length, years)


def climate_along(easting: np.ndarray) -> dict[str, np.ndarray]:
    """The target's climate from the wet west (0) to the dry east (1): fields of ``Climate``."""
    dry = np.clip(easting / 0.75, 0.0, 1.0) ** 0.8
    return {
        "rain": RAIN_WEST * (RAIN_EAST / RAIN_WEST) ** dry,
        "wet_share": WET_WEST + (WET_EAST - WET_WEST) * dry,
        "wettest": np.full(easting.shape, WETTEST),
        "seasonality": np.full(easting.shape, SEASONALITY),
        "temperature": np.full(easting.shape, TEMPERATURE),
    }


def depth_mean(moisture: np.ndarray, top: float, bottom: float) -> np.ndarray:
    """Mean moisture between two depths (cm) of ``moisture`` [layer, ...], float32."""
    total = np.zeros(moisture.shape[1:])
    for values, (upper, lower) in zip(moisture, balance.BOUNDS, strict=True):
        share = max(0.0, min(lower, bottom) - max(upper, top)) / (bottom - top)
        if share:
            total += share * values
    return total.astype(np.float32)


def static_fields(ground: Ground, cover: Cover, soils: Soils) -> Mapping[str, np.ndarray]:
    """The maps ``STATIC`` of places."""
    sea = ~(ground.land | ground.lake)
    terrain = {
        name: np.where(sea, np.nan, getattr(ground, name)).astype(np.float32)
        for name in ("elevation", "slope", "north", "east", "wetness", "valley")
    }
    soil = {
        name: np.where(ground.land, getattr(soils, name), np.nan).astype(np.float32)
        for name in ("clay", "sand", "soc", "bulk_density", "awc")
    }
    limits = {
        name: np.where(ground.land, getattr(soils.hydraulics, name), np.nan).astype(np.float32)
        for name in ("residual", "porosity")
    }
    water = np.where(sea, 2, np.where(ground.lake, 1, 0)).astype(np.uint8)
    return terrain | soil | limits | {
        "landcover": cover.landcover, "peat": cover.peat.astype(np.uint8), "water": water, "circle": cover.circle,
    }  # fmt: skip


def _pixels(tile: Tile) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a block's pixels, each [row, column]."""
    rows, cols = np.indices((tile.height, tile.width))
    return rows + tile.row, cols + tile.col
