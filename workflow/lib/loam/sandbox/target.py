"""The target domain of the synthetic world: a box of 80 m pixels whose moisture is known, and a few stations in it.

Everything follows from the seed, so the truth can be computed again without being handed from stage to stage.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.grid import cells_at, crs_of, project
from loam.sandbox.bucket import Relation, Soil, soil_of, start, step
from loam.sandbox.coarse import distort, ease_grid, modelled_layers
from loam.sandbox.landscape import PIXEL, Character, Landscape, draw_landscape, smooth_field
from loam.sandbox.stations import LEAD_DAYS, observe, place_stations, random_numbers, station_rows
from loam.sandbox.weather import LAPSE, OROGRAPHY, Climate, draw_weather, potential_evapotranspiration

log = logging.getLogger("loam")

CRS = "EPSG:28355"  # metres; the box lies in the midlands of Tasmania
CORNER = (540_000.0, 5_360_000.0)  # its north-western corner
WEATHER_PIXELS = 10  # a side of a weather cell: 800 m
RAIN, TEMPERATURE, LATITUDE, LONGITUDE = 1.7, 12.0, -42.0, 147.6  # of the target's climate; temperature at sea level
WETTEST, SEASONALITY = 210, 0.35
SPIN_UP = 240  # days
RECORD = (304, 60)  # days of station records before the first and after the last day that is mapped
MAPPED_DAYS_BEFORE = 12  # days before each mapped day that the rasters hold
DEFAULT_DAY = date(2022, 8, 15)  # the world is built around it when no day is mapped
IRRIGATION_MONTHS = {10, 11, 12, 1, 2, 3, 4}


@dataclass(frozen=True)
class Target:
    """The target domain.

    Args:
        geobox: the 80 m grid. weather_grid, coarse_grid: the grids of the weather and of the modelled moisture.
        landscape: its maps.
        days: days of the records, the days before them included.
        weather: rain, tmin, tmax [variable, day, row, column] on the weather grid; mm d-1, degC; float32.
        coarse: surface and root-zone moisture [variable, day, row, column] on the coarse grid; m3 m-3; float32.
        truth: moisture [layer, row, column] of each mapped day, m3 m-3, float32; NaN where there is no soil.
        rows, cols: pixel of each station.
        moisture: true moisture of the stations [day, layer, station].
    """

    geobox: GeoBox
    weather_grid: GeoBox
    coarse_grid: GeoBox
    landscape: Landscape
    days: pd.DatetimeIndex
    weather: np.ndarray
    coarse: np.ndarray
    truth: dict[date, np.ndarray]
    rows: np.ndarray
    cols: np.ndarray
    moisture: np.ndarray


def build_target(seed: int, sandbox: dict[str, Any], dates: list[str]) -> Target:
    """Simulate the target domain around the days that are mapped (YYYY-MM-DD)."""
    mapped = sorted(date.fromisoformat(text) for text in dates)
    pixels = max(round(sandbox["box_km"] * 1000 / PIXEL), 2 * WEATHER_PIXELS)
    geobox = _box(pixels, PIXEL)
    landscape = draw_landscape(random_numbers(seed, "target landscape"), pixels, Character())
    rows, cols = place_stations(random_numbers(seed, "target stations"), landscape, sandbox["target_stations"])

    first = (mapped or [DEFAULT_DAY])[0] - timedelta(days=RECORD[0] + LEAD_DAYS)
    last = (mapped or [DEFAULT_DAY])[-1] + timedelta(days=RECORD[1])
    all_days = pd.date_range(first - timedelta(days=SPIN_UP), last)
    weather_grid = _box(-(-pixels // WEATHER_PIXELS), PIXEL * WEATHER_PIXELS)
    weather = _draw_weather(random_numbers(seed, "target weather"), landscape, weather_grid.shape, all_days)
    coarse_grid, cell = _coarse_cells(geobox)

    land = np.flatnonzero(landscape.complete)
    keep = {day: None for day in mapped}
    station = np.searchsorted(land, rows * pixels + cols)
    means, moisture = [], []
    for day, state, soil in _simulate(landscape, land, weather, all_days):
        if day >= first:
            means.append(_cell_means(modelled_layers(state, soil), cell.ravel()[land], coarse_grid.shape))
            moisture.append(state.moisture[:, station])
        if day in keep:
            keep[day] = _on_map(state.moisture, land, landscape.complete.shape)
    days = all_days[SPIN_UP:]
    coarse = distort(random_numbers(seed, "target coarse"), np.array(means), sandbox["domain_distance"])
    log.info("target: %d x %d pixels, %d with soil, %d days simulated", pixels, pixels, len(land), len(all_days))
    return Target(
        geobox, weather_grid, coarse_grid, landscape, days, weather[:, SPIN_UP:],
        coarse.transpose(1, 0, 2).reshape(2, len(days), *coarse_grid.shape), keep, rows, cols, np.array(moisture),
    )  # fmt: skip


def target_table(target: Target, seed: int) -> pd.DataFrame:
    """The records of the target's stations: one row a (station, date), covariates as the rasters hold them."""
    transform = target.geobox.transform
    x = transform.c + transform.a * (target.cols + 0.5)
    y = transform.f + transform.e * (target.rows + 0.5)
    crs = crs_of(target.geobox)
    longitude, latitude = project(x, y, crs, "EPSG:4326")
    row, col = cells_at(target.weather_grid, x, y)
    coarse_row, coarse_col = cells_at(target.coarse_grid, *project(x, y, crs, crs_of(target.coarse_grid)))
    return station_rows(
        names=[f"T{number:02d}" for number in range(1, len(x) + 1)],
        latitude=latitude,
        longitude=longitude,
        days=target.days,
        moisture=observe(random_numbers(seed, "target sensors"), target.moisture),
        landscape=target.landscape,
        pixel=(target.rows, target.cols),
        weather=target.weather[:, :, row, col],
        coarse=target.coarse[:, :, coarse_row, coarse_col],
    )


def mapped_days(target: Target) -> np.ndarray:
    """Which of the target's days the rasters hold: the mapped ones and those shortly before (bool [day])."""
    held = {day - timedelta(days=lag) for day in target.truth for lag in range(MAPPED_DAYS_BEFORE + 1)}
    return np.array([day.date() in held for day in target.days]) if held else np.ones(len(target.days), bool)


def _simulate(landscape: Landscape, land: np.ndarray, weather: np.ndarray, days: pd.DatetimeIndex):
    soil = _soil(landscape, land)
    side = landscape.complete.shape[1]
    cell = (land // side // WEATHER_PIXELS, land % side // WEATHER_PIXELS)
    state = start(soil)
    for number, stamp in enumerate(days):
        rain, tmin, tmax = (field.astype(np.float64) for field in weather[:, number])
        potential = potential_evapotranspiration(tmin, tmax, LATITUDE, stamp.day_of_year)
        state, _ = step(state, soil, rain[cell], potential[cell], stamp.month in IRRIGATION_MONTHS)
        yield stamp.date(), state, soil


def _soil(landscape: Landscape, land: np.ndarray) -> Soil:
    clay, soc, awc = (field.reshape(4, -1)[:, land] for field in (landscape.clay, landscape.soc, landscape.awc))
    return soil_of(
        clay, soc, awc, landscape.landcover.ravel()[land], landscape.conductivity.ravel()[land],
        landscape.valley.ravel()[land], Relation(),
    )  # fmt: skip


def _draw_weather(
    rng: np.random.Generator, landscape: Landscape, shape: tuple[int, int], days: pd.DatetimeIndex
) -> np.ndarray:
    """One regional series, wetter and cooler with height, with showers that differ from cell to cell."""
    place = np.ones(1)
    climate = Climate(RAIN * place, WETTEST * place, SEASONALITY * place, TEMPERATURE * place, LATITUDE * place)
    rain, tmin, tmax = draw_weather(rng, climate, days.day_of_year.to_numpy())
    height = _block_means(np.nan_to_num(landscape.elevation.astype(np.float64)), shape)
    showers = np.stack([smooth_field(rng, shape, PIXEL * shape[0] / 5) for _ in days])
    pattern = np.exp(0.35 * showers) * np.exp(OROGRAPHY * (height - height.mean()))
    cooling = LAPSE * height - 0.15 * showers
    return np.stack([
        np.round(rain[:, :, None] * pattern, 2), tmin[:, :, None] - cooling, tmax[:, :, None] - cooling
    ]).astype(np.float32)  # fmt: skip


def _box(cells: int, size: float) -> GeoBox:
    return GeoBox((cells, cells), Affine(size, 0.0, CORNER[0], 0.0, -size, CORNER[1]), CRS)


def _block_means(field: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    lacking = [size * WEATHER_PIXELS - have for size, have in zip(shape, field.shape, strict=True)]
    padded = np.pad(field, [(0, lacking[0]), (0, lacking[1])], mode="edge")
    return padded.reshape(shape[0], WEATHER_PIXELS, shape[1], WEATHER_PIXELS).mean(axis=(1, 3))


def _coarse_cells(geobox: GeoBox) -> tuple[GeoBox, np.ndarray]:
    """The coarse cells over the box, two a side at least, and the cell of each pixel [row, column]."""
    (height, width), transform, world = geobox.shape, geobox.transform, ease_grid()
    x, y = np.meshgrid(transform.c + transform.a * (np.arange(width) + 0.5),
                       transform.f + transform.e * (np.arange(height) + 0.5))  # fmt: skip
    row, col = cells_at(world, *project(x, y, crs_of(geobox), crs_of(world)))
    rows, cols = (
        slice(row.min(), max(row.max(), row.min() + 1) + 1),
        slice(col.min(), max(col.max(), col.min() + 1) + 1),
    )
    part = world[rows, cols]
    return part, (row - rows.start) * part.shape[1] + col - cols.start


def _cell_means(values: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Means [variable, cell] of values [variable, pixel]; NaN for a cell without pixels."""
    count = np.bincount(cell, minlength=shape[0] * shape[1]).astype(float)
    count[count == 0] = np.nan
    return np.stack([np.bincount(cell, weights=row, minlength=len(count)) for row in values]) / count


def _on_map(values: np.ndarray, land: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    field = np.full((len(values), shape[0] * shape[1]), np.nan, np.float32)
    field[:, land] = values
    return field.reshape(len(values), *shape)
