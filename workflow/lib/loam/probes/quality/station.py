"""All flags of one station's soil moisture that need no other station.

Order: what the provider said; range and porosity; frozen soil; then, on readings within the range, the ISMN's rules on
the shape of hourly series, and our rules that compare with rain and with the other depths. Repeats are judged on daily
means of all stations together (``repeats``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.config.sections.probes import Quality
from loam.probes.quality.breaks import breaks
from loam.probes.quality.drift import drifts
from loam.probes.quality.flags import Flag
from loam.probes.quality.frozen import frozen, nearest_in_time
from loam.probes.quality.hourly import HOUR, hourly_grid
from loam.probes.quality.limits import above_porosity, outside_range, provider_flagged
from loam.probes.quality.plateaus import low_plateaus, saturated_plateaus
from loam.probes.quality.response import no_response
from loam.probes.quality.spikes import spikes
from loam.probes.quality.stuck import stuck, wetting_days

log = logging.getLogger("loam")

DAY = 24 * HOUR  # ns
TEMPERATURE_WITHIN = 20.0  # cm; a soil temperature farther above or below says little about a sensor
NEAR_SURFACE = 10.0  # cm; down to here air temperature and a day's rain say something about a sensor
SAME_TIME = HOUR  # ns; a temperature is "at the same time" within this
RAIN_BEFORE = 24  # h
RAIN_JUMP = 0.2  # mm in 24 h, the ISMN's least rain of an event (D04)


@dataclass(frozen=True)
class Series:
    """One sensor's readings of one variable: row numbers in the station's table, depth (cm), time (ns), values."""

    rows: np.ndarray
    top: float
    bottom: float
    time: np.ndarray
    value: np.ndarray

    @property
    def middle(self) -> float:
        """Middle of the depth, cm."""
        return (self.top + self.bottom) / 2


def flag_station(
    readings: pd.DataFrame,
    *,
    daily: bool,
    porosity: float | Mapping[tuple[float, float], float] | None,
    quality: Quality,
    provider: tuple[Sequence[str], Sequence[str]] = ((), ()),
    rain: pd.Series | None = None,
) -> np.ndarray:
    """Flags of one station's readings, int64 [row]; rows that are not soil moisture have 0.

    Moisture in another unit than m3 m-3 (raw counts, g g-1) gets the provider's flag only, with a warning: convert it
    first.

    Args:
        readings: schema READINGS in canonical units, of one station, each sensor's times ascending.
        daily: whether values are daily; the rules on the shape of hourly series are then left out.
        porosity: m3 m-3, of the station or by (depth_from_cm, depth_to_cm); None or NaN where it is not known.
        quality: the config's section ``probes.quality``.
        provider: its good flags (any other is bad) and its bad ones.
        rain: mm a day by date, of a place near; used for NO_RESPONSE where the station has no rain of its own. It
            makes no sensor STUCK: it may have missed the station.
    """
    flags = np.zeros(len(readings), dtype=np.int64)
    moisture_rows = (readings["variable"] == "soil_moisture").to_numpy()
    words = readings["flag"].to_numpy()[moisture_rows]
    flags[moisture_rows] = _bit(Flag.PROVIDER, provider_flagged(words, good=provider[0], bad=provider[1]))
    series = _split(readings)
    sensors = series.get("soil_moisture", [])
    if not sensors:
        return flags
    soil, air = series.get("soil_temperature", []), series.get("air_temperature", [])
    clean = []
    for sensor in sensors:
        outside = outside_range(sensor.value, maximum=quality.maximum)
        flags[sensor.rows] |= _bit(Flag.OUT_OF_RANGE, outside)
        flags[sensor.rows] |= _bit(Flag.ABOVE_POROSITY, above_porosity(sensor.value, _porosity(porosity, sensor)))
        ice = _frozen(sensor, soil, air, daily=daily, soil_limit=quality.frozen_soil, air_limit=quality.frozen_air)
        flags[sensor.rows] |= _bit(Flag.FROZEN, ice)
        within = np.where(outside, np.nan, sensor.value)
        if not daily:
            flags[sensor.rows] |= _shape(sensor.time, within, series.get("precipitation", []))
        clean.append(np.where(ice, np.nan, within))
    _compare(flags, sensors, clean, series.get("precipitation", []), rain, daily=daily, quality=quality)
    return flags


def _bit(flag: Flag, where: np.ndarray) -> np.ndarray:
    return np.where(where, flag.value, 0)


def _split(readings: pd.DataFrame) -> dict[str, list[Series]]:
    keys = ["variable", "sensor", "depth_from_cm", "depth_to_cm"]
    time = readings["time"].to_numpy("datetime64[ns]").astype(np.int64)
    value = readings["value"].to_numpy(dtype=float)
    convertible = ((readings["variable"] != "soil_moisture") | (readings["unit"] == "m3 m-3")).to_numpy()
    if not convertible.all():
        log.warning("%d readings of moisture are not in m3 m-3: not judged", np.count_nonzero(~convertible))
    series: dict[str, list[Series]] = {}
    for (variable, _, top, bottom), rows in readings.groupby(keys, observed=True, sort=True).indices.items():
        rows = rows[convertible[rows]]
        if len(rows):
            rows = rows[np.argsort(time[rows], kind="stable")]
            series.setdefault(variable, []).append(Series(rows, top, bottom, time[rows], value[rows]))
    return series


def _porosity(porosity: float | Mapping | None, sensor: Series) -> float:
    if isinstance(porosity, Mapping):
        porosity = porosity.get((sensor.top, sensor.bottom))
    return np.nan if porosity is None else porosity


def _frozen(
    sensor: Series, soil: list[Series], air: list[Series], *, daily: bool, soil_limit: float, air_limit: float
) -> np.ndarray:
    tolerance = np.int64(0 if daily else SAME_TIME)
    near = sorted((abs(other.middle - sensor.middle), place) for place, other in enumerate(soil))
    temperatures = [
        nearest_in_time(sensor.time, soil[place].time, soil[place].value, tolerance=tolerance)
        for distance, place in near
        if distance <= TEMPERATURE_WITHIN
    ]
    above = None
    if air and sensor.top <= NEAR_SURFACE:
        above = nearest_in_time(sensor.time, air[0].time, air[0].value, tolerance=tolerance)
    result = frozen(temperatures, above, soil_limit=soil_limit, air_limit=air_limit)
    return np.broadcast_to(result, len(sensor.rows)) & ~np.isnan(sensor.value)


def _shape(time: np.ndarray, value: np.ndarray, rain: list[Series]) -> np.ndarray:
    grid = hourly_grid(time, value)
    flags = np.zeros(len(time), dtype=np.int64)
    if grid is None:
        return flags
    drops, jumps = [], []
    for phase in grid.values:
        drop, jump = breaks(phase)
        drops.append(drop)
        jumps.append(jump)
    low = [low_plateaus(phase, drop) for phase, drop in zip(grid.values, drops, strict=True)]
    found = {Flag.BREAK_DROP: drops, Flag.BREAK_JUMP: jumps, Flag.LOW_PLATEAU: low}
    for flag, phases in found.items():
        flags |= _bit(flag, np.stack(phases).ravel()[grid.slot])
    spike = grid.judge(spikes)
    flags |= _bit(Flag.SPIKE, spike)
    highest = np.fmax.reduce(value[~spike], initial=-np.inf)
    flags |= _bit(Flag.SATURATED_PLATEAU, grid.judge(lambda phase: saturated_plateaus(phase, highest)))
    if rain:
        flags[_rained(time, rain[0])] &= ~Flag.BREAK_JUMP.value
    return np.where(np.isnan(value), 0, flags)


def _rained(time: np.ndarray, rain: Series) -> np.ndarray:
    # whether RAIN_JUMP mm fell in the 24 h up to a reading, or within the hour after it (clocks differ)
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(rain.value))])
    stop = np.searchsorted(rain.time, time + HOUR, side="right")
    start = np.searchsorted(rain.time, time - RAIN_BEFORE * HOUR, side="right")
    return total[stop] - total[start] >= RAIN_JUMP - 1e-9


def _compare(
    flags: np.ndarray, sensors: list[Series], clean: list[np.ndarray], rain_series: list[Series],
    rain_near: pd.Series | None, *, daily: bool, quality: Quality,
) -> None:  # fmt: skip
    first_day = min(sensor.time[0] for sensor in sensors) // DAY
    size = int(max(sensor.time[-1] for sensor in sensors) // DAY - first_day) + 1
    place = [(sensor.time // DAY - first_day).astype(np.int64) for sensor in sensors]
    means = np.stack([_means(*pair, size) for pair in zip(place, clean, strict=True)], axis=1)
    own = [gauge for gauge in rain_series if not np.isnan(gauge.value).all()]
    rain = _daily_rain(own, rain_near, first_day, size, daily=daily)
    rainy = np.flatnonzero((rain >= quality.response_rain) & bool(own)) + first_day
    wetting = [wetting_days(means[:, number], first_day) for number in range(len(sensors))]
    drifting = drifts(means, first_day, per_year=quality.drift_per_year)
    nothing = np.zeros(0, dtype=np.int64)
    for number, sensor in enumerate(sensors):
        others = [(other.middle, wetting[k]) for k, other in enumerate(sensors) if k != number]
        strong = [days for middle, days in others if middle > sensor.middle]
        weak = [days for middle, days in others if middle < sensor.middle]
        near_surface = sensor.bottom <= NEAR_SURFACE
        held = stuck(
            sensor.time / DAY, clean[number], days=quality.stuck_days,
            strong_days=np.concatenate([rainy if near_surface else nothing, *strong]),
            weak_days=np.concatenate([nothing, *weak]),
        )  # fmt: skip
        known = ~np.isnan(clean[number])
        flags[sensor.rows] |= _bit(Flag.STUCK, held)
        flags[sensor.rows] |= _bit(Flag.DRIFT, drifting[place[number], number] & known)
        if sensor.top <= NEAR_SURFACE:
            highest = np.full(size, np.nan)
            np.fmax.at(highest, place[number], clean[number])
            silent = no_response(means[:, number], highest, rain, rain_limit=quality.response_rain)
            flags[sensor.rows] |= _bit(Flag.NO_RESPONSE, silent[place[number]] & known)


def _means(place: np.ndarray, value: np.ndarray, size: int) -> np.ndarray:
    known = ~np.isnan(value)
    count = np.bincount(place[known], minlength=size)
    total = np.bincount(place[known], weights=value[known], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _daily_rain(
    rain_series: list[Series], near: pd.Series | None, first_day: int, size: int, *, daily: bool
) -> np.ndarray:
    if rain_series:
        rain = rain_series[0]
        # a sum at midnight is of the day that ends
        day, value = (rain.time if daily else rain.time - 1) // DAY, rain.value
    elif near is not None:
        day = near.index.to_numpy("datetime64[D]").astype(np.int64)
        value = near.to_numpy(dtype=float)
    else:
        return np.full(size, np.nan)
    place = day - first_day
    inside = (place >= 0) & (place < size) & ~np.isnan(value)
    total = np.bincount(place[inside], weights=value[inside], minlength=size)
    return np.where(np.bincount(place[inside], minlength=size) > 0, total, np.nan)
