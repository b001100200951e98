"""What the sensors of one probe report: read often over a stretch of the record, one mean a day elsewhere.

Between days moisture follows the slope of a monotone cubic through the accumulated daily means (Fritsch and Carlson,
1980), so that readings are smooth, never negative, and their mean over each day is the day's. Soil temperature swings
about its daily mean. A frozen soil holds back what a sensor sees of its water.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from loam.probes.sensor_calibration import uncalibrate
from loam.sandbox.instruments.faults import FROST_DEPTH, FROZEN_SHARE, Faults
from loam.sandbox.instruments.makes import READING_NOISE, SENSOR_NOISE, SENSOR_OFFSET, Make
from loam.sandbox.instruments.sites import Site

OFTEN_DAYS = 100  # that a probe is read many times a day
LOST_SHARE = 0.002  # of readings that are missing singly
STORM = np.array([0.10, 0.35, 0.25, 0.15, 0.10, 0.05])  # shares of a day's rain in the hours of a storm
STORM_BEGINS = 5  # hour of the day
NOON = pd.Timedelta(hours=12)  # when a daily mean is stamped
MEMORY = 0.6  # of a sensor's error, from day to day


@dataclass(frozen=True)
class Readings:
    """Readings of a probe at some times.

    Args:
        times: UTC.
        moisture: in the make's unit [time, sensor].
        temperature: of the soil, degC [time].
        rain: since the reading before, mm [time].
    """

    times: pd.DatetimeIndex
    moisture: np.ndarray
    temperature: np.ndarray
    rain: np.ndarray


def days_often(rng: np.random.Generator, days: int) -> np.ndarray:
    """Which days of a record are read many times: one stretch, bool [day]."""
    often, length = np.zeros(days, bool), min(OFTEN_DAYS, days // 2)
    first = int(rng.integers(0, days - length + 1))
    often[first : first + length] = True
    return often


def read_probe(
    rng: np.random.Generator, site: Site, make: Make, faults: Faults, often: np.ndarray
) -> tuple[Readings, Readings]:
    """The readings of the stretch that is read often, and the daily ones.

    Args:
        rng: random numbers of this station.
        site: its record.
        make: its sensors.
        faults: of ``plant_faults``.
        often: of ``days_often``.
    """
    days, sensors = len(site.days), len(make.depths)
    true = np.stack([site.at_depth(*depth) for depth in make.depths], axis=1)
    noise = SENSOR_NOISE * _with_memory(rng.standard_normal((days, sensors)))
    daily = make.gain * true + noise + SENSOR_OFFSET * rng.standard_normal(sensors) + faults.drift.T
    for sensor in range(sensors):
        held = np.flatnonzero(faults.stuck[sensor])
        daily[held, sensor] = daily[held[0], sensor] if len(held) else 0.0
    daily = np.maximum(daily, 0.005)
    often = often & ~faults.out
    seldom = ~often & ~faults.out
    return _often(rng, site, make, faults, daily, often), _seldom(rng, site, make, faults, daily, seldom)


def _often(
    rng: np.random.Generator, site: Site, make: Make, faults: Faults, daily: np.ndarray, often: np.ndarray
) -> Readings:
    count = 1440 // make.minutes
    share = np.arange(count) / count
    total = np.concatenate([np.zeros((1, daily.shape[1])), np.cumsum(daily, axis=0)])
    slope = PchipInterpolator(np.arange(len(total)), total, axis=0).derivative()
    day = np.repeat(np.flatnonzero(often), count)
    place = day + np.tile(share, int(often.sum()))
    moisture = slope(place) + READING_NOISE * rng.standard_normal((len(place), daily.shape[1]))
    for sensor, at, part, size in faults.spikes:
        row = np.flatnonzero(day == at)[int(part * count)]
        moisture[row, sensor] += size
    mean, wave = site.soil_temperature(make.temperature), site.daily_wave(make.temperature)
    temperature = mean[day] + wave[day] * np.sin(2 * np.pi * (place % 1 - 0.4))
    temperature = np.where(faults.frost[day], faults.frost_temperature[day], np.maximum(temperature, 0.3))
    rain = np.zeros((int(often.sum()), count))
    for hour, part in enumerate(STORM, start=STORM_BEGINS):
        inside = np.flatnonzero((share > hour / 24) & (share <= (hour + 1) / 24 + 1e-9))
        rain[:, inside] += part * site.rain[often][:, None] / len(inside)
    lost = rng.random(moisture.shape) < LOST_SHARE
    for sensor, at, part, _ in faults.spikes:  # the rule asks for all readings of half a day around
        lost[np.abs(place - at - part) < 1.2, sensor] = False
    times = site.days[day] + pd.to_timedelta(np.tile(np.arange(count) * make.minutes, int(often.sum())), unit="min")
    return _reported(site, make, times, moisture, lost, temperature, rain.ravel())


def _seldom(
    rng: np.random.Generator, site: Site, make: Make, faults: Faults, daily: np.ndarray, seldom: np.ndarray
) -> Readings:
    temperature = np.maximum(site.soil_temperature(make.temperature), 0.3)
    temperature = np.where(faults.frost, faults.frost_temperature, temperature)
    lost = rng.random(daily.shape) < LOST_SHARE
    return _reported(
        site, make, site.days[seldom] + NOON, daily[seldom], lost[seldom], temperature[seldom], site.rain[seldom]
    )


def _reported(
    site: Site, make: Make, times: pd.DatetimeIndex, moisture: np.ndarray, lost: np.ndarray, temperature: np.ndarray,
    rain: np.ndarray,
) -> Readings:  # fmt: skip
    """Readings in the make's unit, by the relation that knows no bulk density, frozen soil read as dry."""
    temperature = np.round(temperature, 1)
    reported = np.empty(moisture.shape)
    for sensor, (top, bottom) in enumerate(make.depths):
        seen = np.maximum(moisture[:, sensor], 0.0)
        if (top + bottom) / 2 <= FROST_DEPTH:
            seen = np.where(temperature <= 0, FROZEN_SHARE * seen, seen)
        topp = uncalibrate(seen, relation="bulk_density", bulk_density=site.bulk_density, where=site.name)
        reported[:, sensor] = make.report(topp, top, bottom)
    return Readings(times, np.where(lost, np.nan, reported), temperature, np.round(rain, 2))


def _with_memory(noise: np.ndarray) -> np.ndarray:
    for step in range(1, len(noise)):
        noise[step] = MEMORY * noise[step - 1] + np.sqrt(1 - MEMORY**2) * noise[step]
    return noise
