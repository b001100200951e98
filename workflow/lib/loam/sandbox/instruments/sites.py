"""What instruments at a station see: one station's record of true moisture, temperatures and rain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.water.balance import BOUNDS
from loam.sandbox.world import World

TOPS = np.array([top for top, _ in BOUNDS], float)  # cm
BOTTOMS = np.array([bottom for _, bottom in BOUNDS], float)  # cm
MIDDLES = (TOPS + BOTTOMS) / 2
SOIL_DAMPING = 12.0  # cm in which the daily wave of temperature falls to 1/e
SOIL_MEMORY = 6.0  # days
POROSITY_MARGIN = 0.03  # m3 m-3 by which the porosity that is known of a station exceeds the largest of its layers


@dataclass(frozen=True)
class Site:
    """A station of the world and its record.

    Args:
        name, latitude, longitude, elevation: of the station; degrees, m.
        bulk_density: of 0-30 cm, which is what people measure and all that is known of the soil at a probe, g cm-3.
        porosity: largest of the layers', m3 m-3.
        landcover: name of the class.
        clay, sand: of 0-30 cm, %.
        days: of the record, consecutive.
        moisture: true daily means [day, layer] of the layers of the water balance, m3 m-3.
        rain, tmin, tmax: [day], mm d-1 and degC.
    """

    name: str
    latitude: float
    longitude: float
    elevation: float
    bulk_density: float
    porosity: float
    landcover: str
    clay: float
    sand: float
    days: pd.DatetimeIndex
    moisture: np.ndarray
    rain: np.ndarray
    tmin: np.ndarray
    tmax: np.ndarray

    def at_depth(self, top: float, bottom: float) -> np.ndarray:
        """Daily mean moisture [day] that a sensor of ``top`` to ``bottom`` cm sees, m3 m-3.

        Of an interval the mean; at a point what lies on the line between the middles of the layers.
        """
        if top == bottom:
            return self.moisture @ np.array([np.interp(top, MIDDLES, layer) for layer in np.eye(len(MIDDLES))])
        overlap = np.clip(np.minimum(bottom, BOTTOMS) - np.maximum(top, TOPS), 0.0, None)
        return self.moisture @ (overlap / overlap.sum())

    def soil_temperature(self, depth: float) -> np.ndarray:
        """Daily mean soil temperature [day] at ``depth`` cm, degC: that of the air, damped and late."""
        air = (self.tmin + self.tmax) / 2
        memory = np.exp(-1.0 / (1.0 + SOIL_MEMORY * depth / 20.0))
        slow = np.empty_like(air)
        slow[0] = air[0]
        for day in range(1, len(air)):
            slow[day] = memory * slow[day - 1] + (1 - memory) * air[day]
        return slow + 1.0  # a cover of litter and grass keeps soil a little warmer than the air

    def daily_wave(self, depth: float) -> np.ndarray:
        """Half the daily range of soil temperature [day] at ``depth`` cm, K."""
        return 0.5 * (self.tmax - self.tmin) * np.exp(-depth / SOIL_DAMPING)


def target_sites(world: World, threads: int = 1) -> list[Site]:
    """The probes of the target domain with their records."""
    stations = world.stations
    rows, cols = stations["row"].to_numpy(), stations["col"].to_numpy()
    days = days_between(min(stations["first_day"]), max(stations["last_day"]))
    moisture = np.stack([day.moisture for day in world.run_points(days, rows, cols, threads)])
    return _sites(stations, world.static_at(rows, cols), days, moisture, world.weather_at(days, rows, cols))


def source_sites(domain: SourceDomain) -> list[Site]:
    """The stations of the source domain with their records."""
    stations = domain.stations
    days = days_between(min(stations["first_day"]), max(stations["last_day"]))
    moisture = np.stack([day.moisture for day in domain.run(days)])
    return _sites(stations, domain.static, days, moisture, domain.weather(days))


def days_between(first: date, last: date) -> list[date]:
    """All days from ``first`` to ``last``."""
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]


def _sites(
    stations: pd.DataFrame, static: Mapping[str, np.ndarray], days: list[date], moisture: np.ndarray,
    weather: Mapping[str, np.ndarray],
) -> list[Site]:  # fmt: skip
    """Sites of stations; ``moisture`` [day, layer, station], static maps [depth, station]."""
    found, thickness = [], (BOTTOMS - TOPS)[:4]
    for place, row in enumerate(stations.itertuples()):
        kept = slice((row.first_day - days[0]).days, (row.last_day - days[0]).days + 1)
        found.append(Site(
            name=row.station, latitude=float(row.latitude), longitude=float(row.longitude),
            elevation=float(static["elevation"][place]),
            bulk_density=round(float(np.average(static["bulk_density"][:3, place], weights=thickness[:3])), 3),
            porosity=round(float(static["porosity"][:4, place].max()) + POROSITY_MARGIN, 3),
            landcover=row.landcover,
            clay=float(np.average(static["clay"][:3, place], weights=thickness[:3])),
            sand=float(np.average(static["sand"][:3, place], weights=thickness[:3])),
            days=pd.DatetimeIndex(days[kept]), moisture=moisture[kept, :, place].astype(float),
            **{name: weather[name][kept, place].astype(float) for name in ("rain", "tmin", "tmax")},
        ))  # fmt: skip
    return found
