"""The source domain of the synthetic world: many stations, each in its own climate, on soils unlike the target's.

The physics is the target's. What differs, in proportion to ``sandbox.domain_distance``, is the range of soils and
climates, how soil translates into moisture, and the bias of the modelled moisture: a model of the source alone is
biased in the target, and a few local probes can mend it.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from loam.sandbox.bucket import Relation, soil_of, start, step
from loam.sandbox.coarse import distort, modelled_layers
from loam.sandbox.landscape import PIXEL, Character, draw_landscape
from loam.sandbox.stations import LEAD_DAYS, observe, place_stations, random_numbers, station_rows
from loam.sandbox.target import (
    IRRIGATION_MONTHS,
    LATITUDE,
    LONGITUDE,
    RAIN,
    SEASONALITY,
    SPIN_UP,
    TEMPERATURE,
    WEATHER_PIXELS,
    WETTEST,
)
from loam.sandbox.weather import LAPSE, Climate, draw_weather, potential_evapotranspiration

log = logging.getLogger("loam")

FIRST_DAY, LAST_DAY = "2016-01-01", "2017-12-31"
NEIGHBOURS = 24  # pixels around a station that its coarse cell averages
CELL_RADIUS = 4500.0  # m


def source_table(seed: int, sandbox: dict[str, Any]) -> pd.DataFrame:
    """The records of the source's stations: one row a (station, date), covariates as float32."""
    count, distance = sandbox["source_stations"], float(sandbox["domain_distance"])
    pixels = max(round(sandbox["box_km"] * 1000 / PIXEL), 2 * WEATHER_PIXELS)
    character = Character(clay=-4.0 * distance, carbon=float(np.exp(-0.5 * distance)), height=1 + 0.4 * distance)
    landscape = draw_landscape(random_numbers(seed, "source landscape"), pixels, character)
    rng = random_numbers(seed, "source stations")
    rows, cols = place_stations(rng, landscape, count)
    around = _around(rng, landscape.complete, rows, cols)  # [station, pixel]; the first is the station's own

    climate, longitude = _draw_climate(random_numbers(seed, "source climate"), count, distance)
    days = pd.date_range(pd.Timestamp(FIRST_DAY) - pd.Timedelta(days=LEAD_DAYS), LAST_DAY)
    all_days = pd.date_range(days[0] - pd.Timedelta(days=SPIN_UP), LAST_DAY)
    rain, tmin, tmax = draw_weather(random_numbers(seed, "source weather"), climate, all_days.day_of_year.to_numpy())
    cooling = LAPSE * landscape.elevation[rows, cols].astype(np.float64)
    weather = np.stack([np.round(rain, 2), tmin - cooling, tmax - cooling]).astype(np.float32)

    every = around.ravel()
    soil = soil_of(
        *(field.reshape(4, -1)[:, every] for field in (landscape.clay, landscape.soc, landscape.awc)),
        landscape.landcover.ravel()[every], landscape.conductivity.ravel()[every], landscape.valley.ravel()[every],
        Relation(residual=-0.015 * distance, porosity=-0.03 * distance, conductivity=1.5**distance),
    )  # fmt: skip
    state, size = start(soil), around.shape[1]
    means, moisture = [], []
    for number, stamp in enumerate(all_days):
        day_rain, day_tmin, day_tmax = weather[:, number].astype(np.float64)
        potential = potential_evapotranspiration(day_tmin, day_tmax, climate.latitude, stamp.day_of_year)
        state, _ = step(
            state, soil, np.repeat(day_rain, size), np.repeat(potential, size), stamp.month in IRRIGATION_MONTHS
        )
        if stamp >= days[0]:
            means.append(modelled_layers(state, soil).reshape(2, count, size).mean(axis=2))
            moisture.append(state.moisture.reshape(2, count, size)[:, :, 0])
    coarse = distort(random_numbers(seed, "source coarse"), np.array(means), 0.0)
    log.info("source: %d stations, %d days", count, len(days))
    return station_rows(
        names=[f"S{number:02d}" for number in range(1, count + 1)],
        latitude=climate.latitude,
        longitude=longitude,
        days=days,
        moisture=observe(random_numbers(seed, "source sensors"), np.array(moisture)),
        landscape=landscape,
        pixel=(rows, cols),
        weather=weather[:, SPIN_UP:],
        coarse=coarse.transpose(1, 0, 2),
    )


def _around(rng: np.random.Generator, complete: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Each station's pixel and ``NEIGHBOURS`` others in its coarse cell, as positions in the map."""
    land = np.flatnonzero(complete)
    land_rows, land_cols = np.unravel_index(land, complete.shape)
    around = []
    for row, col in zip(rows, cols, strict=True):
        near = land[np.hypot(land_rows - row, land_cols - col) * PIXEL <= CELL_RADIUS]
        around.append([row * complete.shape[1] + col, *rng.choice(near, NEIGHBOURS)])
    return np.array(around)


def _draw_climate(rng: np.random.Generator, count: int, distance: float) -> tuple[Climate, np.ndarray]:
    """Climates from the target's (distance 0) to drier, warmer and of another wet season; and longitudes."""
    north, west = rng.random(count), rng.random(count)
    climate = Climate(
        rain=RAIN * np.exp(distance * rng.normal(-0.15, 0.40, count)),
        wettest=WETTEST + distance * 150.0 * north,
        seasonality=np.clip(SEASONALITY + distance * rng.normal(0.0, 0.2, count), 0.0, 0.9),
        temperature=TEMPERATURE + distance * 8.0 * north,
        latitude=LATITUDE + rng.uniform(-0.5, 0.5, count) + distance * 13.0 * north,
    )
    return climate, LONGITUDE + rng.uniform(-0.5, 0.5, count) - distance * 25.0 * west
